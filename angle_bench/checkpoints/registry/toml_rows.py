"""Checkpoints in TOML: the registry's rows, and a user's own, which may extend other ones.

A project has `angle-bench.toml`, in the working folder or above it in its repository; a user has
another one in the config folder; a file of one row can be passed after -m.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.spec import ModelSpec, Shape
from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word
from angle_bench.files.toml import TABLES, TomlFile, read_toml, toml_value
from angle_bench.suites.published import Published

# what runs code of the checkpoint's makers: whoever wrote a file does not decide that
_TYPED = ("trust_remote_code", "allow_pickle")
_HEAD = "# Checkpoints of this project; angle-bench models list shows them.\n"


def read_entries(place: Path, known: Mapping[str, Entry]) -> list[Entry]:
    """The rows of a TOML file.

    Args:
        place: The file.
        known: Rows that `extends` may name, beside those of the file itself.

    Raises:
        UsageError: It is invalid; the line and the nearest key are named.
    """
    file = read_toml(place, "model")
    rows = file.rows(TABLES, "[[model]] before the lines of every checkpoint")
    own = {str(row["name"]): number for number, row in enumerate(rows) if "name" in row}
    made: dict[int, dict[str, Any]] = {}

    def complete(number: int, seen: tuple[int, ...] = ()) -> dict[str, Any]:
        """A row with what it inherits."""
        if number in made:
            return made[number]
        row = dict(rows[number])
        parent = row.pop("extends", None)
        if parent is not None:
            inner = own.get(parent)
            if inner is not None and inner in (*seen, number):
                raise file.refused(number, "extends", f"{parent} extends itself")
            inherited = complete(inner, (*seen, number)) if inner is not None else None
            row = _heir(inherited or _parent(file, number, parent, known, own), row)
        made[number] = row
        return row

    return [_entry(file, number, complete(number)) for number in range(len(rows))]


def with_spec(place: Path, spec: ModelSpec, known: Mapping[str, Entry]) -> str:
    """The text of a TOML file with one more row: a checkpoint, so that it need not be typed again.

    Args:
        place: The file, whether it is there or not.
        spec: The checkpoint; its label is what will be typed after -m.
        known: The rows that come with the package.

    Raises:
        UsageError: A row or a known checkpoint has that name.
    """
    if spec.settings is None:
        raise UsageError(
            f"{spec.label} is computed by {spec.computed_by}, and no row has settings of it.",
            "the same command without --save-spec",
        )
    taken = {e.name for e in read_entries(place, known)} if place.is_file() else set()
    if spec.label in taken or any(spec.label in (e.name, e.short_name) for e in known.values()):
        raise UsageError(
            f"{spec.label} is the name of another checkpoint.",
            f"-m LABEL={shell_word(spec.folder or spec.name)} --save-spec",
        )
    row: dict[str, Any] = {"name": spec.label}
    if spec.folder is not None and spec.name.startswith("local/"):
        row["path"] = os.path.relpath(spec.folder, place.parent)
    else:
        row["hub"] = spec.name
    if spec.base is not None:
        row["base"] = spec.base
    used = spec.required_settings().model_dump(mode="json", exclude_defaults=True)
    prompts = used.pop("prompts", {})
    row |= {key: value for key, value in used.items() if key in Entry.model_fields}
    lines = ["", "[[model]]", *(f"{key} = {toml_value(value)}" for key, value in row.items())]
    lines.append("[model.prompts]")
    lines += [f"{key} = {toml_value(value)}" for key, value in ({"default": ""} | prompts).items()]
    before = place.read_text(encoding="utf-8") if place.is_file() else _HEAD
    return f"{before.rstrip()}\n" + "\n".join(lines) + "\n"


def _parent(
    file: TomlFile,
    number: int,
    name: str,
    known: Mapping[str, Entry],
    own: Mapping[str, int],
) -> dict[str, Any]:
    wanted = str(name).casefold()
    for entry in known.values():
        if wanted in (entry.name.casefold(), entry.short_name.casefold()):
            inherited = entry.model_dump(mode="json", exclude_unset=True)
            elsewhere = entry.path or entry.endpoint
            return inherited if elsewhere else {"hub": entry.hub_id, **inherited}
    near = did_you_mean(str(name), [*own, *known])
    hint = f" (did you mean {or_list(near)}?)" if near else ""
    raise file.refused(number, "extends", f"no model is called {name}{hint}")


def _heir(parent: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A row with what it inherits: of other weights only the settings."""
    of_the_weights = {"hub", "revision", "license", "source", "package", "contents", "published"}
    of_the_weights |= {"endpoint", "usd_per_million_tokens"}
    left_out = {"name", *(of_the_weights if "path" in row else ())}
    return {key: value for key, value in parent.items() if key not in left_out} | row


def _entry(file: TomlFile, number: int, row: dict[str, Any]) -> Entry:
    for key in _TYPED:
        if key in row:
            option = f"--{key.replace('_', '-')}"
            raise file.refused(
                number, key, f"{key} is never taken from a file", f"{option}, and no such line"
            )
    try:
        entry = Entry.model_validate(row)
    except ValidationError as error:
        raise file.invalid(number, error, _keys(error)) from error
    place = file.place
    paths: dict[str, Any] = {}
    if entry.path is not None:
        paths["path"] = place.parent / entry.path.expanduser()
    if entry.base is not None and (place.parent / entry.base).is_dir():
        paths["base"] = str(place.parent / entry.base)
    return entry.model_copy(update=paths)


def _keys(error: ValidationError) -> list[str]:
    """The keys of the table that the first complaint is about."""
    path = [part for part in error.errors()[0]["loc"] if isinstance(part, str)]
    tables: dict[str, type[BaseModel]] = {"prompts": PromptPolicy, "shape": Shape}
    tables["published"] = Published
    if len(path) > 1:
        return list(tables.get(path[0], Entry).model_fields)
    return [*Entry.model_fields, "extends"]
