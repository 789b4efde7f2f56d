"""Means of other measures."""

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
