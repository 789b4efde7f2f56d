"""Means of other measures, and of values that some items lack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from angle_bench.reporting.statistics.measures import Counts, Mask, Measure, Vector


@dataclass(frozen=True)
class MeanOf:
    """The mean of measures over items of their own, such as one for each classifier."""

    measures: Sequence[Measure]

    @property
    def size(self) -> int:
        """How many items all of them have."""
        return sum(one.size for one in self.measures)

    def value(self) -> float:
        """The mean of their values."""
        return float(np.mean([one.value() for one in self.measures])) if self.size else float("nan")

    def influence(self) -> Vector:
        """Their influences, one measure's items after the other's."""
        parts = [one.influence() for one in self.measures]
        return np.asarray(np.concatenate(parts) / len(self.measures))

    def resampled(self, counts: Counts) -> Vector:
        """The mean of their resampled values."""
        parts = zip(self.measures, self._split(counts, axis=1), strict=True)
        return np.asarray(np.mean([one.resampled(own) for one, own in parts], axis=0))

    def part(self, chosen: Mask) -> "MeanOf":
        """The same over some of the items; a measure without any is left out."""
        parts = zip(self.measures, self._split(chosen, axis=0), strict=True)
        return MeanOf([one.part(own) for one, own in parts if own.any()])

    def _split(self, values: Any, axis: int) -> list[Any]:
        ends = np.cumsum([one.size for one in self.measures])
        return np.split(values, ends[:-1], axis=axis)


@dataclass(frozen=True)
class MeanOfPresent:
    """The mean over the items that have a value; NaN stands for none."""

    values: Vector

    @property
    def size(self) -> int:
        """How many items there are, those without a value included."""
        return len(self.values)

    def value(self) -> float:
        """The mean; NaN where no item has a value."""
        there = self.values[np.isfinite(self.values)]
        return float(there.mean()) if len(there) else float("nan")

    def influence(self) -> Vector:
        """How far each item is from the mean, by the number that have a value; 0 without one."""
        there = np.isfinite(self.values)
        return np.where(there, self.values - self.value(), 0.0) / max(int(there.sum()), 1)

    def resampled(self, counts: Counts) -> Vector:
        """The mean of every resample; NaN for one without values."""
        there = np.isfinite(self.values)
        with np.errstate(invalid="ignore"):  # 0/0 is the NaN that is promised
            return np.asarray(counts[:, there] @ self.values[there] / counts[:, there].sum(axis=1))

    def part(self, chosen: Mask) -> "MeanOfPresent":
        """The mean over some of the items."""
        return MeanOfPresent(self.values[chosen])
