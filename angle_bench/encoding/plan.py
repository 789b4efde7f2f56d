"""The encode plan: each distinct text once, batches of like lengths cut by a token budget.

Pure functions. A plan depends on the texts and the budget alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def deduplicate(texts: Sequence[str]) -> tuple[list[str], Indices]:
    """Each distinct text once, in order of appearance.

    Returns:
        The distinct texts, and for every text its place among them, so that
        `[unique[i] for i in place] == list(texts)`.
    """
    places: dict[str, int] = {}
    place = np.fromiter(
        (places.setdefault(text, len(places)) for text in texts), np.int64, count=len(texts)
    )
    return list(places), place


def cut_batches(lengths: Sequence[int], budget: int) -> list[Indices]:
    """Cut texts into batches of at most `budget` padded tokens, longest texts first.

    Longest first, so that memory runs out at once if it runs out at all, and the time left is
    never underestimated. Texts of one length keep their order.

    Args:
        lengths: Tokens of each text.
        budget: The most tokens of a batch, padding included; a longer text is a batch alone.

    Returns:
        The indices of each batch; together they are every text exactly once.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    batches = []
    start = 0
    while start < len(order):
        longest = max(1, lengths[int(order[start])])
        stop = start + max(1, budget // longest)
        batches.append(order[start:stop])
        start = stop
    return batches
