"""TOML files that people write: where they are found, and errors that name the line."""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.files.owner import refuse_others_file

FILE_NAME = "angle-bench.toml"
# what a file of that name holds: checkpoints, and tasks
TABLES = ("model", "task")
# a folder that holds one of them is a repository, and nothing above it is asked
_REPOSITORY = (".git", ".hg")


def user_files() -> list[Path]:
    """The TOML files that are read without being named, the nearest first.

    Raises:
        UsageError: Somebody else could have written one of them.
    """
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    places = [folder / FILE_NAME for folder in _searched()]
    project = next((place for place in places if os.path.isfile(place)), None)
    personal = Path(config).expanduser() / "angle-bench" / FILE_NAME
    found = [place for place in (project, personal) if place is not None and os.path.isfile(place)]
    for place in found:
        refuse_others_file(place)
    return found


def _searched() -> Iterator[Path]:
    """The working folder and those above it, up to the repository's or to the user's home."""
    here, home = _working_folder(), Path("~").expanduser()
    for folder in (here, *here.parents):
        yield folder
        if folder == home or any(os.path.exists(folder / mark) for mark in _REPOSITORY):
            return


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError as error:  # it was deleted
        raise UsageError(
            f"the working folder is not there any more: {error.strerror}.",
            "the same command in a folder that is there",
        ) from error


@dataclass(frozen=True)
class TomlFile:
    """A file with an array of tables, such as `[[model]]`.

    Attributes:
        place: Where it is.
        text: As it was written.
        content: What it means.
        table: The name of the tables that are read.
    """

    place: Path
    text: str
    content: dict[str, Any]
    table: str

    def rows(self, keys: Iterable[str], fix: str) -> list[dict[str, Any]]:
        """The tables as they were written.

        Args:
            keys: What else may stand in the file.
            fix: What to type where something other stands there.

        Raises:
            UsageError: Something other stands there.
        """
        other = sorted(set(self.content) - {self.table, *keys})
        rows = self.content.get(self.table, [])
        if other or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            wrong = other[0] if other else f"a {self.table} that is no table of an array"
            raise UsageError(f"{self.place} has {wrong}.", fix)
        return rows

    def refused(
        self, number: int, key: str, what: str, fix: str = "the corrected line"
    ) -> UsageError:
        """What is wrong with a key of the table of this number, with its line."""
        return UsageError(f"{self.place}:{self._line(number, key)}: {what}.", fix)

    def invalid(self, number: int, error: ValidationError, keys: Iterable[str]) -> UsageError:
        """What pydantic refused of the table of this number.

        Args:
            number: Of the table, from 0.
            error: pydantic's; its first complaint is told.
            keys: The keys that there are where the complaint is about an unknown one.
        """
        first = error.errors()[0]
        path = [part for part in first["loc"] if isinstance(part, str)]
        if not path:  # about the table as a whole; a custom error may say which key it is about
            return self.refused(number, first.get("ctx", {}).get("key", ""), first["msg"])
        key = path[-1] if first["type"] == "extra_forbidden" else path[0]
        if first["type"] == "missing":
            return self.refused(number, "", f"the {self.table} has no {key}")
        if first["type"] != "extra_forbidden":
            return self.refused(number, key, f"{key}: {first['msg'].lower()}")
        near = did_you_mean(key, keys)
        hint = f" (did you mean {or_list(near)}?)" if near else ""
        return self.refused(number, key, f"there is no key {key}{hint}")

    def _line(self, number: int, key: str) -> int:
        """The line of a key of a table, else the line on which the table begins."""
        lines = self.text.splitlines()
        head = re.compile(rf"^\s*\[\[\s*{self.table}\s*\]\]")
        starts = [at for at, line in enumerate(lines) if head.match(line)]
        begin = starts[number] if number < len(starts) else 0
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        quoted = rf"[\"']?{re.escape(key)}[\"']?"
        written = re.compile(rf"^\s*({quoted}\s*[.=]|\[+\s*{self.table}\.{quoted}\s*[.\]])")
        found = [at for at in range(begin, end) if key and written.match(lines[at])]
        return (found[0] if found else begin) + 1


def read_toml(place: Path, table: str) -> TomlFile:
    """Read a file.

    Raises:
        UsageError: It cannot be read, or is no TOML.
    """
    try:
        if os.path.exists(place) and not os.path.isfile(place):  # a pipe would be waited for
            raise UsageError(f"{place} is no regular file.", "a TOML file in UTF-8")
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{place} cannot be read: {error}.", "a TOML file in UTF-8") from error
    try:
        return TomlFile(place, text, tomllib.loads(text), table)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{place} is no TOML: {error}.", "the corrected line") from error
    except RecursionError as error:
        raise UsageError(f"{place} is nested too deeply.", "the corrected line") from error


def toml_value(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {toml_value(v)}" for key, v in value.items())
        return "{ " + pairs + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
