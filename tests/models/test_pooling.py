"""Pooling: the reference values, and independence from padding by brute force."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from angle_bench.models.pooling import POOLINGS
from angle_bench.models.spec import POOLING_ALIASES, PoolingName

NAMES = get_args(PoolingName)
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
    assert set(POOLINGS) == set(NAMES)
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
