"""Rank intervals."""

import numpy as np

from angle_bench.reporting.statistics.ranks import rank_intervals


def test_indistinguishable_is_not_transitive() -> None:
    """The first beats the third; the second differs from neither."""
    better = np.zeros((3, 3), dtype=bool)
    better[0, 2] = True
    assert rank_intervals(better) == [(1, 2), (1, 3), (2, 3)]


def test_the_ends() -> None:
    assert rank_intervals(np.zeros((4, 4), dtype=bool)) == [(1, 4)] * 4
    order = np.triu(np.ones((3, 3), dtype=bool), 1)
    assert rank_intervals(order) == [(1, 1), (2, 2), (3, 3)]
    assert rank_intervals(np.zeros((0, 0), dtype=bool)) == []
