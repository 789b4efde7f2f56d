"""CSV, TSV and the like: pyarrow reads what is plain, `cells` what is not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from angle_bench.evaluation.reader.batch import ArrowBatch, ObjectBatch, RowBatch
from angle_bench.evaluation.reader.blocks import Block, blocks, utf8_chunks
from angle_bench.evaluation.reader.cells import Record, Records
from angle_bench.evaluation.reader.kinds import FileKind
from angle_bench.evaluation.reader.problems import Problems, cell_text

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 100  # records that decide between delimiters
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_OPENED = re.compile(rb'(?:^|[\t\r\n])"')


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Attributes:
        delimiter: Between cells.
        quoting: Whether cells may be quoted.
        names: Of the columns.
        nameless: Empty columns after the last named one, as spreadsheets write them.
    """

    delimiter: str
    quoting: bool
    names: tuple[str, ...]
    nameless: int

    @property
    def width(self) -> int:
        """Cells of a record."""
        return len(self.names) + self.nameless


class Separated:
    """A file of cells with a header."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems
        self._layout: Layout | None = None

    def columns(self) -> tuple[str, ...]:
        """The names in the header."""
        return self._found().names

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The rows; with a column, at least that one."""
        layout = self._found()
        if not layout.names:
            return
        for number, block in enumerate(self._blocks(layout.delimiter, layout.quoting)):
            rest = _without_header(block, layout) if number == 0 else block
            if rest.data:
                yield self._batch(rest, layout, column)

    def _found(self) -> Layout:
        if self._layout is None:
            self._layout = self._look()
        return self._layout

    def _blocks(self, delimiter: str, quoting: bool) -> Iterator[Block]:
        chunks = utf8_chunks(self._problems.place, self._kind.compression, self._problems)
        return blocks(chunks, lambda data: _cut(data, delimiter, quoting), self._problems)

    def _look(self) -> Layout:
        first = next(self._blocks("\t", False)).data.decode()
        delimiter = _delimiter(first, "\t" if self._kind.kind == "tsv" else ",")
        quoting = delimiter != "\t" or self._really_quoted(first)
        whole = next(self._blocks(delimiter, quoting)).data.decode()
        header = next(iter(Records(whole, 1, True, delimiter, quoting)), Record([], 1))
        if header.wrong:
            raise self._problems.error(header.line, header.wrong)
        names = list(header.cells)
        while names and not names[-1].strip():
            names.pop()
        return Layout(delimiter, quoting, tuple(names), len(header.cells) - len(names))

    def _really_quoted(self, first: str) -> bool:
        """Whether a file with tabs is quoted.

        It is if its whole header is, or if every cell that begins with a quote is a quoted cell
        that has to be one, since it holds a quote, a tab or a line end. But where each line has
        the cells of the header without any quoting, a quoted cell over several lines would only
        swallow rows.
        """
        header = first.lstrip("\r\n").partition("\n")[0].rstrip("\r").split("\t")
        if all(len(name) > 1 and name[0] == name[-1] == '"' for name in header):
            return True
        for block in self._blocks("\t", True):
            if _OPENED.search(block.data):
                text = block.data.decode()
                records = list(Records(text, 1, True, "\t", True))
                if any(record.wrong or record.needless for record in records):
                    return False
                lines = list(Records(text, 1, True, "\t", False))
                tabbed = all(len(line.cells) == len(header) for line in lines)
                if tabbed and len(lines) > len(records):
                    return False
        return True

    def _batch(self, block: Block, layout: Layout, column: str | None) -> RowBatch:
        found = block.known or _scan(block.data, layout.delimiter, layout.quoting)
        if found is not None:
            numbers = found.numbers(block)
            table = _table(block.data, layout, column)
            if table is not None and table.num_rows == len(numbers):
                return ArrowBatch(numbers, table)
        return self._exact(block, layout)

    def _exact(self, block: Block, layout: Layout) -> RowBatch:
        """The rows one by one: what is wrong with each."""
        numbers, rows = [], []
        text = block.data.decode()
        for record in Records(text, block.line, True, layout.delimiter, layout.quoting):
            if wrong := record.wrong or _wrong_cells(record.cells, layout):
                self._problems.bad_row(record.line, wrong, _fix(record, layout))
                continue
            numbers.append(record.line)
            rows.append(dict(zip(layout.names, record.cells, strict=False)))
        return ObjectBatch(numbers, rows)


def _cut(data: bytes, delimiter: str, quoting: bool) -> "tuple[int, _Scan | None]":
    """How many bytes are whole records; where these end, if that was looked for."""
    if not quoting or b'"' not in data:
        return data.rfind(b"\n") + 1, None
    found = _scan(data, delimiter, quoting)
    if found is not None:
        end = int(found.ends[-1]) + 1 if found.ends.size else 0
        return end, replace(found, data=found.data[:end])
    text = data.decode("utf-8", "surrogateescape")  # whether it is UTF-8 is looked at later
    records = Records(text, 1, False, delimiter, True)
    for _ in records:
        pass
    return len(text[: records.end].encode("utf-8", "surrogateescape")), None


