"""JSON lines, and arrays of objects."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from angle_bench.evaluation.reader.batch import OBJECTS, ArrowBatch, ObjectBatch, Row, RowBatch
from angle_bench.evaluation.reader.blocks import Block, line_blocks, utf8_chunks
from angle_bench.evaluation.reader.kinds import FileKind
from angle_bench.evaluation.reader.problems import Problems, cell_text, short

_SPACE = b" \t\r\n"


class JsonRows:
    """JSON lines; a file that begins with `[` is an array of rows."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems
        self._columns: tuple[str, ...] | None = None

    def columns(self) -> tuple[str, ...]:
        """The keys of all rows, which takes a pass over the file."""
        if self._columns is None:
            names: dict[str, None] = {}
            before = len(self._problems.skipped)
            for batch in self._read(lambda block: _quick(block, None)):
                names.update(dict.fromkeys(batch.names))
            del self._problems.skipped[before:]  # they are counted when the rows are read
            self._columns = tuple(names)
        return self._columns

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The rows; with a column, at least that one."""
        yield from self._read(lambda block: None if column is None else _quick(block, column))

    def _read(self, quick: Callable[[Block], ArrowBatch | None]) -> Iterator[RowBatch]:
        """The rows, of each block as `quick` reads them, or one by one where that is None."""
        first = True
        for block in line_blocks(self._chunks(), self._problems):
            if first and block.data.lstrip(_SPACE).startswith(b"["):
                yield from self._array()
                return
            first = first and not block.data.strip(_SPACE)
            batch = quick(block)
            if batch is not None:
                yield batch
            else:
                yield from self._lines(block)

    def _chunks(self) -> Iterator[bytes]:
        return utf8_chunks(self._problems.place, self._kind.compression, self._problems)

    def _lines(self, block: Block) -> Iterator[RowBatch]:
        return self._batches(self._values(block))

    def _values(self, block: Block) -> Iterator[tuple[int, Any]]:
        """The value of every line that is JSON, with the line's number."""
        for number, line in enumerate(block.data.split(b"\n"), start=block.line):
            if not line.strip(_SPACE):
                continue
            try:
                value = json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                self._problems.bad_row(number, f"is no JSON: {_message(error)}")
                continue
            yield number, value

    def _batches(self, values: Iterator[tuple[int, Any]]) -> Iterator[RowBatch]:
        """The rows among values, a few at a time."""
        numbers: list[int] = []
        rows: list[Row] = []
        for number, value in values:
            if (row := self._row(value, number)) is not None:
                numbers.append(number)
                rows.append(row)
            if len(rows) == OBJECTS:
                yield ObjectBatch(numbers, rows)
                numbers, rows = [], []
        if rows:
            yield ObjectBatch(numbers, rows)

    def _row(self, value: Any, number: int) -> Row | None:
        if not isinstance(value, dict):
            self._problems.bad_row(number, f"holds {cell_text(value)}, which is no object")
            return None
        for name, cell in value.items():
            if (isinstance(cell, float) and math.isinf(cell)) or _too_large(cell):
                self._problems.bad_row(number, f"has a number in {short(name)} beyond float64")
                return None
        return value

    def _array(self) -> Iterator[RowBatch]:
        """The rows of an array, as far as they have been read."""
        return self._batches(self._elements(json.JSONDecoder(object_pairs_hook=_once)))

    def _elements(self, decoder: json.JSONDecoder) -> Iterator[tuple[int, Any]]:
        pieces = _Pieces(self._chunks(), self._problems)
        pieces.take("[")
        if pieces.peek() == "]":
            pieces.take("]")
        else:
            while True:
                yield pieces.value(decoder)
                if pieces.peek() != ",":
                    break
                pieces.take(",")
            pieces.take("]")
        if pieces.peek():
            raise self._problems.error(pieces.line, "has more after the end of the array")


class _Pieces:
    """The text of a JSON file, of which the part before the place is forgotten."""

    def __init__(self, chunks: Iterator[bytes], problems: Problems) -> None:
        self._blocks = line_blocks(chunks, problems)
        self._problems = problems
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1

    def _more(self) -> bool:
        if self._ended:
            return False
        size = max(1, len(self._text) - self._at)
        new = []
        while size > 0 and not self._ended:  # at least twice as much: no row is read often
            block = next(self._blocks)
            new.append(block.data.decode())
            size -= len(new[-1])
            self._ended = block.last
        self._text = self._text[self._at :] + "".join(new)
        self._at = 0
        return True

    def _forward(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def peek(self) -> str:
        """The next sign that is no space, "" at the end."""
        while True:
            to = self._at
            while to < len(self._text) and self._text[to] in " \t\r\n":
                to += 1
            self._forward(to)
            if to < len(self._text):
                return self._text[to]
            if not self._more():
                return ""

    def take(self, sign: str) -> None:
        """Pass a sign that has to be there."""
        if self.peek() != sign:
            raise self._problems.error(self.line, f"is no JSON: {sign!r} is missing")
        self._at += 1

    def value(self, decoder: json.JSONDecoder) -> tuple[int, Any]:
        """The next value and its line."""
        self.peek()
        while True:
            try:
                found, end = decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if self._more():
                    continue
                raise self._problems.error(self.line, f"is no JSON: {_message(error)}") from error
            if end == len(self._text) and self._more():
                continue  # a number may go on
            line = self.line
            self._forward(end)
            return line, found


def _message(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def _once(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {short(twice)} stands twice")
    return found


def _too_large(value: Any) -> bool:
    if isinstance(value, int) and value.bit_length() > 1000:
        try:
            float(value)
        except OverflowError:
            return True
    return False


def _quick(block: Block, column: str | None) -> ArrowBatch | None:
    """Rows as Arrow reads them, None where only Python reads every line right.

    With a column, all its values are texts; those of others may be other than they are written.

    Arrow takes several values on a line for rows, and one that is no object for a missing row, so
    its count is compared with that of the lines that begin an object.
    """
    begins = _begins(block.data)
    objects = np.flatnonzero(begins == ord("{"))
    blank = np.isin(begins, [ord("\n"), ord("\r")]).sum()
    if not objects.size or objects.size + blank != len(begins):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(block.data),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=None if column is None else pa.schema([(column, pa.string())]),
                unexpected_field_behavior="infer",
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != objects.size or (column is not None and table[column].null_count):
        return None
    return ArrowBatch(block.line + objects, table)


def _begins(data: bytes) -> NDArray[np.uint8]:
    """The first byte of each line."""
    signs = np.frombuffer(data, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(signs == ord("\n")) + 1])
    begins: NDArray[np.uint8] = signs[starts[starts < signs.size]]
    return begins
