"""The text column of files, as `encode` and the corpus of `mine-negatives` take it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.evaluation.reader.kinds import ReadOptions, kind_of, required_kind
from angle_bench.evaluation.reader.problems import (
    cell_text,
    columns_text,
    reads_like_a_row,
    short,
)
from angle_bench.evaluation.reader.row_file import RowFile, open_rows, skipped_lines
from angle_bench.evaluation.reader.select_files import expanded

STDIN = "-"


@dataclass(frozen=True)
class Texts:
    """A column of texts.

    Attributes:
        column: Its name.
        texts: In the order of files and rows.
        skipped: A line for each file of which rows were skipped.
        bad_rows: How many were.
        unused: The other columns of the files.
    """

    column: str
    texts: Sequence[str]
    skipped: Sequence[str] = ()
    bad_rows: int = 0
    unused: Sequence[str] = ()


@contextmanager
def text_files(word: str, options: ReadOptions) -> Iterator[list[RowFile]]:
    """The files that are meant by a path, a folder, a glob, or `-` for the standard input.

    Raises:
        UsageError: There is none, or one is of no kind that can be read.
    """
    if word == STDIN:
        with tempfile.TemporaryDirectory() as folder:  # some kinds are read twice, or by parts
            place = Path(folder, "stdin")
            with place.open("wb") as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
            kind = options.kind or "txt"
            yield [open_rows(place, ReadOptions(options.encoding, options.skip_bad_rows, kind))]
        return
    places = expanded(Path(word), lambda place: bool(options.kind) or kind_of(place) is not None)
    for place in places:
        required_kind(place, options.kind)
    yield [open_rows(place, options) for place in places]


def read_texts(files: Sequence[RowFile], column: str | None, option: str = "--column") -> Texts:
    """The text column of files, one after the other.

    Args:
        files: As `text_files` gives them.
        column: Which; None where there is but one that holds text.
        option: What names it on the command line.

    Raises:
        UsageError: There is no such column, or several could be meant.
        DataError: A file cannot be read, or a row holds no string there.
    """
    name = _only_text_column(files[0], option) if column is None else column
    texts: list[str] = []
    for file in files:
        _add_texts(texts, file, name, option)
    unused = [each for each in dict.fromkeys(n for file in files for n in file.met) if each != name]
    bad_rows = sum(len(file.problems.skipped) for file in files)
    return Texts(name, texts, skipped_lines(files), bad_rows, unused)


def _add_texts(found: list[str], file: RowFile, name: str, option: str) -> None:
    for batch in file.batches(name):
        texts = batch.column(name)
        if set(map(type, texts)) <= {str}:
            found += texts
            continue
        if name not in file.met and name not in file.columns():
            break
        for number, text in zip(batch.numbers, texts, strict=True):
            if isinstance(text, str):
                found.append(text)
            else:
                file.problems.bad_row(int(number), f"has no text in {name}, but {cell_text(text)}")
    if name not in file.met and name not in (there := file.columns()):
        near = [] if reads_like_a_row(there) else did_you_mean(name, there)
        hint = f" Did you mean {or_list(near)}?" if near else ""
        raise UsageError(
            f"{file.place} has no column {name}; {columns_text(there)}.{hint}",
            f"{option} {short(near[0]) if near else 'NAME'}",
        )


def _only_text_column(file: RowFile, option: str) -> str:
    there = file.columns()
    if len(there) == 1:
        return there[0]
    found: dict[str, None] = {}
    before = len(file.problems.skipped)
    for batch in file.batches():
        for name in batch.names:
            if name not in found and any(isinstance(v, str) for v in batch.column(name)):
                found[name] = None
    del file.problems.skipped[before:]  # they are counted when the texts are read
    candidates = [name for name in there if name in found] or list(there)
    if len(candidates) != 1:
        typed = "NAME" if not candidates or reads_like_a_row(candidates) else short(candidates[0])
        raise UsageError(
            f"{file.place} has {len(candidates)} columns that could be meant; "
            f"{columns_text(candidates)}.",
            f"{option} {typed}",
        )
    return candidates[0]
