"""Rows in batches, as Arrow tables or as Python objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

OBJECTS = 1_000  # rows that are Python objects at a time
# the metadata of an Arrow field whose bytes are text with lone surrogates
SURROGATES = {b"encoding": b"utf-8, surrogatepass"}

Row = dict[str, Any]
Numbers = Sequence[int] | NDArray[np.int64]


class RowBatch(Protocol):
    """Some rows of a file in their order."""

    @property
    def numbers(self) -> Numbers:
        """The line, or the number from 1, of each row."""

    @property
    def names(self) -> Sequence[str]:
        """The columns that these rows have."""

    def column(self, name: str) -> list[Any]:
        """The values of a column; None where a row lacks it."""

    def rows(self) -> Iterator[Row]:
        """Each row by column; a row may lack some."""


@dataclass(frozen=True)
class ObjectBatch:
    """Rows that are Python objects already."""

    numbers: Numbers
    objects: Sequence[Row]

    @property
    def names(self) -> Sequence[str]:
        """The columns that some row has."""
        return list(dict.fromkeys(name for row in self.objects for name in row))

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        return [row.get(name) for row in self.objects]

    def rows(self) -> Iterator[Row]:
        """Each row."""
        return iter(self.objects)


@dataclass(frozen=True)
class ArrowBatch:
    """Rows as Arrow has them; they become Python objects as they are needed."""

    numbers: Numbers
    table: pa.Table

    @property
    def names(self) -> Sequence[str]:
        """Its columns."""
        names: list[str] = self.table.column_names
        return names

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        if name not in self.names:
            return [None] * self.table.num_rows
        return _values(self.table.schema.field(name), self.table[name])

    def rows(self) -> Iterator[Row]:
        """Each row."""
        fields = list(self.table.schema)
        for start in range(0, self.table.num_rows, OBJECTS):
            part = self.table.slice(start, OBJECTS)
            columns = [_values(field, part.column(at)) for at, field in enumerate(fields)]
            for cells in zip(*columns, strict=True):
                yield dict(zip(self.names, cells, strict=True))


def _values(field: pa.Field, column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_binary(field.type) and (field.metadata or {}).get(b"encoding"):
        return [None if v is None else v.decode("utf-8", "surrogatepass") for v in values]
    return values


def text_array(name: str, texts: Sequence[str]) -> tuple[pa.Field, pa.Array]:
    """Texts as an Arrow column: strings, or where one has a lone surrogate marked bytes.

    Arrow's strings are valid UTF-8; the bytes are UTF-8 with surrogates let through, which
    `open_rows` reads as the texts they were.
    """
    try:
        return pa.field(name, pa.string()), pa.array(texts, pa.string())
    except UnicodeEncodeError:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        field = pa.field(name, pa.binary(), metadata=SURROGATES)
        return field, pa.array(encoded, pa.binary())
