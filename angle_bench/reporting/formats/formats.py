"""A leaderboard as a file: its formats, whether a file is one of ours, and how two differ."""

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

from angle_bench.errors import ResultsError, UsageError, did_you_mean, or_list, shell_word
from angle_bench.files.atomic import FileToWrite, bytes_file, text_file
from angle_bench.files.output_file import refuse_odd_place
from angle_bench.reporting.formats import json_csv, markdown, parquet, rst, typst
from angle_bench.reporting.formats.format_names import SITE, SUFFIXES
from angle_bench.reporting.paper import board_latex
from angle_bench.reporting.tables.leaderboard import Board


def _utf8(data: bytes) -> str:
    return data.decode("utf-8")


@dataclass(frozen=True)
class Format:
    """A format of a file.

    Attributes:
        name: One of `format_names`.
        render: The whole text; of a file that is no text, what it holds as text.
        command_of: The command that made a text of this format; None if it is not one of ours.
        fields: The cells of a line, for naming a difference.
        to_bytes: The whole file, where it is no text.
        text_of: The text of a file.
    """

    name: str
    render: Callable[[Board], str]
    command_of: Callable[[str], str | None]
    fields: Callable[[str], list[str]]
    to_bytes: Callable[[Board], bytes] | None = None
    text_of: Callable[[bytes], str] = _utf8

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the names of its files may end in."""
        return SUFFIXES[self.name]

    def file(self, place: Path, board: Board) -> FileToWrite:
        """The file to write."""
        if self.to_bytes is None:
            return text_file(place, self.render(board))
        return bytes_file(place, self.to_bytes(board))


def _markdown_fields(line: str) -> list[str]:
    bare = re.sub(r"\*\*|</?u>", "", line)
    return bare.strip("| ").split(" | ") if line.startswith("| ") else []


def _latex_fields(line: str) -> list[str]:
    bare = re.sub(r"\\(?:textbf|underline)\{([^}]*)\}", r"\1", line)
    return bare.removesuffix(r" \\").split(" & ") if " & " in line else []


def _csv_fields(line: str) -> list[str]:
    return next(csv.reader(io.StringIO(line)), [])


FORMATS = (
    Format(
        "markdown",
        markdown.render,
        markdown.command_of,
        _markdown_fields,
    ),
    Format("csv", json_csv.as_csv, json_csv.command_of_csv, _csv_fields),
    Format(
        "latex",
        board_latex.render,
        board_latex.command_of,
        _latex_fields,
    ),
    Format("json", json_csv.as_json, json_csv.command_of_json, lambda _: []),
    Format("rst", rst.render, rst.command_of, rst.fields),
    Format("typst", typst.render, typst.command_of, typst.fields),
    Format(
        "parquet",
        parquet.as_text,
        json_csv.command_of_json,
        lambda _: [],
        parquet.as_parquet,
        parquet.text_of,
    ),
)


RAW_CSV = replace(FORMATS[1], render=partial(json_csv.as_csv, raw=True))


def is_site(name: str | None, file: Path | None) -> bool:
    """Whether a site is meant: by the format's name, else by .html or a name without suffix."""
    if name is not None:
        return name.casefold() == SITE
    return file is not None and file.suffix.casefold() in (*SUFFIXES[SITE], "")


def format_of(name: str | None, file: Path | None) -> Format | None:
    """The format that is named, else that of the file's suffix; None for a terminal.

    Raises:
        UsageError: There is no such format.
    """
    if name is not None:
        found = next((each for each in FORMATS if name.casefold() == each.name), None)
        return found or _unknown(f"there is no format {name}", name)
    if file is None:
        return None
    found = next((each for each in FORMATS if file.suffix.casefold() in each.suffixes), None)
    return found or _unknown(f"the suffix of {file} is of no format", file.suffix)


def _unknown(what: str, typed: str) -> Format:
    names = [*SUFFIXES]
    near = did_you_mean(typed, names)
    raise UsageError(f"{what}; there are {or_list(names)}.", f"--format {(near or names)[0]}")


def check_can_overwrite(place: Path, kind: Format) -> None:
    """Refuse to write over what is not ours.

    Raises:
        UsageError: The place is a folder, or a file that no leaderboard command made.
    """
    if place.is_dir():
        raise UsageError(
            f"{place} is a folder.", f"-o {shell_word(place / f'leaderboard{kind.suffixes[0]}')}"
        )
    if not place.exists():
        return
    refuse_odd_place(place)
    try:
        command = kind.command_of(kind.text_of(place.read_bytes()))
    except UnicodeDecodeError:
        command = None
    if command is None:
        raise UsageError(
            f"{place} is there, and it is no {kind.name} that angle-bench leaderboard made; "
            "nothing is overwritten.",
            "-o FILE of another name, or remove that file",
        )


def first_difference(place: Path, kind: Format, board: Board) -> str | None:
    """What differs first between a file and the leaderboard as it is now; None if nothing does.

    The command in the file is not compared: with the same results and options it may have been
    typed from another folder.

    Raises:
        ResultsError: The file cannot be read.
        UsageError: It is no file of ours.
    """
    try:
        old = kind.text_of(place.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(
            f"{place} cannot be read: {error}.", "--check FILE that -o made"
        ) from error
    command = kind.command_of(old)
    if command is None:
        raise UsageError(
            f"{place} is no {kind.name} that angle-bench leaderboard made.",
            "--check FILE that -o made",
        )
    new = kind.render(replace(board, command=command))
    if new == old:
        return None
    if kind.command_of is json_csv.command_of_json:
        return json_csv.first_difference(old, new)
    return _difference(kind, old.splitlines(), new.splitlines())


def _difference(kind: Format, old: Iterable[str], new: Iterable[str]) -> str:
    header: list[str] = []
    for number, (was, now) in enumerate(zip_longest(old, new), 1):
        fields = kind.fields(now or "")
        if was == now:
            if fields and len(fields) != len(header):  # a table begins
                header = fields
            continue
        before = kind.fields(was or "")
        if fields and len(before) == len(fields) == len(header) and before[0] == fields[0]:
            at = next((at for at in range(len(fields)) if before[at] != fields[at]), None)
            if at is None:
                return f"{fields[0]}: best and second differ"
            where = f"{fields[0]}, {header[at]}"
            return f"{where}: {before[at]} in the file, {fields[at]} now"
        return f"line {number}: {_said(was)} in the file, {_said(now)} now"
    return "the ends of lines differ"


def _said(line: str | None) -> str:
    return "nothing" if line is None else (line.strip()[:100] or "an empty line")
