"""The text of a recipe: a recipe as TOML, and the line where a setting stands."""

import re
from collections.abc import Sequence
from typing import Any

from angle_bench.files.toml import toml_value
from angle_bench.training.recipe.recipe import Keys, Recipe

_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([\w.\-\"' ]+?)\s*=")


ALWAYS = ("train", "loss", "prompts", "espresso", "matryoshka", "teacher", "lora", "select")


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
        lines.append(f"description = {toml_value(recipe.description)}")
    for name, values in given.items():
        always = name in ALWAYS
        shown = values if always else least.get(name, {})
        if name == "teacher":
            lines += _teachers(shown)
            continue
        if not isinstance(shown, dict) or not (shown := _without(shown, "train", name == "data")):
            continue
        lines += [
            "",
            f"[{name}]",
            *(f"{key} = {toml_value(v)}" for key, v in shown.items()),
        ]
    for source in sources:
        kept = {key: value for key, value in source.items() if value not in ({}, None)}
        lines += ["", "[[data.train]]", *(f"{key} = {toml_value(v)}" for key, v in kept.items())]
    return "\n".join(lines).strip() + "\n"


def _teachers(given: Any) -> list[str]:
    """One table, or one for each; how they compare is said where it is not the usual way."""
    header = "[[teacher]]" if isinstance(given, list) else "[teacher]"
    lines: list[str] = []
    for each in given if isinstance(given, list) else [given]:
        shown = _without(each, "compare", each["compare"] == "vectors")
        lines += ["", header, *(f"{key} = {toml_value(v)}" for key, v in shown.items())]
    return lines


def _without(values: dict[str, Any], key: str, wanted: bool) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not (wanted and name == key)}
