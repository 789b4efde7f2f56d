"""Plain text, a text a line; and spreadsheets."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from angle_bench.errors import UsageError
from angle_bench.evaluation.reader.batch import ObjectBatch, Row, RowBatch
from angle_bench.evaluation.reader.blocks import line_blocks, opened, utf8_chunks
from angle_bench.evaluation.reader.kinds import FileKind
from angle_bench.evaluation.reader.problems import Problems, cell_text

_Cells = tuple[tuple[str, ...], list[tuple[int, list[Any]]]]  # the header; rows by number
TEXT = "text"  # what the lines of a plain file are called


class PlainText:
    """A text a line; newlines alone end one, other characters that split a line are text."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems

    def columns(self) -> tuple[str, ...]:
        """The one that there is."""
        return (TEXT,)

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The lines."""
        chunks = utf8_chunks(self._problems.place, self._kind.compression, self._problems)
        for block in line_blocks(chunks, self._problems):
            lines = block.data.decode().split("\n")
            if not lines[-1]:
                lines.pop()
            rows: list[Row] = [{TEXT: line.removesuffix("\r")} for line in lines]
            yield ObjectBatch(range(block.line, block.line + len(rows)), rows)


class Sheet:
    """The one sheet of a spreadsheet that holds something, its first row with a cell the header."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems
        self._read: _Cells | None = None

    def columns(self) -> tuple[str, ...]:
        """The names in the header."""
        return self._cells()[0]

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The rows."""
        names, cells = self._cells()
        numbers, rows = [], []
        for number, row in cells:
            values = [_value(value) for value in row]
            if more := [value for value in values[len(names) :] if value is not None]:
                self._problems.bad_row(
                    number, f"has {cell_text(more[0])} in a column without a name"
                )
                continue
            numbers.append(number)
            rows.append(dict(zip(names, values, strict=False)))
        yield ObjectBatch(numbers, rows)

    def _cells(self) -> _Cells:
        if self._read is None:
            numbered = enumerate(self._sheet(), start=1)
            filled = [(at, row) for at, row in numbered if any(cell != "" for cell in row)]
            header = filled[0][1] if filled else []
            names = [str(_value(name) or "") for name in header]
            while names and not names[-1].strip():
                names.pop()
            self._read = (tuple(names), filled[1:])
        return self._read

    def _sheet(self) -> list[list[Any]]:
        try:
            from python_calamine import CalamineWorkbook
        except ImportError as error:
            raise UsageError(
                f"{self._problems.place} needs the extra `xlsx`.",
                'pip install "angle-bench[xlsx]", or the same rows as .csv',
            ) from error
        with opened(self._problems.place, self._kind.compression) as stream:
            book = CalamineWorkbook.from_filelike(BytesIO(stream.read()))
            sheets = {
                name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                for name in book.sheet_names
            }
        filled = {name: cells for name, cells in sheets.items() if cells}
        if len(filled) > 1:
            raise self._problems.refused(
                f"has the sheets {', '.join(filled)}", "a file with one sheet, or .csv of each"
            )
        return next(iter(filled.values()), [])


def _value(cell: Any) -> Any:
    """A cell; a spreadsheet has no whole numbers and no missing ones."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return None if cell == "" else cell
