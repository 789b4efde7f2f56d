"""How the vectors of an identity lie in the file: a value each, or packed in float16.

A value of its own starts a page of 4,096 bytes as soon as it is longer than about 2,000: a vector
of 1,024 numbers then takes 4,096 bytes in float16, twice what it is. Packed it takes 2,150.
A vector that is stored again takes its room twice until its identity is evicted.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from angle_bench.encoding.store.sealed import VALUE, Value
from angle_bench.errors import ModelError

if TYPE_CHECKING:
    from lmdb import Transaction, _Database

BLOCK_BYTES = 1 << 20  # so that the rest of the last page of a block is nothing
_BLOCK = struct.Struct(">I")
_PLACE = struct.Struct(">III")  # block, first byte, length
_PACKED = b"-float16"  # behind an identity's name: its table of places, and
_BLOCKS = b"-float16-blocks"  # its vectors


class ValueLayout(Protocol):
    """How vectors become values of tables, and are read from there.

    Attributes:
        kind: What numbers are stored as.
        suffix: What tells the tables of this layout from those of another, behind an identity.
        said: The same for people.
    """

    kind: "np.dtype[Any]"
    suffix: bytes
    said: str

    def get(
        self, transaction: "Transaction[Any]", tables: "Sequence[_Database]", keys: Sequence[bytes]
    ) -> Sequence[Value | None]:
        """The values of keys, None where there is none; views that end with the transaction."""

    def put(
        self,
        transaction: "Transaction[bytes]",
        tables: "Sequence[_Database]",
        keys: Sequence[bytes],
        values: Sequence[bytes],
    ) -> None:
        """Store values, one or more."""

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are read back.

        Raises:
            ModelError: A number is too large for what vectors are stored as.
        """


class EachAlone:
    """A table of float32 vectors by their keys."""

    kind = VALUE
    suffix = b""
    said = ""

    def get(
        self, transaction: "Transaction[Any]", tables: "Sequence[_Database]", keys: Sequence[bytes]
    ) -> Sequence[Value | None]:
        """The values of keys."""
        get, (table,) = transaction.get, tables
        return [get(key, None, table) for key in keys]

    def put(
        self,
        transaction: "Transaction[bytes]",
        tables: "Sequence[_Database]",
        keys: Sequence[bytes],
        values: Sequence[bytes],
    ) -> None:
        """Store values."""
        transaction.cursor(db=tables[0]).putmulti(zip(keys, values, strict=True))

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are."""
        return vectors


class Packed:
    """Many float16 vectors in one value, and a table that says where each of them lies."""

    kind = np.dtype("<f2")
    suffix = _PACKED
    said = " float16"

    def get(
        self, transaction: "Transaction[Any]", tables: "Sequence[_Database]", keys: Sequence[bytes]
    ) -> Sequence[Value | None]:
        """The values of keys."""
        index, blocks = tables
        known: dict[int, memoryview] = {}
        found: list[memoryview | None] = []
        for key in keys:
            place = transaction.get(key, None, index)
            if place is None or len(place) != _PLACE.size:
                found.append(None)
                continue
            number, first, length = _PLACE.unpack(place)
            if number not in known:
                known[number] = memoryview(transaction.get(_BLOCK.pack(number), b"", blocks))
            found.append(known[number][first : first + length])
        return found

    def put(
        self,
        transaction: "Transaction[bytes]",
        tables: "Sequence[_Database]",
        keys: Sequence[bytes],
        values: Sequence[bytes],
    ) -> None:
        """Store values of any length, in blocks behind those that are there."""
        index, blocks = tables
        with transaction.cursor(db=blocks) as cursor:
            number = _BLOCK.unpack(cursor.key())[0] + 1 if cursor.last() else 0
        start = 0
        places: list[bytes] = []
        while start < len(values):
            block: list[bytes] = []
            size = 0
            while start < len(values) and (not block or size + len(values[start]) <= BLOCK_BYTES):
                places.append(_PLACE.pack(number, size, len(values[start])))
                block.append(values[start])
                size += len(values[start])
                start += 1
            transaction.put(_BLOCK.pack(number), b"".join(block), db=blocks, append=True)
            number += 1
        with transaction.cursor(db=index) as cursor:
            cursor.putmulti(zip(keys, places, strict=True))

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors rounded to float16."""
        with np.errstate(over="ignore"):
            kept = vectors.astype(self.kind).astype(np.float32)
        if not np.isfinite(kept).all():
            raise ModelError(
                "a vector has a number above 65,504, the largest of float16.",
                "--cache-dtype float32",
            )
        return kept


LAYOUTS: dict[str, ValueLayout] = {"float32": EachAlone(), "float16": Packed()}


def tables_of(name: bytes) -> list[bytes]:
    """The tables behind a name, whatever its layout: vectors, or their places and blocks."""
    return [name, name.removesuffix(_PACKED) + _BLOCKS] if name.endswith(_PACKED) else [name]
