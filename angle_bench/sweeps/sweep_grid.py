"""A recipe whose settings are lists: the grid of its cells, as values. No torch."""

import copy
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from angle_bench.errors import UsageError
from angle_bench.evaluation.run.shards import parse_shard
from angle_bench.training.checkpoint.run_folder import FREE
from angle_bench.training.recipe.read_recipe import RecipeSource, read_recipe_source
from angle_bench.training.recipe.recipe import Keys, Recipe, dotted, section_of

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")  # of a folder's name; + and = are between its parts
_LONGEST_VALUE, _LONGEST_NAME = 40, 150  # characters; file systems take 255


@dataclass(frozen=True)
class SweepCell:
    """One recipe of a grid.

    Attributes:
        name: `learning_rate=2e-05+angle_w=0`; empty where nothing is swept.
        settings: The swept settings, by their dotted keys, as they were validated.
        recipe: With these.
    """

    name: str
    settings: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class Sweep:
    """The grid of a recipe.

    Attributes:
        keys: The dotted keys of what is swept, in the order of the file; none of a plain recipe.
        cells: One for each combination, the last key changing first; one of a plain recipe.
    """

    keys: tuple[str, ...]
    cells: tuple[SweepCell, ...]


@dataclass(frozen=True)
class PlannedTraining:
    """One thing to train: a cell, under a seed where there are several.

    Attributes:
        cell: The cell.
        name: The cell's, with `/seed-N`.
        folder: Where it goes.
        recipe: With the seed.
    """

    cell: SweepCell
    name: str
    folder: Path
    recipe: Recipe


def read_sweep(word: str, changes: Sequence[str] = ()) -> Sweep:
    """The grid that a recipe means: every setting that is given as a list is swept.

    A setting that is a list itself, such as `lora.targets`, is swept by a list of lists.

    Args:
        word: As for `read_recipe`.
        changes: As for `read_recipe`.

    Raises:
        UsageError: It is no recipe; a list is empty, or has a value twice or one that is not
            allowed; or the setting cannot be swept. Key, line and value are named.
    """
    draft = read_recipe_source(word, changes)
    axes = dict(_axes(draft))
    for keys in axes:
        _refuse_what_compares_nothing(draft, keys)
    _refuse_equal(draft, axes)
    words = _words(list(axes))
    cells = []
    for chosen in _grid(axes):
        recipe = _recipe(draft, chosen)
        settings = {dotted(keys): _value_at(recipe, keys) for keys in axes}
        cells.append(SweepCell(_name(words, settings), settings, recipe))
    return Sweep(tuple(map(dotted, axes)), tuple(cells))


def trainings(sweep: Sweep, place: Path, seeds: Sequence[int] = ()) -> list[PlannedTraining]:
    """What a sweep trains, and where.

    Args:
        sweep: The cells.
        place: The folder of all of them; a plain recipe's own.
        seeds: Each cell is trained once for each; none means the recipe's own seed.
    """
    found = []
    for cell in sweep.cells:
        if not seeds:
            found.append(PlannedTraining(cell, cell.name, place / cell.name, cell.recipe))
        for seed in seeds:
            name = "/".join(part for part in (cell.name, f"seed-{seed}") if part)
            found.append(PlannedTraining(cell, name, place / name, cell.recipe.with_seed(seed)))
    return found


def dealt(every: Sequence[PlannedTraining], shard: str | None) -> list[PlannedTraining]:
    """The trainings of one part, dealt out in turn so that neighbours go to different parts.

    Args:
        every: All trainings.
        shard: `I/N` or `auto`; None is all of them.

    Raises:
        UsageError: The part is invalid, or there is one training alone.
    """
    if shard is None:
        return list(every)
    if not every[0].name:
        raise UsageError(
            "--shard deals out the trainings of a sweep or of --seeds, and here is one.",
            "the command without --shard; or a setting as a list, such as "
            "--set 'train.learning_rate=[1e-5, 2e-5]'",
        )
    part = parse_shard(shard, os.environ)
    return list(every[part.number - 1 :: part.count])


