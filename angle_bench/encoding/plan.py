"""The encode plan: each distinct text once, batches of like lengths cut by a token budget.

Pure functions. A plan depends on the texts and the budget alone, not on who computes it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angle_bench.encoding.tokenise import Tokens
from angle_bench.encoding.workers.contract import Batch, Ids

Indices = NDArray[np.int64]

FIRST_CHUNK = 1024  # texts tokenised before the first forward can start
CHUNK = 16384
CHUNK_CHARACTERS = 1 << 24
CHUNKS_AHEAD = 2


@dataclass(frozen=True)
class Planned:
    """A batch and the texts that it holds, by their places in the call."""

    batch: Batch
    places: Indices


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


def cut_batches(lengths: Sequence[int] | Ids, budget: int) -> list[Indices]:
    """Cut texts into batches of at most `budget` padded tokens, longest texts first.

    Longest first, so that memory runs out at once if it runs out at all, and the time left is
    never underestimated. Texts of one length keep their order.

    Args:
        lengths: Tokens of each text.
        budget: Maximum padded tokens per batch; a longer text is a batch of its own.

    Returns:
        The indices of each batch; together they are every text exactly once.
    """
    tokens = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-tokens, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        longest = max(1, int(tokens[order[start]]))
        stop = start + max(1, budget // longest)
        batches.append(order[start:stop])
        start = stop
    return batches


def cut_chunks(characters: NDArray[np.int64]) -> list[Indices]:
    """Cut texts into chunks to tokenise, most characters first.

    Characters are only a proxy: within a chunk the order is that of token counts.

    Args:
        characters: The length of each text.

    Returns:
        The indices of each chunk; together they are every text exactly once.
    """
    order = np.argsort(-characters, kind="stable")
    sums = np.cumsum(characters[order])
    chunks = []
    start, most = 0, FIRST_CHUNK
    while start < len(order):
        before = sums[start - 1] if start else 0
        within = int(np.searchsorted(sums, before + CHUNK_CHARACTERS, side="right"))
        stop = min(start + most, max(within, start + 1))
        chunks.append(order[start:stop])
        start, most = stop, CHUNK
    return chunks


def in_order(count: int, size: int) -> list[Indices]:
    """Consecutive places, so many at a time."""
    return [np.arange(at, min(at + size, count)) for at in range(0, count, size)]


def planned(
    texts: Sequence[str],
    tokens_of: Callable[[list[str]], Tokens],
    budget: Callable[[], int],
    note: Callable[[Tokens], None],
    texts_of_a_batch: int | None = None,
) -> Generator[Planned]:
    """The batches of a call, longest texts first, tokenised ahead of their use.

    Args:
        texts: Distinct texts.
        tokens_of: Tokenises a chunk; runs in a thread of its own.
        budget: The most padded tokens of a batch, asked once the first tokens are there.
        note: Told of every chunk's tokens.
        texts_of_a_batch: Batches of so many texts in the order given, whatever their lengths, for
            what depends on how far a batch is padded.
    """
    if texts_of_a_batch is None:
        chunks = cut_chunks(np.fromiter(map(len, texts), np.int64, count=len(texts)))
    else:
        chunks = in_order(len(texts), CHUNK // texts_of_a_batch * texts_of_a_batch)
    number = 0
    with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as ahead:
        try:
            futures = [
                ahead.submit(tokens_of, [texts[i] for i in chunk])
                for chunk in chunks[:CHUNKS_AHEAD]
            ]
            for at, chunk in enumerate(chunks):
                tokens = futures.pop(0).result()
                if (after := at + CHUNKS_AHEAD) < len(chunks):
                    futures.append(ahead.submit(tokens_of, [texts[i] for i in chunks[after]]))
                note(tokens)
                if texts_of_a_batch is None:
                    cuts = cut_batches(tokens.lengths, budget())
                else:
                    cuts = in_order(len(chunk), texts_of_a_batch)
                for batch, rows in _batches(tokens, cuts, number):
                    yield Planned(batch, chunk[rows])
                    number = batch.number + 1
        finally:
            ahead.shutdown(wait=True, cancel_futures=True)


def _batches(
    tokens: Tokens, cuts: Sequence[Indices], number: int
) -> Iterator[tuple[Batch, Indices]]:
    ends = np.cumsum(tokens.lengths, dtype=np.int64)
    starts = ends - tokens.lengths
    for rows in cuts:
        lengths = tokens.lengths[rows]
        ids = np.concatenate([tokens.ids[starts[row] : ends[row]] for row in rows])
        yield Batch(number, ids, lengths), rows
        number += 1
