"""Ranks as intervals: indistinguishable is not transitive, so a single rank says too much."""

import numpy as np
from numpy.typing import NDArray


def rank_intervals(better: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The best and the worst rank of each of N models.

    Args:
        better: (N, N), true where the model of the row is significantly better than that of the
            column.

    Returns:
        From 1 + (models significantly better) to N − (models significantly worse).

    >>> rank_intervals(np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=bool))
    [(1, 2), (1, 3), (2, 3)]
    """
    count = len(better)
    above, below = better.sum(axis=0), better.sum(axis=1)
    return [(1 + int(up), count - int(down)) for up, down in zip(above, below, strict=True)]
