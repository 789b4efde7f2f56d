"""Writes the record of what a checkpoint was trained on or selected by."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.results.text_hash import SIZE, pair_hash, text_hash
from angle_bench.results.training_texts import SCHEMA, TrainingTexts

_PENDING = 1 << 20  # hashes before repeated ones are dropped


class TrainingRecord:
    """Takes texts and pairs in any number and order; memory is 16 bytes for each distinct one.

    >>> record = TrainingRecord()
    >>> record.pair("A dog runs.", "A cat sings.")
    >>> record.text("a  DOG runs.")
    >>> record.counts
    (2, 1)
    """

    def __init__(self) -> None:
        self._texts = _Hashes()
        self._pairs = _Hashes()

    @property
    def counts(self) -> tuple[int, int]:
        """How many distinct texts and pairs there are."""
        return len(self._texts.distinct()), len(self._pairs.distinct())

    def text(self, text: str) -> None:
        """Take a single text."""
        self._texts.add(text_hash(text))

    def pair(self, first: str, second: str) -> None:
        """Take a pair, in either order, and both of its texts."""
        one, other = text_hash(first), text_hash(second)
        self._texts.add(one)
        self._texts.add(other)
        self._pairs.add(pair_hash(one, other))

    def inherit(self, earlier: TrainingTexts) -> None:
        """Take what the checkpoint was trained on that this training starts from."""
        for one in earlier.texts:
            self._texts.add(one)
        for one in earlier.pairs:
            self._pairs.add(one)

    def write(self, place: Path) -> None:
        """Write `training_texts.parquet`: texts, then pairs, each sorted and distinct.

        Raises:
            OSError: The file cannot be written.
        """
        with pq.ParquetWriter(place, SCHEMA) as file:
            for kind, hashes in (("text", self._texts), ("pair", self._pairs)):
                found = hashes.distinct()
                for start in range(0, len(found), _PENDING):
                    part = found[start : start + _PENDING]
                    column = pa.FixedSizeBinaryArray.from_buffers(
                        pa.binary(SIZE), len(part), [None, pa.py_buffer(part.tobytes())]
                    )
                    kinds = pa.repeat(pa.scalar(kind), len(part))
                    file.write_table(pa.table([kinds, column], SCHEMA))


class _Hashes:
    """Distinct hashes as one array, and those that came since it was made."""

    def __init__(self) -> None:
        self._known = np.empty(0, dtype=f"V{SIZE}")
        self._new = bytearray()

    def add(self, value: bytes) -> None:
        self._new += value
        if len(self._new) >= max(_PENDING * SIZE, self._known.nbytes):
            self.distinct()

    def distinct(self) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
        """All of them, sorted as bytes."""
        if self._new:
            new = np.frombuffer(bytes(self._new), dtype=self._known.dtype)
            self._known = _sorted(np.concatenate([self._known, new]))
            self._new = bytearray()
        return self._known


def _sorted(
    values: "np.ndarray[tuple[int], np.dtype[np.void]]",
) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    """Distinct values, sorted: as pairs of big-endian numbers, whose order is that of the bytes."""
    halves = values.view(">u8").reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.ascontiguousarray(ordered[first]).view(values.dtype).reshape(-1)