def _axes(draft: RecipeSource) -> Iterator[tuple[Keys, list[Any]]]:
    """The swept settings with their values, in the order of the file."""
    for keys, value, annotation in _settings(draft.content, Recipe, ()):
        if not isinstance(value, list):
            continue
        if _is_list(annotation):
            if value and all(isinstance(each, list) for each in value):
                yield keys, value
        elif not value:
            raise draft.refused(keys, f"{dotted(keys)} is an empty list: there is nothing to train")
        else:
            yield keys, value


def _settings(
    content: Mapping[str, Any], kind: type[BaseModel], above: Keys
) -> Iterator[tuple[Keys, Any, Any]]:
    """Every setting that is given: its keys, its value and what pydantic takes there."""
    for key, value in content.items():
        if key not in kind.model_fields:
            continue  # for pydantic to refuse
        annotation = kind.model_fields[key].annotation
        inner = section_of(annotation)
        if inner is None:
            yield (*above, key), value, annotation
            continue
        tables = value if isinstance(value, list) else [value]
        for number, table in enumerate(tables):
            if isinstance(table, dict):
                place = (number,) if isinstance(value, list) else ()
                yield from _settings(table, inner, (*above, key, *place))


def _is_list(annotation: Any) -> bool:
    """Whether a setting is a list by itself."""
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_is_list, get_args(annotation)))
    return get_origin(annotation) in (tuple, list)


def _refuse_what_compares_nothing(draft: RecipeSource, keys: Keys) -> None:
    key = dotted(keys)
    if key == "train.seed":
        raise draft.refused(
            keys, "train.seed is a list; seeds of a cell go by --seeds", "--seeds 1,2,3"
        )
    if key == "select.suite":
        raise draft.refused(keys, "select.suite is a list, and cells are compared on one suite")
    if key in FREE:
        raise draft.refused(keys, f"{key} is a list, but changes no weight: its cells are one")


def _refuse_equal(draft: RecipeSource, axes: Mapping[Keys, Sequence[Any]]) -> None:
    """Refuse a value that is not allowed, or that stands twice once it is validated."""
    first = {keys: values[0] for keys, values in axes.items()}
    for keys, values in axes.items():
        seen = []
        for value in values:
            found = _value_at(_recipe(draft, first | {keys: value}), keys)
            if found in seen:
                raise draft.refused(keys, f"{dotted(keys)} has {value_text(found)} twice")
            seen.append(found)


def _grid(axes: Mapping[Keys, Sequence[Any]]) -> Iterator[dict[Keys, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _recipe(draft: RecipeSource, chosen: Mapping[Keys, Any]) -> Recipe:
    """The recipe with one value for each swept setting."""
    content = copy.deepcopy(draft.content)
    for keys, value in chosen.items():
        at: Any = content
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value
    return draft.recipe(content, chosen)


def _value_at(recipe: Recipe, keys: Keys) -> Any:
    """A setting's value."""
    at: Any = recipe
    for key in keys:
        at = at[key] if isinstance(key, int) else getattr(at, key)
    return at


def _words(axes: Sequence[Keys]) -> dict[str, str]:
    """What a folder's name calls each key: its last word, or all of it where others end so."""
    last = [str(keys[-1]) for keys in axes]
    return {
        dotted(keys): word if last.count(word) == 1 else dotted(keys)
        for keys, word in zip(axes, last, strict=True)
    }


def _name(words: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """The folder of a cell; no commas, which part names in `compare LABEL=A,B`."""
    name = "+".join(f"{words[key]}={_short(value_text(value))}" for key, value in settings.items())
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}-{_digest(name)}"


def value_text(value: Any) -> str:
    """A value in a word: `2e-05`, `0`, `true`, `q_proj,v_proj`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0").replace("e+", "e")
    if isinstance(value, tuple):
        return ",".join(map(value_text, value))
    return str(value)


def _short(text: str) -> str:
    """A text that is safe in a path; one that had to be changed ends in a digest of the whole."""
    safe = _UNSAFE.sub("-", text)[:_LONGEST_VALUE]
    if text and safe == text:
        return text
    return f"{safe.strip('-.')}-{_digest(text)}".lstrip("-")


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=3).hexdigest()
