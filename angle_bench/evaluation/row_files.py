"""Files of rows: which there are, and what is in them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError, or_list
from angle_bench.results.own_task import PARTS
from angle_bench.results.task import Task

# as mteb's loader takes them, the best first
FORMATS = ("parquet", "jsonl")
OWN_FORMATS = (*FORMATS, "csv", "tsv")

Files = Mapping[tuple[str, str], Path]


def find_files(folder: Path, formats: Sequence[str] = FORMATS) -> dict[tuple[str, str], Path]:
    """The files of `<folder>/[<config>/]<split>.<format>` by config and split."""
    files: dict[tuple[str, str], Path] = {}
    for suffix in reversed(formats):  # parquet wins where both are there
        for place in sorted(folder.glob(f"*.{suffix}")):
            files["default", place.stem] = place
        for place in sorted(folder.glob(f"*/*.{suffix}")):
            files[place.parent.name, place.stem] = place
    return files


def users_files(task: Task) -> dict[tuple[str, str], Path]:
    """The files of a task that names files, by config and split, or part of retrieval data.

    Raises:
        DataError: One is not there, or of no kind that can be read.
    """
    parts = PARTS if task.type == "Retrieval" else task.reads
    named = dict(task.path)
    if (only := named.get("")) is not None:
        if only.is_dir():
            return _of_folder(task, only, parts)
        if len(parts) > 1:
            what = "is a file" if only.exists() else "is not there"
            table = ", ".join(f'{part} = "{part}.csv"' for part in parts)
            raise DataError(
                f"{only} {what}, and {task.name} reads {', '.join(parts)}.",
                f"path = {{{table}}}, or a folder with such files",
            )
        named = {parts[0]: only}
    for place in named.values():
        if not place.is_file():
            raise DataError(
                f"there is no file {place} for {task.name}.",
                f"the path of {task.name} mended; it is relative to the TOML file",
            )
        if place.suffix.removeprefix(".") not in OWN_FORMATS:
            raise DataError(
                f"{place} is of no kind that can be read.",
                f"a file that ends in {or_list([f'.{name}' for name in OWN_FORMATS])}",
            )
    return {("default", part): named[part] for part in parts}


def _of_folder(task: Task, folder: Path, parts: Sequence[str]) -> dict[tuple[str, str], Path]:
    there = find_files(folder, OWN_FORMATS)
    for part in parts:
        if ("default", part) not in there:
            names = ", ".join(sorted(place.name for place in there.values())) or "nothing"
            raise DataError(
                f"{folder} has no {part} for {task.name} (there: {names}).",
                f"a file {part}.csv, .tsv, .jsonl or .parquet put there",
            )
    return {("default", part): there["default", part] for part in parts}


def read_rows(place: Path) -> Iterator[Any]:
    """The rows of a file, in order; in a csv or tsv file every cell is a string.

    Raises:
        ValueError: A line cannot be read; pyarrow's errors are of this kind too.
    """
    if place.suffix == ".parquet":
        import pyarrow.parquet as pq  # what is remembered needs no reading, and no 0.1 s for this

        with pq.ParquetFile(place) as opened:
            for batch in opened.iter_batches():
                yield from batch.to_pylist()
    elif place.suffix == ".jsonl":
        with place.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json_line(line, number)
    else:
        yield from _separated(place, "\t" if place.suffix == ".tsv" else ",")


def _separated(place: Path, delimiter: str) -> Iterator[dict[str, str]]:
    import pyarrow
    from pyarrow import csv as arrow_csv

    with place.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines, delimiter=delimiter), [])
    if len(set(header)) < len(header):
        raise ValueError("two columns have the same name")
    if not header:
        return
    table = arrow_csv.read_csv(
        place,
        # one block for the file: no row may be longer than a block
        read_options=arrow_csv.ReadOptions(block_size=min(place.stat().st_size + 1, 2**31 - 1)),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pyarrow.string()), strings_can_be_null=False
        ),
    )
    yield from table.to_pylist()


def _json_line(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number}: {error.msg}") from error
