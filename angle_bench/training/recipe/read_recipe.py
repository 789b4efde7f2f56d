"""A recipe as it is written: found by its name, read from TOML, changed by `--set`."""

import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word
from angle_bench.files.places import tasks_folder
from angle_bench.files.toml import read_toml, toml_value
from angle_bench.training.recipe.recipe import Keys, Recipe, dotted, keys_of, section_of
from angle_bench.training.recipe.to_toml import line_of


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
    return read_recipe_source(word, changes).recipe()


@dataclass(frozen=True)
class RecipeSource:
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
        return UsageError(f"{self.place}:{line}: {what}.", fix or "the corrected line")

    def _invalid(self, error: ValidationError, tried: Mapping[Keys, Any]) -> UsageError:
        """Pydantic's first complaint, with the line that it is about."""
        first = error.errors()[0]
        loc = keys_of(error)
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
        values = [f"{dotted(keys)} = {toml_value(v)}" for keys, v in (meant or tried).items()]
        if meant or (tried and not loc):  # where the sections disagree, any of them may be why
            what += f" ({', '.join(values)})"
        return self.refused(loc, what)


def read_recipe_source(word: str, changes: Sequence[str] = ()) -> RecipeSource:
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
    return RecipeSource(place, file.text, content, changed)


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
        f"angle-bench train {f'{shell_word(near[0])} -n' if near else ready}",
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
