"""The text column of a parquet, CSV, JSON lines or plain text file."""

import csv
import json
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError, UsageError, did_you_mean, or_list

SUFFIXES = (".parquet", ".csv", ".jsonl", ".txt")
TEXT = "text"  # what the lines of a plain file are called


def check_file(file: Path) -> None:
    """Refuse a file that is not here, or of another kind.

    Raises:
        UsageError: With what to type.
    """
    if not file.is_file():
        raise UsageError(f"there is no file {file}.", f"a file that ends in {or_list([*SUFFIXES])}")
    if file.suffix not in SUFFIXES:
        raise UsageError(
            f"{file} ends in none of {', '.join(SUFFIXES)}.", "the same rows as .csv or .jsonl"
        )


def read_texts(file: Path, column: str | None, option: str = "--column") -> tuple[str, list[str]]:
    """The name of a file's text column and its texts, in order.

    Args:
        file: `.parquet`, `.csv`, `.jsonl`, or `.txt` with a text a line.
        column: Which; None where there is but one that holds text.
        option: What names it on the command line.

    Raises:
        UsageError: There is no such column, or several could be meant.
        DataError: The file cannot be read, or a row holds no string there.
    """
    columns = _columns(file)
    name = _only_text_column(file, columns, option) if column is None else column
    if name not in columns:
        near = did_you_mean(name, columns)
        hint = f" Did you mean {or_list(near)}?" if near else ""
        raise UsageError(
            f"{file} has no column {name}; its columns are {', '.join(columns) or 'none'}.{hint}",
            f"{option} {near[0] if near else 'NAME'}",
        )
    for number, text in enumerate(columns[name], start=1):
        if not isinstance(text, str):
            raise DataError(
                f"row {number} of {file} has no text in {name}, but {text!r}.",
                "the file without that row, or with the text it stands for",
            )
    return name, columns[name]


def _only_text_column(file: Path, columns: dict[str, list[Any]], option: str) -> str:
    texts = [name for name, values in columns.items() if any(isinstance(v, str) for v in values)]
    candidates = texts or list(columns)
    if len(candidates) != 1:
        raise UsageError(
            f"{file} has {len(candidates)} columns that could be meant: "
            f"{', '.join(candidates) or 'none'}.",
            f"{option} {candidates[0] if candidates else 'NAME'}",
        )
    return candidates[0]


def _columns(file: Path) -> dict[str, list[Any]]:
    try:
        return _READERS[file.suffix](file)
    except (ValueError, OSError, csv.Error) as error:  # pyarrow's errors are ValueErrors
        raise DataError(
            f"{file} cannot be read as {file.suffix}: {error}", "a file that its suffix describes"
        ) from error


def _parquet(file: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    found: dict[str, list[Any]] = pq.read_table(file).to_pydict()
    return found


def _csv(file: Path) -> dict[str, list[Any]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        rows = list(reader)
        return {name: [row[name] for row in rows] for name in reader.fieldnames or []}


def _json_lines(file: Path) -> dict[str, list[Any]]:
    rows = []
    for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} holds no object")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _lines(file: Path) -> dict[str, list[Any]]:
    # newlines alone end a line: other characters that split a line belong to the text
    with file.open(encoding="utf-8-sig", newline="\n") as opened:
        return {TEXT: [line.removesuffix("\n").removesuffix("\r") for line in opened]}


_READERS = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json_lines, ".txt": _lines}
