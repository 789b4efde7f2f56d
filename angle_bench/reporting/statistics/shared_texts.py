"""The variance of a sum of influences where items share texts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Nodes = NDArray[np.intp]


class Variance(NamedTuple):
    """A variance, and what was summed: pairs that share a text, or whole connected groups."""

    value: float
    over: Literal["sentences", "components"]


@dataclass(frozen=True)
class SharedTexts:
    """Which items share a text.

    Attributes:
        nodes: The two texts of every item as numbers, (items, 2); the same number twice for an
            item of one text, such as a query.
    """

    nodes: Nodes

    @classmethod
    def none(cls, items: int) -> "SharedTexts":
        """Items that share nothing."""
        own = np.arange(items)
        return cls(np.stack([own, own], axis=1))

    def variance(self, influence: Vector) -> Variance:
        """The sum of products of influences over all pairs of items that share a text.

        Dyadic-robust (Aronow, Samii and Assenova 2015, "Cluster-robust variance estimation for
        dyadic data"). Sums over texts count two items with both texts in common twice, so these
        are taken off once. A negative sum, which it can be, is replaced by that over connected
        components, where everything that texts link moves together.
        """
        value = self._over_texts(influence)
        if value < 0:
            return Variance(_squares(self._components, influence), "components")
        return Variance(value, "sentences")

    def _over_texts(self, influence: Vector) -> float:
        first, second = self.nodes.T
        sums = np.bincount(first, influence, self._count)
        two = self._two_texts
        sums += np.bincount(second[two], influence[two], self._count)
        return float(sums @ sums) - _squares(self._same_pair, influence[two])

    @cached_property
    def _count(self) -> int:
        return int(self.nodes.max()) + 1 if self.nodes.size else 0

    @cached_property
    def _two_texts(self) -> NDArray[np.bool_]:
        return np.asarray(self.nodes[:, 0] != self.nodes[:, 1])

    @cached_property
    def _same_pair(self) -> Nodes:
        """A number for each unordered pair of different texts, by item that has two."""
        low, high = np.sort(self.nodes[self._two_texts], axis=1).T
        return np.asarray(np.unique(low * self._count + high, return_inverse=True)[1])

    @cached_property
    def _components(self) -> Nodes:
        """The connected component of every item."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links = coo_array(
            (np.ones(len(self.nodes)), (self.nodes[:, 0], self.nodes[:, 1])),
            shape=(self._count, self._count),
        )
        return np.asarray(connected_components(links, directed=False)[1][self.nodes[:, 0]])


def _squares(labels: Nodes, influence: Vector) -> float:
    sums = np.bincount(labels, influence)
    return float(sums @ sums)
