"""The v-measure over several clusterings of the same documents, as a function of weights.

A document's weight counts in every clustering that it was drawn for, with the clusters as they
are: k-means is not run again. What it would find on other documents or from another start shows
in the spread between clusterings, so that each of these is an item, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.statistics.measures import Counts, Mask, Vector

Codes = NDArray[np.intp]
# by simulation: mixtures of Gaussians of 5 to 20 clusters, from 80 to 2,000 documents
FEW_DOCUMENTS = 250


class VMeasure(NamedTuple):
    """A v-measure, and its derivative by the weight of each entry."""

    value: float
    derivative: Vector


def v_measure(gold: Codes, predicted: Codes, weights: Vector) -> VMeasure:
    """The harmonic mean of homogeneity and completeness, which is 2 I(G; P) / (H(G) + H(P)).

    Rosenberg and Hirschberg 2007, "V-Measure". Where neither labels nor clusters differ it is 1.

    Args:
        gold: The label of every entry, from 0, (entries,).
        predicted: Its cluster, likewise.
        weights: How much it counts.
    """
    cells, cell = np.unique(np.stack([gold, predicted]), axis=1, return_inverse=True)
    cell = cell.reshape(-1)
    joint, by_joint = _entropy(cell, weights)
    first, by_first = _entropy(gold, weights)
    second, by_second = _entropy(predicted, weights)
    if first + second == 0:
        return VMeasure(1.0, np.zeros(len(gold)))
    value = 2 * (first + second - joint) / (first + second)
    both = by_first[cells[0]] + by_second[cells[1]]
    by_cell = (2 * (both - by_joint) - value * both) / (first + second)
    return VMeasure(float(value), np.asarray(by_cell[cell]))


def _entropy(codes: Codes, weights: Vector) -> tuple[float, Vector]:
    """The entropy of the shares of codes, and its derivative by the weight of an entry in each."""
    total = float(weights.sum())
    shares = np.bincount(codes, weights) / total
    surprise = -np.log(np.where(shares > 0, shares, 1.0))
    entropy = float(shares @ surprise)
    return entropy, (surprise - entropy) / total


@dataclass(frozen=True)
class Clustering:
    """One clustering.

    Attributes:
        document: Which documents were drawn, by number, each once for each of its clusters.
        gold: Their labels as numbers from 0.
        predicted: Their clusters as numbers from 0.
        count: How often each was drawn.
        level: The level of the labels.
    """

    document: Codes
    gold: Codes
    predicted: Codes
    count: Vector
    level: int = 0

    def weighted(self, weights: Vector) -> VMeasure:
        """The v-measure where documents have weights, NaN where no drawn one counts."""
        own = self.count * weights[self.document]
        used = own > 0
        if not used.any():
            return VMeasure(float("nan"), np.zeros(len(own)))
        if used.all():
            return v_measure(self.gold, self.predicted, own)
        derivative = np.zeros(len(own))
        found = v_measure(self.gold[used], self.predicted[used], own[used])
        derivative[used] = found.derivative
        return VMeasure(found.value, derivative)


@dataclass(frozen=True)
class Clusterings:
    """The mean v-measure over clusterings: the items are the documents, then the clusterings.

    Levels of labels are averaged, and the clusterings of a level within it.

    Attributes:
        documents: How many documents there are.
        clusterings: How they were clustered.
        chosen: Which of all items are counted, where these are some of a whole; the clusterings
            themselves stay.
    """

    documents: int
    clusterings: Sequence[Clustering]
    chosen: Mask | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many items there are."""
        whole = self.documents + len(self.clusterings)
        return whole if self.chosen is None else int(self.chosen.sum())

    @property
    def degrees_of_freedom(self) -> int:
        """Degrees of freedom of its variance, most of which is seen in the clusterings alone."""
        return int((np.bincount(self._levels) - 1).sum())

    @cached_property
    def _found(self) -> list[VMeasure]:
        weights = np.ones(self.documents)
        if self.chosen is not None:
            weights = self.chosen[: self.documents].astype(float)
        return [one.weighted(weights) for one in self.clusterings]

    @cached_property
    def _levels(self) -> Codes:
        levels = [one.level for one in self.clusterings]
        return np.asarray(np.unique(levels, return_inverse=True)[1])

    def value(self) -> float:
        """The mean; NaN where a clustering holds none of the documents."""
        if not self.size:
            return float("nan")
        values = np.array([one.value for one in self._found])
        return float(self._mean(values, np.ones((1, len(values))))[0])

    def influence(self) -> Vector:
        """The derivative by the weight of each document, then of each clustering.

        Those of the clusterings, of which there are few, are larger by √(k/(k − 1)) for k in a
        level: their squares sum to the unbiased variance of a mean. Where they share documents
        they also are by √(1 + 250/documents), since what k-means makes of few documents is alike
        in all of them.
        """
        levels, count = self._levels, np.bincount(self._levels)
        share = 1 / count[levels] / len(count)
        influence = np.zeros(self.documents)
        for one, found, part in zip(self.clusterings, self._found, share, strict=True):
            weighted = part * one.count * found.derivative
            influence += np.bincount(one.document, weighted, self.documents)
        values = np.array([one.value for one in self._found])
        means = np.bincount(levels, values) / count
        few = np.sqrt(count / np.maximum(count - 1, 1))[levels]
        if sum(len(one.document) for one in self.clusterings) > self.documents:
            few = few * np.sqrt(1 + FEW_DOCUMENTS / self.documents)
        whole = np.concatenate([influence, few * share * (values - means[levels])])
        return whole if self.chosen is None else np.asarray(whole[self.chosen])

    def resampled(self, counts: Counts) -> Vector:
        """The mean in every resample; one without any clustering of a level takes all of it."""
        if self.chosen is not None:
            whole = np.zeros((len(counts), len(self.chosen)))
            whole[:, self.chosen] = counts
            counts = whole
        documents, clusterings = np.split(np.asarray(counts, dtype=float), [self.documents], axis=1)
        values = [[one.weighted(row).value for one in self.clusterings] for row in documents]
        return self._mean(np.array(values), clusterings)

    def part(self, chosen: Mask) -> "Clusterings":
        """The same clusterings over some of the documents."""
        if self.chosen is not None:
            within = self.chosen.copy()
            within[self.chosen] = chosen
            chosen = within
        return Clusterings(self.documents, self.clusterings, chosen)

    def _mean(self, values: Vector, weights: Vector) -> Vector:
        """The mean over levels of the weighted mean in each, (rows,)."""
        means = []
        for level in range(self._levels.max() + 1):
            own = self._levels == level
            used = weights[:, own] + (weights[:, own].sum(axis=1, keepdims=True) == 0)
            sums = (used * np.atleast_2d(values)[:, own]).sum(axis=1)
            means.append(sums / used.sum(axis=1))
        return np.asarray(np.mean(means, axis=0))
