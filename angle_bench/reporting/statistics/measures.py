"""Main scores as functions of weights on items: value, influence of each item, resampled value.

A score is seen as a function of one weight an item, all of them 1. The derivative by an item's
weight is that item's influence: the infinitesimal jackknife (Efron 1982, "The Jackknife, the
Bootstrap and Other Resampling Plans", chapter 6).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.statistics.ranked import Ranked

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Counts = NDArray[Any]  # (resamples, items): how often each item was drawn


class Measure(Protocol):
    """A score over items that is smooth in their weights."""

    @property
    def size(self) -> int:
        """How many items there are."""

    def value(self) -> float:
        """The score; NaN where it is undefined, such as a correlation with a constant."""

    def influence(self) -> Vector:
        """The derivative of the score by each item's weight, (items,); it sums to 0."""

    def resampled(self, counts: Counts) -> Vector:
        """The score of every resample, (resamples,)."""

    def part(self, chosen: Mask) -> "Measure":
        """The same score over some of the items."""


@dataclass(frozen=True)
class Rated:
    """What measures of items with two scores have in common.

    Attributes:
        gold: The annotators' score of each item; where items are positive or not, 1 or 0.
        score: What the model gives each.
    """

    gold: Vector
    score: Vector

    @property
    def size(self) -> int:
        """How many items there are."""
        return len(self.gold)

    @cached_property
    def highest_first(self) -> Ranked:
        """The items by the model's score, falling; tied ones enter together."""
        return Ranked.of(-self.score)

    def part(self, chosen: Mask) -> Self:
        """The same over some of the items."""
        return type(self)(self.gold[chosen], self.score[chosen])


@dataclass(frozen=True)
class Spearman(Rated):
    """Spearman's correlation of the annotators' scores with a model's, by midranks.

    With F and G the distribution functions at mid-jumps, minus ½, A = E[FG] and V = E[F²], the
    score is A/√(V_F V_G). A weight acts on the average and, through the ranks, on every other
    item: A' = fg + S_G(x) + S_F(y) − 3A, where S_G(x) averages G over the items above x, half of
    the tied ones included.
    """

    @cached_property
    def _ranked(self) -> tuple[Ranked, Ranked]:
        return Ranked.of(self.gold), Ranked.of(self.score)

    def value(self) -> float:
        """The correlation, as `scipy.stats.spearmanr` has it."""
        if self.size == 0:
            return float("nan")
        f, g = (ranked.centred() for ranked in self._ranked)
        spread = np.sqrt((f @ f) * (g @ g))
        return float(f @ g / spread) if spread > 0 else float("nan")

    def influence(self) -> Vector:
        """The derivative of the correlation by each pair's weight, rank terms included."""
        x, y = self._ranked
        f, g = x.centred(), y.centred()
        both, first, second = np.mean(f * g), np.mean(f * f), np.mean(g * g)
        by_both = f * g + x.mean_above(g) + y.mean_above(f) - 3 * both
        by_first = f * f + 2 * x.mean_above(f) - 3 * first
        by_second = g * g + 2 * y.mean_above(g) - 3 * second
        spread = np.sqrt(first * second)
        derivative = by_both / spread
        derivative -= both / spread / 2 * (by_first / first + by_second / second)
        return np.asarray(derivative / self.size)

    def resampled(self, counts: Counts) -> Vector:
        """The correlation in every resample; midranks are those of the resample."""
        return self.resampled_with(self.gold_side(counts), counts)

    def gold_side(self, counts: Counts) -> tuple[Counts, Vector]:
        """What all models on the same pairs share of `resampled`.

        Returns:
            Twice the gold midrank of every pair times its count, (resamples, pairs), and four times
            the sum of squares of gold midranks, (resamples,).
        """
        gold, _ = self._ranked
        ranks, squares = gold.weighted_ranks(counts)
        return gold.spread(ranks) * counts, squares

    def resampled_with(self, gold_side: tuple[Counts, Vector], counts: Counts) -> Vector:
        """`resampled`, given the gold side of these counts."""
        _, score = self._ranked
        weighted, squares = gold_side
        ranks, own_squares = score.weighted_ranks(counts)
        sums = score.group_sums(weighted).astype(float)
        both = np.einsum("ij,ij->i", sums, ranks.astype(float))
        return np.asarray(both / np.sqrt(squares * own_squares))


@dataclass(frozen=True)
class Mean:
    """The mean of a value of every item: accuracy, or a metric of every query.

    NaN stands for an item without a value, which is left out of the mean.
    """

    values: Vector

    @property
    def size(self) -> int:
        """How many items there are, those without a value included."""
        return len(self.values)

    @cached_property
    def _there(self) -> Mask:
        return ~np.isnan(self.values)

    def value(self) -> float:
        """The mean; NaN where no item has a value."""
        return float(np.mean(self.values[self._there])) if self._there.any() else float("nan")

    def influence(self) -> Vector:
        """How far each item is from the mean, by the number that have a value; 0 without one."""
        there = self._there
        return np.where(there, self.values - self.value(), 0.0) / max(int(there.sum()), 1)

    def resampled(self, counts: Counts) -> Vector:
        """The mean of every resample; NaN for one without values."""
        there = self._there
        with np.errstate(invalid="ignore"):  # 0/0 is the NaN that is promised
            return np.asarray(counts[:, there] @ self.values[there] / counts[:, there].sum(axis=1))

    def part(self, chosen: Mask) -> "Mean":
        """The mean over some of the items."""
        return Mean(self.values[chosen])


@dataclass(frozen=True)
class AveragePrecision(Rated):
    """The mean over positive items of the precision at their score, as scikit-learn has it."""

    def value(self) -> float:
        """The average precision; NaN without a positive item."""
        if not np.any(self.gold):
            return float("nan")
        return float(self.resampled(np.ones((1, self.size)))[0])

    def influence(self) -> Vector:
        """The derivative by each item's weight: its own precision, and what it does to others."""
        ranked, gold = self.highest_first, self.gold
        taken = ranked.sum_to(np.ones(self.size))
        precision = ranked.sum_to(gold) / taken
        positives = gold.sum()
        # items scored at or below an item feel its weight in their precision
        felt = ranked.sum_from(gold / taken)
        cost = ranked.sum_from(gold * precision / taken)
        average = gold @ precision / positives
        return np.asarray((gold * (precision + felt - average) - cost) / positives)

    def resampled(self, counts: Counts) -> Vector:
        """The average precision of every resample; NaN for one without positive items."""
        positive = self.gold * counts
        taken = self.highest_first.sum_to(counts)
        found = self.highest_first.sum_to(positive)
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        with np.errstate(invalid="ignore"):  # 0/0 is the NaN that is promised
            return np.asarray((positive * precision).sum(axis=1) / positive.sum(axis=1))
