"""Many vectors in one value of lmdb, and a small table that says where each lies.

A value of its own starts a page of 4,096 bytes as soon as it is longer than about 2,000: a vector
of 1,024 numbers then takes 4,096 bytes in float16, twice what it is. Packed it takes 2,150.
A vector that is stored again takes its room twice until its identity is evicted.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmdb import Transaction, _Database

BLOCK_BYTES = 1 << 20  # so that the rest of the last page of a block is nothing
_BLOCK = struct.Struct(">I")
_PLACE = struct.Struct(">III")  # block, first byte, length


def put_packed(
    transaction: "Transaction[bytes]",
    index: "_Database",
    blocks: "_Database",
    keys: Sequence[bytes],
    values: Sequence[bytes],
) -> None:
    """Store values, one or more of any length, in blocks behind those that are there."""
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


def get_packed(
    transaction: "Transaction[Any]", index: "_Database", blocks: "_Database", keys: Sequence[bytes]
) -> list[memoryview | None]:
    """The values of keys, None where there is none; views that end with the transaction."""
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
