"""A recipe: what is trained, on what and how; read from TOML, from a name, changed by `--set`."""

import itertools
import json
import re
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError, model_validator

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.places import tasks_folder
from angle_bench.toml_file import read_toml
from angle_bench.training.settings import (
    Data,
    Espresso,
    Lora,
    Model,
    Objectives,
    Prompts,
    Section,
    Select,
    Teacher,
    Train,
)

Keys = tuple[str | int, ...]  # from the whole recipe to a setting: ("data", "train", 0, "limit")


class Recipe(Section):
    """Everything that training needs to know; equal recipes give equal weights.

    Attributes:
        description: A line for whoever chooses among recipes.
        prompts: None is the checkpoint's own.
        espresso: None trains the last layer at full size alone.
        teacher: None distils from nobody.
        lora: None trains the checkpoint's own weights.
    """

    description: str = ""
    model: Model
    data: Data
    prompts: Prompts | None = None
    loss: Objectives = Objectives()
    espresso: Espresso | None = None
    teacher: Teacher | None = None
    lora: Lora | None = None
    train: Train = Train()
    select: Select = Select()

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if not self.data.train:
            raise ValueError("a recipe has at least one [[data.train]]")
        if self.data.streaming and self.train.max_steps is None:
            raise ValueError("streamed data has no known end: train.max_steps is needed")
        if self.data.streaming and self.data.drop_duplicates:
            raise ValueError("drop_duplicates has to see all rows, which streaming does not")
        if self.data.streaming and not self.data.shuffle:
            raise ValueError("streamed data is always shuffled")
        if self.lora is not None and (self.model.trainable or self.model.frozen):
            raise ValueError("with [lora] the adapter alone trains; lora.targets says where it is")
        weighted = [source.weight is not None for source in self.data.train]
        if any(weighted) and not all(weighted):
            raise ValueError("either every [[data.train]] has a weight, or none has")
        if any(weighted) and not self.data.shuffle:
            raise ValueError("sources that are mixed by weight are always shuffled")
        return self

    def with_seed(self, seed: int) -> Self:
        """The same recipe with another seed."""
        train = self.train.model_copy(update={"seed": seed})
        return self.model_copy(update={"train": train})


def recipe_names() -> list[str]:
    """The ready recipes that the package ships; `study/sts-cosine` is in a folder of its own."""
    places = (place.relative_to(_folder()) for place in _folder().rglob("*.toml"))
    return sorted(place.with_suffix("").as_posix() for place in places)


def read_recipe(word: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe that a word means.

    Args:
        word: The path of a TOML file, or the name of a ready recipe.
        changes: As after `--set`: `lora.r=16`, a value written as in TOML.

    Paths of a file's data are relative to that file; a ready recipe's are to the current folder.

    Raises:
        UsageError: Nothing is called so, it is no TOML, or a key or value is wrong, with its line.
    """
    return read_draft(word, changes).recipe()


@dataclass(frozen=True)
class Draft:
    """A recipe as it is written and changed, before its values are judged.

    Attributes:
        place: Its file.
        text: What stands there.
        content: What that says, with the changes.
        changed: The settings that `--set` changed.
    """

    place: Path
    text: str
    content: Mapping[str, Any]
    changed: tuple[Keys, ...] = ()

    def recipe(
        self, content: Mapping[str, Any] | None = None, tried: Mapping[Keys, Any] | None = None
    ) -> Recipe:
        """The recipe that it is.

        Args:
            content: What it says instead, with one value for each setting that has several.
            tried: These values, for errors.

        Raises:
            UsageError: A key or value is wrong, with its line.
        """
        try:
            return Recipe.model_validate(self.content if content is None else content)
        except ValidationError as error:
            raise self._invalid(error, tried or {}) from error

    def refused(self, keys: Keys, what: str, fix: str | None = None) -> UsageError:
        """What is wrong with a setting, with its line."""
        if any(path == keys[: len(path)] for path in self.changed):
            return UsageError(f"--set: {what}.", fix or f"--set {dotted(keys)}=VALUE")
        line = line_of(self.text, keys)
        return UsageError(f"{self.place}:{line}: {what}.", fix or "the line mended")

    def _invalid(self, error: ValidationError, tried: Mapping[Keys, Any]) -> UsageError:
        """Pydantic's first complaint, with the line that it is about."""
        first = error.errors()[0]
        loc = tuple(first["loc"])
        named = dotted(loc)
        if first["type"] == "extra_forbidden":
            near = did_you_mean(str(loc[-1]), _keys(loc[:-1]))
            hint = f" (did you mean {or_list(near)}?)" if near else ""
            what = f"there is no key {named}{hint}"
        elif first["type"] == "missing":
            what = f"the recipe has no {named}"
        else:
            said = first["msg"].removeprefix("Value error, ")
            what = f"{named}: {said[:1].lower()}{said[1:]}" if named else said
        meant = {keys: value for keys, value in tried.items() if keys == loc[: len(keys)]}
        values = [f"{dotted(keys)} = {_toml(v)}" for keys, v in (meant or tried).items()]
        if meant or (tried and not loc):  # where the sections disagree, any of them may be why
            what += f" ({', '.join(values)})"
        return self.refused(loc, what)


def read_draft(word: str, changes: Sequence[str] = ()) -> Draft:
    """A recipe as `read_recipe` finds it, with its values as they are written.

    Raises:
        UsageError: Nothing is called so, it is no TOML, or `--set` means no setting.
    """
    place = _place(word)
    file = read_toml(place, "recipe")
    content = file.content
    if not place.is_relative_to(_folder()):
        _resolve_paths(content, place.parent)
    changed = tuple(_put(content, change) for change in changes)
    return Draft(place, file.text, content, changed)


def dotted(keys: Keys) -> str:
    """`data.train.0.limit`."""
    return ".".join(map(str, keys))


def _folder() -> Path:
    return tasks_folder() / "recipes"


def _place(word: str) -> Path:
    path = Path(word).expanduser()
    if path.suffix == ".toml":
        return path
    names = recipe_names()
    if word in names:
        return _folder() / f"{word}.toml"
    near = did_you_mean(word, names)
    hint = f" Did you mean {or_list(near)}?" if near else ""
    ready = f"RECIPE.toml -n; ready ones: {', '.join(names)}"
    raise UsageError(
        f"there is no recipe {word}.{hint}",
        f"angle-bench train {f'{near[0]} -n' if near else ready}",
    )


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    data = content.get("data")
    sources = data.get("train") if isinstance(data, dict) else None
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict) and "path" in source:
            source["path"] = _resolved(source["path"], folder)


