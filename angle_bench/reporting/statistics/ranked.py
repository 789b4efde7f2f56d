"""Values in their order, with ties: what rank statistics sum over."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Rows = NDArray[Any]  # (..., items), integers or floats
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Ranked:
    """n values in rising order, equal ones in one group.

    Attributes:
        order: The items, from the lowest value to the highest, (n,).
        starts: Where each group of equal values starts in that order, (groups,).
        group: The group of every item, (n,).
    """

    order: Places
    starts: Places
    group: Places

    @classmethod
    def of(cls, values: Vector) -> "Ranked":
        """The order of n values."""
        order = np.argsort(values, kind="stable")
        ascending = values[order]
        new = np.ones(len(values), dtype=bool)
        new[1:] = ascending[1:] != ascending[:-1]
        group = np.empty(len(values), dtype=np.intp)
        group[order] = np.cumsum(new) - 1
        return cls(order, np.flatnonzero(new), group)

    def group_sums(self, rows: Rows) -> Rows:
        """The sums over each group, (..., groups)."""
        ordered = np.take(rows, self.order, axis=-1)
        if len(self.starts) == len(self.order):
            return ordered
        return np.asarray(np.add.reduceat(ordered, self.starts, axis=-1))

    def spread(self, groups: Rows) -> Rows:
        """A value of every group to its items, (..., n)."""
        return np.take(groups, self.group, axis=-1)

    def centred(self) -> Vector:
        """Midranks as fractions of n, minus ½: the share below, half of the equal ones included."""
        n = len(self.order)
        middle = self.starts + np.diff(self.starts, append=n) / 2
        return self.spread(middle / n - 0.5)

    def mean_above(self, values: Vector) -> Vector:
        """For every item, the sum of `values` over the items above it, by n.

        Items of its own group, itself included, count half.
        """
        sums = self.group_sums(values)
        return self.spread((sums.sum() - _running(sums) + sums / 2) / len(values))

    def sum_to(self, rows: Rows) -> Rows:
        """For every item, the sum over items up to its own value, (..., n)."""
        return self.spread(_running(self.group_sums(rows)))

    def sum_from(self, rows: Rows) -> Rows:
        """For every item, the sum over items from its own value on, (..., n)."""
        return self.spread(_running(self.group_sums(rows)[..., ::-1])[..., ::-1])

    def weighted_ranks(self, weights: Rows) -> tuple[Rows, Rows]:
        """Twice the centred midranks where items have weights, and their spread.

        Doubled, they are integers for weights that are: sums over integers run several times
        faster than over floats.

        Returns:
            By group, twice the weight below it, plus its own, minus all, (..., groups); and four
            times the weighted sum of squares of centred midranks, (...). For N drawn in groups of
            t that is (N³ − Σt³)/3, as for tied ranks (Kendall 1945).
        """
        sums = self.group_sums(weights)
        ranks = _running(sums)
        drawn = ranks[..., -1:].astype(float)
        exact = sums.astype(float)
        cubes = np.einsum("...j,...j,...j->...", exact, exact, exact)
        ranks *= 2
        ranks -= sums
        ranks -= drawn.astype(ranks.dtype)
        return ranks, (drawn[..., 0] ** 3 - cubes) / 3


def _running(rows: Rows) -> Rows:
    return np.cumsum(rows, axis=-1, dtype=rows.dtype)
