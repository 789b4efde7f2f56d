"""Sums of influences over clusters of items, raised by what a cluster does to its own mean."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Nodes = NDArray[np.intp]
_ALL = 1e-9  # what is left of a mean where a cluster is all of it, but for rounding


def sums(labels: Nodes, values: Vector) -> Vector:
    """The sum of the values under each label, (labels,)."""
    return np.asarray(np.bincount(labels, values), dtype=np.float64)


@dataclass(frozen=True)
class Clusters:
    """Clusters of items, which may overlap; an entry is an item in a cluster.

    Attributes:
        item: The item of every entry, (entries,).
        cluster: Its cluster, (entries,).
        weight: What the item counts in the score, (entries,), not negative.
        left: The share of the item's mean that is not in the cluster, (entries,).
    """

    item: Nodes
    cluster: Nodes
    weight: Vector
    left: Vector

    @classmethod
    def of(
        cls, item: Nodes, cluster: Nodes, mean: Nodes, weight: Vector, totals: Vector
    ) -> "Clusters":
        """Clusters from entries and items.

        Args:
            item: The item of every entry.
            cluster: Its cluster.
            mean: Which mean each item belongs to, (items,).
            weight: What each counts, (items,).
            totals: The sums of these weights, (means,).
        """
        share = np.divide(weight, totals[mean], out=np.zeros_like(weight), where=weight > 0)
        cell = cluster
        if (mean != mean[:1]).any():
            both = cluster * len(totals) + mean[item]
            cell = np.asarray(np.unique(both, return_inverse=True)[1])
        left = 1 - sums(cell, share[item])[cell]
        return cls(item, cluster, weight[item], np.where(left < _ALL, 0.0, left))

    def squares(self, influence: Vector) -> float:
        """The sum of squares of the clusters' sums, each as if its mean did not know it."""
        of_each = sums(self.cluster, influence[self.item] * self._raised)
        return float(of_each @ of_each)

    @cached_property
    def total(self) -> float:
        """The same for influences that are the weights: the variance of equal clusters' noise."""
        return float(self._sums @ self._sums)

    @cached_property
    def spread(self) -> float:
        """What Satterthwaite divides by: the sum of squares of the parts of `total`.

        Infinite where a cluster is all of a mean.
        """
        if not self.left.all():
            return float("inf")
        raised = sums(self.cluster, self.weight / np.sqrt(self.left))
        return float(self._sums**2 @ raised**2)

    @cached_property
    def _raised(self) -> Vector:
        return np.divide(1.0, self.left, out=np.zeros_like(self.left), where=self.left > 0)

    @cached_property
    def _sums(self) -> Vector:
        return sums(self.cluster, self.weight)
