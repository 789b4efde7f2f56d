"""An exact test for few independent items: who is ahead is a coin for each of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.statistics.distributions import binomial_below

Vector = NDArray[np.float64]

MOST = 16  # items that differ; of more, Student's t is as good where it has a variance
_ROUNDING = 1e-9


class Flips(NamedTuple):
    """The test.

    Attributes:
        differing: How many items differ between the two models.
        p: Two-sided; 1 where none differs.
    """

    differing: int
    p: float


def sign_flips(differences: Vector) -> Flips | None:
    """The p value of the sum of differences over all ways to swap the two models in each item.

    For items that are right or wrong this is McNemar's exact test. None where more than `MOST`
    items differ, and not all by as much.

    Args:
        differences: Of each item or cluster of items; no two share anything.

    >>> sign_flips(np.array([1.0, 1.0, 1.0, 0.0]))
    Flips(differing=3, p=0.25)
    """
    largest = np.abs(differences).max(initial=0.0)
    moved = differences[np.abs(differences) > _ROUNDING * largest]
    count, size = len(moved), np.abs(moved)
    if count and size.max() - size.min() <= _ROUNDING * largest:
        ahead = int((moved > 0).sum())
        return Flips(count, min(1.0, 2 * binomial_below(min(ahead, count - ahead), count, 0.5)))
    if count > MOST:
        return None
    sums = np.zeros(1)
    for each in moved:
        sums = np.concatenate([sums + each, sums - each])
    reached = np.abs(moved.sum()) - _ROUNDING * largest
    return Flips(count, float(np.mean(np.abs(sums) >= reached)))
