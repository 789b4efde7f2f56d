"""The one function that opens a file of rows, whatever its kind."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from angle_bench.errors import AngleBenchError, DataError, first_line
from angle_bench.evaluation.reader.batch import Row, RowBatch
from angle_bench.evaluation.reader.columnar import Columnar
from angle_bench.evaluation.reader.json_rows import JsonRows
from angle_bench.evaluation.reader.kinds import ReadOptions, required_kind
from angle_bench.evaluation.reader.other import PlainText, Sheet
from angle_bench.evaluation.reader.problems import Problems, Unit, skipped_text
from angle_bench.evaluation.reader.separated import Separated
from angle_bench.evaluation.reader.trec import TrecQrels, is_trec


class _Format(Protocol):
    def columns(self) -> tuple[str, ...]: ...

    def batches(self, column: str | None) -> Iterator[RowBatch]: ...


_FORMATS: Mapping[str, Any] = {
    "parquet": Columnar,
    "arrow": Columnar,
    "jsonl": JsonRows,
    "json": JsonRows,
    "csv": Separated,
    "tsv": Separated,
    "xlsx": Sheet,
    "txt": PlainText,
    "qrels": TrecQrels,
}
_MAYBE_TREC = ("csv", "tsv", "txt")
_BY_ROW = ("parquet", "arrow", "xlsx")


class RowFile:
    """The rows of a file.

    Attributes:
        place: Where it is.
        unit: What a row's number counts: lines of text, else rows, from 1.
        problems: The rows that were skipped so far.
        met: The columns of the rows that were read so far.
    """

    def __init__(self, place: Path, options: ReadOptions) -> None:
        kind = required_kind(place, options.kind)
        self.place = place
        self.unit: Unit = "row" if kind.kind in _BY_ROW else "line"
        self.problems = Problems(place, self.unit, options)
        self.met: dict[str, None] = {}
        self._kind = kind.kind
        if options.judgements and kind.kind in _MAYBE_TREC:
            with self._refusing():
                self._kind = "qrels" if is_trec(kind, self.problems) else kind.kind
        self._format: _Format = _FORMATS[self._kind](kind, self.problems)

    def columns(self) -> tuple[str, ...]:
        """The columns of the file, of JSON those of all its rows.

        Raises:
            DataError: The file cannot be read, or two columns have one name.
        """
        with self._refusing():
            names = self._format.columns()
            for name in names:
                if names.count(name) > 1:
                    raise self.problems.refused(
                        f"has two columns of the name {name or 'nothing'}", "a name for each column"
                    )
            return names

    def batches(self, column: str | None = None) -> Iterator[RowBatch]:
        """The rows in batches.

        Args:
            column: The only one that is needed, which may spare the others' reading.

        Raises:
            DataError: The file, or one of its rows, cannot be read.
        """
        if self._kind not in ("jsonl", "json"):  # whose columns take a pass
            self.met = dict.fromkeys(self.columns())
            column = column if column in self.met else None
        with self._refusing():
            for batch in self._format.batches(column):
                self.met.update(dict.fromkeys(batch.names))
                yield batch

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Each row with its number; a row of JSON has the columns that were written.

        Raises:
            DataError: The file, or one of its rows, cannot be read.
        """
        for batch in self.batches():
            for number, row in zip(batch.numbers, batch.rows(), strict=True):
                yield int(number), row

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (AngleBenchError, GeneratorExit):
            raise
        except (OSError, ValueError, EOFError, pa.ArrowException) as error:
            raise _unreadable(self.place, self._kind, error) from error
        except Exception as error:
            if type(error).__module__.startswith("python_calamine"):
                raise _unreadable(self.place, self._kind, error) from error
            raise


def _unreadable(place: Path, kind: str, error: Exception) -> DataError:
    return DataError(
        f"{place} cannot be read as {kind}: {first_line(error)}",
        f"the file {place.name} as it was made: this one is cut off, or of another kind",
    )


def skipped_lines(files: Sequence[RowFile]) -> list[str]:
    """A line for each file of which rows were skipped so far."""
    return [
        f"{file.place}: {skipped_text(file.problems.skipped, file.unit)}"
        for file in files
        if file.problems.skipped
    ]


def open_rows(place: Path, options: ReadOptions | None = None) -> RowFile:
    """A file of rows: CSV, TSV, JSON lines or array, parquet, Arrow, xlsx, plain text.

    Any of them may be compressed with gzip or zstd. `RowFile.rows` gives each row with its line,
    `RowFile.batches` many at a time; memory does not grow with the file.

    Args:
        place: The file.
        options: Encoding, and what becomes of rows that cannot be read.

    Raises:
        UsageError: The kind of file is unknown.
        DataError: It is not there.
    """
    if not place.is_file():
        raise DataError(f"there is no file {place}.", "a path to a file that is there")
    return RowFile(place, options or ReadOptions())