def _resolved(path: Any, folder: Path) -> Any:
    """A path from a folder on, or several; what is neither is for pydantic to refuse."""
    if isinstance(path, list):
        return [_resolved(each, folder) for each in path]
    return str(folder / Path(path).expanduser()) if isinstance(path, str) else path


def _put(content: dict[str, Any], change: str) -> Keys:
    """Make one change in place; the path of what it changed."""
    name, equals, text = change.partition("=")
    words = name.strip().split(".")
    if not equals or not all(words):
        raise UsageError(f"--set {change} is no KEY=VALUE.", "--set lora.r=16")
    path = tuple(int(word) if word.isdecimal() else word for word in words)
    _refuse_unknown(path, change)
    at: Any = content
    for key, following in itertools.pairwise(path):
        at = _step(at, key, [] if isinstance(following, int) else {}, change)
    if isinstance(at, list):
        _step(at, path[-1], None, change)
    at[path[-1]] = _value(text.strip(), change)
    return path


def _step(at: Any, key: str | int, absent: Any, change: str) -> Any:
    """One key further in; a table that is absent is made."""
    if isinstance(at, dict) and isinstance(key, str):
        return at.setdefault(key, absent)
    if isinstance(at, list) and isinstance(key, int) and key <= len(at):
        if key == len(at):
            at.append(absent)
        return at[key]
    raise UsageError(
        f"--set {change}: there is no {key} at that place.",
        "--set data.train.0.path=FILE; what stands in a list is counted from 0",
    )


def _refuse_unknown(path: Keys, change: str) -> None:
    """Every key must be a setting; what a setting holds is for pydantic to judge."""
    kind: type[BaseModel] | None = Recipe
    said: list[str] = []
    for key in path:
        if kind is None or isinstance(key, int):
            continue
        if key not in kind.model_fields:
            near = did_you_mean(key, kind.model_fields)
            meant = ".".join([*said, near[0] if near else next(iter(kind.model_fields))])
            hint = f" Did you mean {meant}?" if near else ""
            raise UsageError(
                f"--set {change}: there is no setting {'.'.join([*said, key])}.{hint}",
                f"--set {meant}=VALUE",
            )
        said.append(key)
        kind = section_of(kind.model_fields[key].annotation)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation such as `Lora | None` or `tuple[Source, ...]` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        return next(filter(None, map(section_of, get_args(annotation))), None)
    return None


def _value(text: str, change: str) -> Any:
    """A value as TOML has it; a word that is none is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if text[:1] in ("[", "{", '"', "'") or "\n" in text:
            raise UsageError(
                f"--set {change} has no value of TOML: {error}.",
                "--set lora.targets='[\"q_proj\"]'",
            ) from error
        return text


def _keys(path: Sequence[str | int]) -> Iterable[str]:
    kind: type[BaseModel] | None = Recipe
    for key in path:
        if kind is not None and isinstance(key, str) and key in kind.model_fields:
            kind = section_of(kind.model_fields[key].annotation)
    return () if kind is None else kind.model_fields


_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([\w.\-\"' ]+?)\s*=")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, on which the deepest table or key of a path is written."""
    best, deepest = 1, 0
    counts: dict[tuple[str, ...], int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = names = _words(header[2])
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
                table = (*names, counts[names])
            else:
                table = _inside(names, counts)
            written = table
        elif key := _KEY.match(line):
            written = (*table, *_words(key[1]))
        else:
            continue
        if len(written) > deepest and tuple(path[: len(written)]) == written:
            best, deepest = number, len(written)
    return best


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))


def _inside(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Keys:
    """A table such as [data.train.columns], which belongs to the last of its array."""
    for length in range(len(names), 0, -1):
        if names[:length] in counts:
            return (*names[:length], counts[names[:length]], *names[length:])
    return names


def recipe_toml(recipe: Recipe) -> str:
    """A recipe as TOML with every setting that is not at its default, and those of [train]."""
    lines: list[str] = []
    given = recipe.model_dump(mode="json", exclude_none=True)
    least = recipe.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    sources = given["data"].pop("train")
    if recipe.description:
        lines.append(f"description = {_toml(recipe.description)}")
    for name, values in given.items():
        always = name in ("train", "loss", "prompts", "espresso", "teacher", "lora", "select")
        shown = values if always else least.get(name, {})
        if not isinstance(shown, dict) or not (shown := _without(shown, "train", name == "data")):
            continue
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in shown.items())]
    for source in sources:
        kept = {key: value for key, value in source.items() if value not in ({}, None)}
        lines += ["", "[[data.train]]", *(f"{key} = {_toml(v)}" for key, v in kept.items())]
    return "\n".join(lines).strip() + "\n"


def _without(values: dict[str, Any], key: str, wanted: bool) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not (wanted and name == key)}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
