"""The accuracy of pairs at the best threshold."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from angle_bench.reporting.statistics.measures import Counts, Mask, Vector
from angle_bench.reporting.statistics.ranked import Ranked


@dataclass(frozen=True)
class BestAccuracy:
    """The share of pairs that the best threshold puts on the right side, as mteb has it.

    A threshold lies between two pairs of different scores. At the best one the derivative by a
    weight is that of the accuracy there: that the threshold moves changes nothing (the envelope
    theorem).

    Attributes:
        gold: 1 for a positive pair, 0 for another.
        score: What the model gives each.
    """

    gold: Vector
    score: Vector

    @property
    def size(self) -> int:
        """How many pairs there are."""
        return len(self.gold)

    @cached_property
    def _ranked(self) -> Ranked:
        return Ranked.of(-self.score)  # the highest score first

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

    def part(self, chosen: Mask) -> "BestAccuracy":
        """The same over some of the pairs."""
        return BestAccuracy(self.gold[chosen], self.score[chosen])

    def _accuracies(self, counts: Counts) -> Vector:
        """The accuracy if each pair and those above it are positive; NaN where that is all."""
        above = self._ranked.sum_to(counts * (2 * self.gold - 1))
        right = above + (counts * (1 - self.gold)).sum(axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True)
        whole = (self._ranked.sum_to(counts) == total) | (counts == 0)
        return np.where(whole, np.nan, right / total)
