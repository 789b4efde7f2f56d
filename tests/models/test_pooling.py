"""Pooling: the reference values, and independence from padding by brute force."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from angle_bench.checkpoints.loading.pooling import POOLINGS, pool
from angle_bench.checkpoints.spec import POOLING_ALIASES, PoolingName, typed_pooling

OLD, ALL = "cls_avg_v0", "all"  # one depends on the batch, the other gives no single vector
NAMES = [name for name in get_args(PoolingName) if name not in (OLD, ALL)]
# faults of the published package: see the README of the reference data
WRONG_WHERE_PADDED = {"right": {"max", "cls_max"}, "left": {"max", "cls_max", "cls", "cls_avg"}}


def of_one_text(name: str, tokens: Tensor) -> Tensor:
    """The definition, on the real tokens (tokens, dimension) of a single text."""
    first, mean, highest = tokens[0], tokens.mean(dim=0), tokens.max(dim=0).values
    return {
        "cls": first,
        "mean": mean,
        "cls_avg": (first + mean) / 2,
        "max": highest,
        "cls_max": (first + highest) / 2,
        "last": tokens[-1],
    }[name]


def test_every_pooling_name_has_a_function() -> None:
    assert set(POOLINGS) == {*NAMES, OLD, ALL}
    assert set(POOLING_ALIASES.values()) <= set(NAMES)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", [*NAMES, *POOLING_ALIASES])
def test_reference_values(shared: Path, side: str, name: Any) -> None:
    reference = np.load(shared / "reference" / "angle_emb.npz")
    hidden = torch.from_numpy(reference["pooling.hidden"])
    mask = torch.from_numpy(reference[f"pooling.{side}.mask"])
    canonical = POOLING_ALIASES.get(name, name)
    pooled = POOLINGS[canonical](hidden, mask)

    expected = torch.from_numpy(reference[f"pooling.{side}.{name}"])
    if name in WRONG_WHERE_PADDED[side]:
        padded = mask.min(dim=1).values == 0
        own = [
            of_one_text(canonical, row[real == 1]) for row, real in zip(hidden, mask, strict=True)
        ]
        expected[padded] = torch.stack(own)[padded]
    torch.testing.assert_close(pooled, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_neither_batch_nor_padding_side_changes_a_vector(name: PoolingName, seed: int) -> None:
    random = np.random.default_rng(seed)
    # all values below zero, so that a pad counted as 0 would win a maximum
    texts = [
        torch.from_numpy(random.normal(-5, 1, (length, 8)).astype(np.float32))
        for length in random.integers(1, 12, size=9)
    ]
    expected = torch.stack([of_one_text(name, tokens) for tokens in texts])
    width = max(map(len, texts)) + int(random.integers(0, 4))
    for sides in (["right"] * 9, ["left"] * 9, random.choice(["right", "left"], 9)):
        hidden = torch.full((9, width, 8), 1e6)  # what stands on padding must not matter
        mask = torch.zeros(9, width, dtype=torch.int64)
        for row, (tokens, side) in enumerate(zip(texts, sides, strict=True)):
            place = slice(len(tokens)) if side == "right" else slice(width - len(tokens), width)
            hidden[row, place], mask[row, place] = tokens, 1
        torch.testing.assert_close(POOLINGS[name](hidden, mask), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("number", [0, 1, 3, 6, 9])
def test_a_token_by_its_number(side: str, number: int) -> None:
    """Counted among real tokens; of a text that is shorter, the last one."""
    lengths, width = [1, 3, 7], 7
    hidden = torch.full((3, width, 4), 1e6)
    mask = torch.zeros(3, width, dtype=torch.int64)
    expected = []
    for row, length in enumerate(lengths):
        tokens = torch.randn(length, 4, generator=torch.Generator().manual_seed(row))
        place = slice(length) if side == "right" else slice(width - length, width)
        hidden[row, place], mask[row, place] = tokens, 1
        expected.append(tokens[min(number, length - 1)])
    assert torch.equal(pool(hidden, mask, number), torch.stack(expected))


def test_number_zero_is_cls(shared: Path) -> None:
    reference = np.load(shared / "reference" / "angle_emb.npz")
    hidden = torch.from_numpy(reference["pooling.hidden"])
    mask = torch.from_numpy(reference["pooling.left.mask"])
    assert torch.equal(pool(hidden, mask, 0), pool(hidden, mask, "cls"))


def test_the_old_cls_avg_counts_pads() -> None:
    hidden = torch.tensor([[[2.0], [4.0], [9.0]], [[1.0], [3.0], [5.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(hidden, mask, OLD).tolist() == [[(2 + 5) / 2], [(1 + 3) / 2]]
    cut = pool(hidden[:1, :2], mask[:1, :2], OLD)
    assert cut.tolist() == [[(2 + 3) / 2]]  # another batch, another vector


@pytest.mark.parametrize(
    ("typed", "expected"), [("avg", "mean"), ("mean", "mean"), ("3", 3), ("0", 0), ("-1", "-1")]
)
def test_what_is_typed_is_a_name_or_a_number(typed: str, expected: str | int) -> None:
    assert typed_pooling(typed) == expected


def test_all_are_the_real_tokens_one_text_after_the_other() -> None:
    hidden = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[0, 1, 1], [1, 0, 0]])
    assert pool(hidden, mask, ALL).tolist() == [[2, 3], [4, 5], [6, 7]]
