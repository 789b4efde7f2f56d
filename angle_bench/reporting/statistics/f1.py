"""F1 over classes as a function of weights: macro, or weighted by the size of each class."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.statistics.measures import Counts, Mask, Vector

Codes = NDArray[np.intp]
Average = Literal["macro", "weighted"]


@dataclass(frozen=True)
class Labels:
    """Which classes items have, one entry for each label of an item.

    Attributes:
        item: The item of every entry, from 0.
        code: Its class, from 0.
    """

    item: Codes
    code: Codes

    def part(self, chosen: Mask) -> "Labels":
        """The labels of some of the items, which are numbered anew."""
        kept = chosen[self.item]
        return Labels((np.cumsum(chosen) - 1)[self.item[kept]], self.code[kept])

    def keys(self, classes: int) -> NDArray[Any]:
        """A number for each entry that no other item or class has."""
        return np.asarray(self.item * classes + self.code)


@dataclass(frozen=True)
class F1:
    """The F1 of each class, 2·TP / (labelled + predicted), averaged over classes.

    Attributes:
        size: How many items there are.
        gold: Their labels.
        predicted: What they were given.
        classes: How many there are, with those that are only predicted.
        average: `macro` counts every class alike, `weighted` by how often it is a label, as
            scikit-learn calls them.
    """

    size: int
    gold: Labels
    predicted: Labels
    classes: int
    average: Average = "macro"

    @cached_property
    def _right(self) -> Labels:
        found = np.isin(self.predicted.keys(self.classes), self.gold.keys(self.classes))
        return Labels(self.predicted.item[found], self.predicted.code[found])

    def value(self) -> float:
        """The average; NaN without items."""
        return float(self.resampled(np.ones((1, self.size)))[0])

    def influence(self) -> Vector:
        """The derivative of the average by each item's weight."""
        ones = np.ones(self.size)
        gold, right = self._sums(self.gold, ones), self._sums(self._right, ones)
        both = gold + self._sums(self.predicted, ones)
        f1, share = self._by_class(gold, both, right)
        slope = np.divide(share, both, out=np.zeros_like(both), where=both > 0)
        influence = self._on_items(self._right, 2 * slope)
        influence -= self._on_items(self.gold, f1 * slope)
        influence -= self._on_items(self.predicted, f1 * slope)
        if self.average == "weighted":  # the weights of classes move as well
            influence += self._on_items(self.gold, (f1 - f1 @ share) / gold.sum())
        return influence

    def resampled(self, counts: Counts) -> Vector:
        """The average in every resample, over the classes that it has."""
        found = []
        for row in np.asarray(counts, dtype=float):
            gold, right = self._sums(self.gold, row), self._sums(self._right, row)
            f1, share = self._by_class(gold, gold + self._sums(self.predicted, row), right)
            found.append(f1 @ share if share.any() else np.nan)
        return np.asarray(found)

    def part(self, chosen: Mask) -> "F1":
        """The same over some of the items."""
        gold, predicted = self.gold.part(chosen), self.predicted.part(chosen)
        return F1(int(chosen.sum()), gold, predicted, self.classes, self.average)

    def _sums(self, labels: Labels, weights: Vector) -> Vector:
        return np.asarray(np.bincount(labels.code, weights[labels.item], self.classes), float)

    def _on_items(self, labels: Labels, by_class: Vector) -> Vector:
        return np.asarray(np.bincount(labels.item, by_class[labels.code], self.size), float)

    def _by_class(self, gold: Vector, both: Vector, right: Vector) -> tuple[Vector, Vector]:
        """The F1 of every class, and its share in the average."""
        f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
        share = gold if self.average == "weighted" else (both > 0).astype(float)
        return f1, share / max(share.sum(), 1e-300)
