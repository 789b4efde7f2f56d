"""The encode plan: each distinct text once, batches by a token budget."""

import random
from itertools import pairwise

import pytest

from angle_bench.encoding.plan import cut_batches, deduplicate

SEEDS = range(100)


@pytest.mark.parametrize("seed", SEEDS)
def test_deduplicate(seed: int) -> None:
    random_ = random.Random(seed)
    texts = [
        random_.choice("abcdef") * random_.randint(0, 3) for _ in range(random_.randint(0, 40))
    ]
    unique, place = deduplicate(texts)
    assert [unique[i] for i in place] == texts
    assert unique == sorted(set(texts), key=texts.index)


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_batches(seed: int) -> None:
    random_ = random.Random(seed)
    lengths = random_.choices(range(random_.choice([3, 30, 600])), k=random_.randint(1, 60))
    budget = random_.choice([1, 10, 64, 500, 4096, 10**6])
    batches = [batch.tolist() for batch in cut_batches(lengths, budget)]

    def padded(batch: list[int]) -> int:
        return len(batch) * max(1, *(lengths[i] for i in batch))  # an empty text counts as one

    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))  # every text exactly once
    assert order == sorted(order, key=lambda i: (-lengths[i], i))  # longest first, ties in order
    assert all(len(batch) == 1 or padded(batch) <= budget for batch in batches)
    for batch, following in pairwise(batches):
        assert padded([*batch, following[0]]) > budget  # none is cut sooner than it must


def test_nothing_to_do() -> None:
    assert cut_batches([], 100) == []
    unique, place = deduplicate([])
    assert (unique, place.tolist()) == ([], [])


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        ([5], 1, [[0]]),
        ([3, 3, 3, 3], 6, [[0, 1], [2, 3]]),
        ([1, 9, 2, 8], 9, [[1], [3], [2, 0]]),
        ([0, 0, 0], 2, [[0, 1], [2]]),
    ],
)
def test_by_hand(lengths: list[int], budget: int, expected: list[list[int]]) -> None:
    assert [batch.tolist() for batch in cut_batches(lengths, budget)] == expected
