"""Hard negatives by exact search: the documents nearest to a query that are not its positives.

Pure functions of vectors. Queries and documents are compared block by block, so that memory takes
what the vectors take and a little more, never queries x documents.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angle_bench.encoding.top_k import empty, merged, ranked

Vectors = NDArray[np.float32]
Indices = NDArray[np.int64]
Doubles = NDArray[np.float64]

NONE = -1  # where a pair has no further negative


@dataclass(frozen=True)
class Pool:
    """What may become a negative.

    Attributes:
        corpus: (candidates,), their numbers among the documents; of equal similarities the one
            that stands first here is nearer.
        excluded: (exclusions, 2), a query and the place in `corpus` that is never its negative;
            sorted by query.
    """

    corpus: Indices
    excluded: Indices


@dataclass(frozen=True)
class Rule:
    """Which candidates are taken.

    Attributes:
        top_k: Negatives of a pair, the nearest first.
        first: The ranks that are skipped: a query's nearest candidates may be positives that
            nobody has labelled.
        last: The ranks that are looked at, the skipped ones included. Excluded documents have no
            rank, and the margin changes none.
        margin: By how much a negative's cosine is at least below that of the pair's positive.
    """

    top_k: int = 1
    first: int = 10
    last: int = 100
    margin: float | None = None


@dataclass(frozen=True)
class Blocks:
    """How many rows are compared at once; no result depends on it."""

    queries: int = 512
    documents: int = 4096


@dataclass(frozen=True)
class Nearest:
    """The candidates nearest to some queries.

    Attributes:
        start: The number of the first query.
        places: (queries, ranks), places in the corpus by falling similarity.
        similarities: float32 of the same shape; -inf where there are no more candidates.
    """

    start: int
    places: Indices
    similarities: Vectors


def mine(
    queries: Vectors,
    documents: Vectors,
    pairs: Indices,
    pool: Pool,
    rule: Rule,
    blocks: Blocks | None = None,
    done: Callable[[int], None] | None = None,
) -> Indices:
    """The hard negatives of pairs.

    Args:
        queries: (queries, dimension), of any length but zero.
        documents: (documents, dimension).
        pairs: (pairs, 2), a query and the document that is its positive.
        pool: The candidates.
        rule: Which of them are taken.
        blocks: How many rows are compared at once.
        done: Called with a number of queries whenever that many more are searched.

    Returns:
        (pairs, top_k), numbers of documents, the nearest first; `NONE` where there is none left.
    """
    blocks = blocks or Blocks()
    negatives = np.full((len(pairs), rule.top_k), NONE, np.int64)
    by_query = np.argsort(pairs[:, 0], kind="stable")
    of_query = pairs[by_query, 0]
    count = min(rule.last, len(pool.corpus))
    for found in nearest(queries, documents, pool, count, blocks):
        ends = np.searchsorted(of_query, [found.start, found.start + len(found.places)])
        members = by_query[slice(*ends)]
        for start in range(0, len(members), blocks.queries):  # a query may have any number of pairs
            part = members[start : start + blocks.queries]
            positive = _cosines(queries, documents, pairs[part])
            negatives[part] = _chosen(found, pairs[part, 0], positive, pool, rule)
        if done is not None:
            done(len(found.places))
    return negatives


def nearest(
    queries: Vectors, documents: Vectors, pool: Pool, count: int, blocks: Blocks
) -> Iterator[Nearest]:
    """The `count` candidates nearest to each query by cosine, block by block of queries.

    Products are summed in float64 and rounded to float32: so the order of sums, which differs
    with the shape of a block, changes no similarity, and equal vectors are equally near.
    """
    for start in range(0, len(queries), blocks.queries):
        asked = _unit(queries[start : start + blocks.queries])
        ends = np.searchsorted(pool.excluded[:, 0], [start, start + len(asked)])
        excluded = pool.excluded[slice(*ends)] - [start, 0]
        best = empty(len(asked), count)
        for first in range(0, len(pool.corpus), blocks.documents):
            members = documents[pool.corpus[first : first + blocks.documents]]
            near = (asked @ _unit(members).T).astype(np.float32)
            here = excluded[(excluded[:, 1] >= first) & (excluded[:, 1] < first + len(members))]
            near[here[:, 0], here[:, 1] - first] = -np.inf
            best = merged(best, near, first)
        yield Nearest(start, *ranked(best))


def _chosen(
    found: Nearest, of_query: Indices, positive: Vectors, pool: Pool, rule: Rule
) -> Indices:
    """The negatives of pairs, (pairs, top_k), among the nearest of their queries."""
    rows, window = of_query - found.start, slice(rule.first, rule.last)
    near = found.similarities[rows, window].astype(np.float64)
    fit = near > -np.inf
    if rule.margin is not None:
        fit &= positive[:, None].astype(np.float64) - near >= rule.margin
    rank = np.cumsum(fit, axis=1)
    pair, column = np.nonzero(fit & (rank <= rule.top_k))
    chosen = np.full((len(rows), rule.top_k), NONE, np.int64)
    places = found.places[rows, window][pair, column]
    chosen[pair, rank[pair, column] - 1] = pool.corpus[places]
    return chosen


def _cosines(queries: Vectors, documents: Vectors, pairs: Indices) -> Vectors:
    """The cosine of each pair, (pairs,), rounded as those of the search are."""
    products = _unit(queries[pairs[:, 0]]) * _unit(documents[pairs[:, 1]])
    rounded: Vectors = products.sum(axis=1).astype(np.float32)
    return rounded


def _unit(vectors: Vectors) -> Doubles:
    """Vectors of length one in float64; a zero vector stays one."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: Doubles = wide / np.maximum(lengths, np.finfo(np.float64).tiny)
    return unit
