"""Which texts go through the model together."""

import itertools

import numpy as np
import pytest
import torch

from angle_bench.training.model.grouping import Groups, grouped


def cost(groups: Groups, overhead: int) -> int:
    return sum(
        len(texts) * longest + overhead
        for texts, longest in zip(groups.texts, groups.longest, strict=True)
    )


def cheapest(lengths: list[int], overhead: int) -> int:
    """By trying every way to cut the sorted lengths."""
    ordered = sorted(lengths)
    gaps = range(1, len(ordered))
    best = 10**9
    for count in range(len(ordered)):
        for cuts in itertools.combinations(gaps, count):
            ends = [0, *cuts, len(ordered)]
            parts = [ordered[a:b] for a, b in itertools.pairwise(ends)]
            best = min(best, sum(len(part) * part[-1] + overhead for part in parts))
    return best


@pytest.mark.parametrize("overhead", [0, 7, 40, 10_000])
def test_nothing_is_cheaper(overhead: int) -> None:
    random = np.random.default_rng(overhead)
    for _ in range(20):
        lengths = random.integers(1, 30, size=10).tolist()
        assert cost(grouped(lengths, overhead), overhead) == cheapest(lengths, overhead)


@pytest.mark.parametrize("most", [None, 16, 100])
@pytest.mark.parametrize("ids", [None, [3, 1, 3, 2, 1, 3, 9, 8]])
def test_every_text_comes_back_in_its_place(most: int | None, ids: list[int] | None) -> None:
    lengths = [5, 2, 5, 7, 2, 5, 30, 8]
    groups = grouped(lengths, 3, most, ids)
    names = torch.tensor(ids or range(8))
    assert torch.equal(torch.cat([names[each] for each in groups.texts])[groups.order], names)
    forwarded = torch.cat(groups.texts)
    assert len(forwarded) == len(set(ids or range(8)))
    for texts, longest in zip(groups.texts, groups.longest, strict=True):
        assert longest == max(lengths[place] for place in texts)
        if most is not None:
            assert len(texts) == 1 or len(texts) * longest <= most
