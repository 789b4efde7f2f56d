"""The candidates nearest to queries, kept while blocks of a corpus pass by.

A candidate is one integer: its similarity, and where that is equal its place, so that no order of
blocks and no block size changes what is kept. Pure functions of numpy arrays.
"""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Similarities = NDArray[np.float32]

_LOW = np.int64(0xFFFFFFFF)
_SIGN = np.int32(0x7FFFFFFF)


def empty(queries: int, count: int) -> Indices:
    """Keys of nothing yet, (queries, count): below every candidate."""
    return np.full((queries, count), _EMPTY)


def merged(best: Indices, near: Similarities, first: int) -> Indices:
    """The keys of the best, (queries, count), after a block of candidates.

    Candidates come in the order of the corpus, so that one as near as the last of the best is
    behind it.

    Args:
        best: What was kept so far.
        near: The similarities of the block, (queries, block).
        first: The place of its first candidate in the corpus.
    """
    count = best.shape[1]
    last = similarities_of(best.min(axis=1))
    chosen = near > last[:, None]
    if near.shape[1] > count and np.isneginf(last).any():  # a block's own best are enough
        own = np.partition(near, -count, axis=1)[:, -count]
        chosen &= near >= own[:, None]
    rows, columns = np.nonzero(chosen)
    if not len(rows):
        return best
    each = np.bincount(rows, minlength=len(best))
    within = np.arange(len(rows)) - (np.cumsum(each) - each)[rows]
    fresh = empty(len(best), int(each.max()))
    fresh[rows, within] = _keys(near[rows, columns], first + columns)
    return np.partition(np.concatenate([best, fresh], axis=1), -count, axis=1)[:, -count:].copy()


def ranked(best: Indices) -> tuple[Indices, Similarities]:
    """Places in the corpus and similarities, (queries, count) each, the nearest first.

    Of equal similarities the one that stands first in the corpus is first; -inf where there are
    no more candidates.
    """
    order = np.sort(best, axis=1)[:, ::-1]
    return _LOW - (order & _LOW), similarities_of(order)


def similarities_of(keys: Indices) -> Similarities:
    """The similarities that keys hold, in their shape."""
    ordered = (keys >> 32).astype(np.int32)
    return (ordered ^ ((ordered >> 31) & _SIGN)).view(np.float32)


def _keys(similarities: Similarities, places: Indices | np.int64) -> Indices:
    """Integers that order candidates: by similarity, and where it is equal by falling place.

    The bits of float32 order as integers do, once those of negative numbers are turned round.
    """
    bits = (similarities + np.float32(0)).view(np.int32)  # -0 becomes 0
    ordered = (bits ^ ((bits >> 31) & _SIGN)).astype(np.int64)
    keys: Indices = (ordered << 32) | (_LOW - places)
    return keys


_EMPTY = _keys(np.array([-np.inf], np.float32), _LOW)[0]
