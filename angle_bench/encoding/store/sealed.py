"""Vectors as the store keeps them: a checksum behind each, which tells rot from what was stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

FORM = b"\1"  # behind the checksum, so that no sealed vector has the length of a bare one
VALUE = np.dtype("<f4")
_SUM = np.dtype("<u8")
_TAIL = _SUM.itemsize + len(FORM)

Value = bytes | memoryview
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Opened:
    """What values hold.

    Attributes:
        whole: Which of them are vectors as they were stored.
        damaged: Which are not what was stored.
        bare: Which of the whole ones are from before there were checksums.
    """

    whole: Places
    damaged: Places
    bare: Places


def sealed(keys: Sequence[bytes], rows: NDArray[Any]) -> list[bytes]:
    """The values of vectors, (keys, dimension), little-endian float32 or float16.

    A value goes with its key alone.
    """
    raw = rows.tobytes()
    sums = _sums(raw, rows.itemsize * rows.shape[1], 0) ^ _heads(keys)
    tails = sums.astype(_SUM).tobytes()
    width, size = rows.itemsize * rows.shape[1], _SUM.itemsize
    return [
        raw[at * width : (at + 1) * width] + tails[at * size : (at + 1) * size] + FORM
        for at in range(len(keys))
    ]


def opened(keys: Sequence[bytes], values: Sequence[Value | None], into: NDArray[Any]) -> Opened:
    """Put the vectors that values hold into rows, (keys, dimension), where they are whole.

    A value of another dimension holds nothing.
    """
    width = into.itemsize * into.shape[1]
    lengths = np.array([0 if value is None else len(value) for value in values])
    places = np.flatnonzero(lengths == width + _TAIL)
    bare = np.flatnonzero(lengths == width)
    raw = _joined(values, places)
    rows = np.frombuffer(raw, np.uint8).reshape(len(places), width + _TAIL)
    said = np.ascontiguousarray(rows[:, width:-1]).view(_SUM)[:, 0]
    known = keys if len(places) == len(keys) else [keys[at] for at in places.tolist()]
    fits = (_sums(raw, width, _TAIL) ^ _heads(known) == said) & (rows[:, -1] == FORM[0])
    target = into.view(np.uint8)
    if len(places) == len(keys) and fits.all():
        target[:] = rows[:, :width]
    else:
        target[places[fits]] = rows[fits, :width]
    if len(bare):
        into[bare] = np.frombuffer(_joined(values, bare), into.dtype).reshape(len(bare), -1)
    return Opened(np.concatenate([places[fits], bare]), places[~fits], bare)


def _joined(values: Sequence[Value | None], places: Places) -> bytes:
    chosen = values if len(places) == len(values) else [values[at] for at in places.tolist()]
    return b"".join(chosen)  # type: ignore[arg-type]


def _sums(raw: bytes, width: int, gap: int) -> NDArray[np.uint64]:
    """The checksums of pieces of this width, with a gap behind each."""
    view = memoryview(raw)
    starts = range(0, len(raw), width + gap)
    return np.array([xxh3_64_intdigest(view[at : at + width]) for at in starts], np.uint64)


def _heads(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    """The first bytes of keys, as numbers."""
    return np.frombuffer(b"".join([key[: _SUM.itemsize] for key in keys]), _SUM)