def _delimiter(text: str, usual: str) -> str:
    """The delimiter of a file, by its header; where that has several, by its first records."""
    header = text.lstrip("\r\n").partition("\n")[0]
    there = [each for each in DELIMITERS if each in re.sub('"[^"]*"', "", header)]
    if len(there) < 2:
        return there[0] if there else usual
    widths: dict[str, int] = {}
    for each in sorted(there, key=lambda each: each != usual):
        records = iter(Records(text, 1, False, each, each != "\t"))
        counts = [len(record.cells) for record, _ in zip(records, range(_SAMPLE), strict=False)]
        if len(set(counts)) == 1:
            widths[each] = counts[0]
    return max(widths, key=lambda each: widths[each]) if widths else max(there, key=header.count)


def _without_header(block: Block, layout: Layout) -> Block:
    records = Records(block.data.decode(), block.line, True, layout.delimiter, layout.quoting)
    next(iter(records))
    size = len(records.text[: records.end].encode())
    head = block.data[:size]
    lines = head.count(b"\n") + head.count(b"\r") - head.count(b"\r\n")
    return Block(block.data[size:], block.line + lines, block.last)


@dataclass(frozen=True)
class _Scan:
    """Where records end in plain data.

    Attributes:
        data: Its bytes.
        ends: The newlines that end a record.
        lines: Which newline of the data each of them is, from 0.
    """

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]

    def numbers(self, block: Block) -> NDArray[np.int64]:
        """The line of every record, without those that are blank."""
        stops = self.ends
        if not stops.size or stops[-1] + 1 < self.data.size:
            stops = np.append(stops, self.data.size)  # the last one has no newline
        starts = np.concatenate([[0], stops[:-1] + 1])
        lengths = stops - starts
        returned = self.data[starts] == _RETURN if self.data.size else lengths == 0
        blank = (lengths == 0) | ((lengths == 1) & returned)
        lines = np.concatenate([[0], self.lines + 1])[: len(stops)]
        numbers: NDArray[np.int64] = block.line + lines[~blank]
        return numbers


def _scan(data: bytes, delimiter: str, quoting: bool) -> _Scan | None:
    """Where records end, None where quotes or carriage returns need a closer look.

    Quotes are plain where each that opens a cell stands at its beginning, and each that closes
    one at its end: then those in between are doubled, and a newline after an even number of
    quotes ends a record.
    """
    signs = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(signs == _NEWLINE)
    lines = np.arange(newlines.size)
    quotes = np.flatnonzero(signs == _QUOTE) if quoting and b'"' in data else newlines[:0]
    if quotes.size:
        opening, closing = quotes[::2], quotes[1::2]
        before = signs[opening - 1]
        fine = _limits(before, delimiter) | (opening == 0)
        fine[1:] |= opening[1:] - 1 == closing[: opening.size - 1]  # the second of two
        if not fine.all():
            return None
        following = signs[np.minimum(closing + 1, signs.size - 1)]
        fine = _limits(following, delimiter) | (following == _QUOTE) | (closing + 1 == signs.size)
        if not fine.all():
            return None
        lines = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
    if b"\r" in data:
        returns = np.flatnonzero(signs == _RETURN)
        if quotes.size:
            returns = returns[np.searchsorted(quotes, returns) % 2 == 0]
        if (signs[np.minimum(returns + 1, signs.size - 1)] != _NEWLINE).any():
            return None
    return _Scan(signs, newlines[lines], lines)


def _limits(signs: NDArray[np.uint8], delimiter: str) -> NDArray[np.bool_]:
    """Which bytes end a cell."""
    found: NDArray[np.bool_] = (signs == ord(delimiter)) | (signs == _NEWLINE) | (signs == _RETURN)
    return found


def _table(data: bytes, layout: Layout, column: str | None) -> pa.Table | None:
    """The rows as Arrow has them, None where it cannot read them all."""
    spare = [f"\0{number}" for number in range(layout.nameless)]
    names = [*layout.names, *spare]
    wanted = list(layout.names) if column is None else [column]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char='"' if layout.quoting else False,
                newlines_in_values=layout.quoting and b'"' in data,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                include_columns=[*wanted, *spare],
            ),
        )
    except pa.ArrowInvalid:  # `_exact` says what it is, and reads what only Arrow cannot
        return None
    if any(pc.any(pc.not_equal(table[name], "")).as_py() for name in spare):
        return None
    return table.select(wanted)


def _wrong_cells(cells: list[str], layout: Layout) -> str:
    if len(cells) != layout.width:
        count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        return f"has {count}, and the header {layout.width}"
    if more := [cell for cell in cells[len(layout.names) :] if cell]:
        return f"has {cell_text(more[0])} in a column without a name"
    return ""


def _fix(record: Record, layout: Layout) -> str:
    if record.wrong:
        return "the quote written twice, within a cell in quotes"
    if len(record.cells) > layout.width and layout.quoting:
        return f"quotes around a cell that holds {layout.delimiter!r}"
    return ""
