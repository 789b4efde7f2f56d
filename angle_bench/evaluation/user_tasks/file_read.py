"""What reading a file of rows gave: a digest of the rows, their columns, and those left out."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from angle_bench.errors import AngleBenchError, DataError, first_line
from angle_bench.evaluation.reader import ReadOptions
from angle_bench.evaluation.reader.row_file import skipped_lines
from angle_bench.evaluation.reader.select_files import is_glob, opened_all
from angle_bench.files.file_facts import file_facts

Files = Mapping[tuple[str, str], Path]
READING = 3  # of the rules by which rows are read: what others remember is read anew
# what files, Arrow's conversion of values, and JSON of what is nested deeply raise
_FAILURES = (OSError, ValueError, OverflowError, RecursionError, pa.ArrowException)


@dataclass(frozen=True)
class FileRead:
    """A file that was read as a whole.

    Attributes:
        digest: sha256 in hex over the rows in order; the same for files of every kind.
        rows: How many there are.
        columns: The columns of all rows.
        skipped: The rows that were left out, in words; empty where none was.
        bad_rows: How many these are.
    """

    digest: str
    rows: int
    columns: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    bad_rows: int = 0


def read_files(files: Files, options: ReadOptions | None = None) -> dict[str, FileRead]:
    """What each file holds, by `config/split`.

    It is remembered by the file and by the way that it was read.

    Raises:
        DataError: A file cannot be read or has no rows.
    """
    used = options or ReadOptions()
    way = f"-{used.encoding}-{used.skip_bad_rows}" if used.encoding or used.skip_bad_rows else ""
    way += "-judgements" if used.judgements else ""
    found = {}
    with file_facts(f"rows-{READING}{way}") as facts:
        for key, place in sorted(files.items()):
            read = partial(_as_text, options=used)
            try:
                text = read(place) if is_glob(place) else facts.get(place, read)
            except OSError as error:  # a link to nothing, or a folder that cannot be entered
                raise _unreadable(place, error) from error
            found["/".join(key)] = _of_text(text)
    return found


def rows_of(files: Files, options: ReadOptions | None = None) -> dict[str, str]:
    """The digest of each file's rows, by `config/split`."""
    return {part: read.digest for part, read in read_files(files, options).items()}


def _as_text(place: Path, options: ReadOptions) -> str:
    return json.dumps(asdict(_read(place, options)))


def _of_text(text: str) -> FileRead:
    known = json.loads(text)
    return FileRead(**known | {name: tuple(known[name]) for name in ("columns", "skipped")})


def _read(place: Path, options: ReadOptions) -> FileRead:
    digest = hashlib.sha256()
    count = 0
    files = opened_all(place, options)
    try:
        for file in files:
            for _, row in file.rows():
                digest.update(_row_line(row))
                count += 1
    except AngleBenchError:
        raise
    except _FAILURES as error:
        raise _unreadable(place, error) from error
    if count == 0:
        raise DataError(
            f"{place} has no rows: the split {place.stem} is empty.",
            f"a file {place.name} with rows",
        )
    columns = tuple(dict.fromkeys(name for file in files for name in file.met))
    bad_rows = sum(len(file.problems.skipped) for file in files)
    return FileRead(digest.hexdigest(), count, columns, tuple(skipped_lines(files)), bad_rows)


def digest_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """The digest of rows as it is of a file that holds them."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_row_line(row))
    return digest.hexdigest()


def _row_line(row: Mapping[str, Any]) -> bytes:
    line = json.dumps(_whole(row), sort_keys=True, ensure_ascii=False, default=str)
    return line.encode("utf-8", errors="surrogatepass") + b"\n"


def _unreadable(place: Path, error: Exception) -> DataError:
    return DataError(
        f"{place} cannot be read: {first_line(error)}",
        f"the file {place.name} copied there again as a whole",
    )


def _whole(value: Any) -> Any:
    """Whole numbers as integers: JSON writers put 5 where a parquet column of doubles has 5.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):  # JSON may leave out what is null in parquet
        return {key: _whole(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
