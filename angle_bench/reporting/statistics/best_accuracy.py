"""The accuracy of pairs at the best threshold."""

from dataclasses import dataclass

import numpy as np

from angle_bench.reporting.statistics.measures import Counts, Rated, Vector


@dataclass(frozen=True)
class BestAccuracy(Rated):
    """The share of pairs that the best threshold puts on the right side, as mteb has it.

    A threshold lies between two pairs of different scores. At the best one the derivative by a
    weight is that of the accuracy there: that the threshold moves changes nothing (the envelope
    theorem).
    """

    def value(self) -> float:
        """The accuracy; NaN where all scores are alike, which no threshold divides."""
        return float(self.resampled(np.ones((1, self.size)))[0]) if self.size else float("nan")

    def influence(self) -> Vector:
        """How far each pair's being right at the best threshold is from the accuracy."""
        found = self._accuracies(np.ones((1, self.size)))[0]
        bound = self.score[int(np.nanargmax(found))]
        right = ((self.score >= bound) == (self.gold == 1)).astype(float)
        return np.asarray((right - right.mean()) / self.size)

    def resampled(self, counts: Counts) -> Vector:
        """The best accuracy of every resample; NaN where all its scores are alike."""
        found = self._accuracies(np.asarray(counts, dtype=float))
        best = np.max(np.where(np.isnan(found), -1.0, found), axis=1)
        return np.where(best < 0, np.nan, best)

    def _accuracies(self, counts: Counts) -> Vector:
        """The accuracy if each pair and those above it are positive; NaN where that is all."""
        above = self.highest_first.sum_to(counts * (2 * self.gold - 1))
        right = above + (counts * (1 - self.gold)).sum(axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True)
        whole = (self.highest_first.sum_to(counts) == total) | (counts == 0)
        return np.where(whole, np.nan, right / total)
