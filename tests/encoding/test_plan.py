"""The encode plan: each distinct text once, batches by a token budget."""

import random
from itertools import pairwise

import numpy as np
import pytest

from angle_bench.encoding.plan import (
    CHUNK,
    CHUNK_CHARACTERS,
    FIRST_CHUNK,
    cut_batches,
    cut_chunks,
    deduplicate,
    planned,
)
from angle_bench.encoding.tokenise import Tokens

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


def tokens(texts: list[str]) -> Tokens:
    """A token for every letter."""
    rows = [[ord(letter) for letter in text] or [0] for text in texts]
    ids = [token for row in rows for token in row]
    return Tokens(np.array(ids, np.int32), np.array(list(map(len, rows)), np.int32), 0)


@pytest.mark.parametrize("count", [0, 1, FIRST_CHUNK, FIRST_CHUNK + 1, FIRST_CHUNK + CHUNK + 100])
def test_a_plan_holds_every_text_once_with_its_tokens(count: int) -> None:
    random_ = random.Random(count)
    texts = [chr(97 + place % 26) * random_.randint(0, 9) for place in range(count)]
    noted: list[Tokens] = []
    seen: list[int] = []
    plan = list(planned(texts, tokens, lambda: 64, noted.append))
    assert [each.batch.number for each in plan] == list(range(len(plan)))
    for each in plan:
        rows = np.split(each.batch.ids, np.cumsum(each.batch.lengths)[:-1])
        assert len(rows) == len(each.places)
        for place, row in zip(each.places, rows, strict=True):
            seen.append(int(place))
            assert row.tolist() == ([ord(letter) for letter in texts[place]] or [0])
    assert sorted(seen) == list(range(count))
    assert sum(len(each.lengths) for each in noted) == count


def test_chunks_are_cut_by_characters_too() -> None:
    characters = np.array([CHUNK_CHARACTERS + 5, CHUNK_CHARACTERS, 3, 2, 1], np.int64)
    assert [chunk.tolist() for chunk in cut_chunks(characters)] == [[0], [1], [2, 3, 4]]


def test_texts_are_tokenised_beside_the_forward_pass_and_not_far_ahead() -> None:
    asked: list[int] = []

    def watched(texts: list[str]) -> Tokens:
        asked.append(len(texts))
        return tokens(texts)

    plan = planned(["ab"] * (FIRST_CHUNK + 5 * CHUNK), watched, lambda: 1 << 20, lambda _: None)
    next(plan)
    assert len(asked) <= 3  # of six chunks: the first, and two ahead
    plan.close()
    assert len(asked) <= 3


def test_an_error_of_the_tokenizer_ends_the_plan() -> None:
    def fails(texts: list[str]) -> Tokens:
        raise ValueError("a strange tokenizer")

    with pytest.raises(ValueError, match="a strange tokenizer"):
        list(planned(["a"] * 3000, fails, lambda: 64, lambda _: None))
