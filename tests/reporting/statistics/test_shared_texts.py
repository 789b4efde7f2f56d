"""Variance over items that share texts, against a sum over all pairs of items."""

import numpy as np
import pytest

from angle_bench.reporting.statistics.shared_texts import SharedTexts


def by_hand(nodes: np.ndarray, influence: np.ndarray) -> float:
    """Products over every two items with a text in common, each item with itself included."""
    texts = [set(pair) for pair in nodes.tolist()]
    return sum(
        influence[i] * influence[j]
        for i in range(len(texts))
        for j in range(len(texts))
        if texts[i] & texts[j]
    )


@pytest.mark.parametrize("texts", [3, 12, 60, 1000])
def test_the_sum_is_that_over_all_pairs(texts: int) -> None:
    """Few texts: pairs repeat, in both orders, and pairs of a text with itself occur."""
    random = np.random.default_rng(texts)
    nodes = random.integers(0, texts, size=(80, 2))
    influence = random.normal(size=80) + 0.5  # a mean keeps the sum from being negative
    found = SharedTexts(nodes).variance(influence)
    assert found.over == "sentences"
    assert found.value == pytest.approx(by_hand(nodes, influence))


def test_a_repeated_pair_is_counted_once() -> None:
    nodes = np.array([[0, 1], [1, 0], [0, 1], [2, 2]])
    influence = np.array([1.0, 2.0, 3.0, 5.0])
    assert SharedTexts(nodes).variance(influence).value == pytest.approx((1 + 2 + 3) ** 2 + 25)


def test_items_that_share_nothing_are_independent() -> None:
    influence = np.array([1.0, -2.0, 3.0])
    assert SharedTexts.none(3).variance(influence).value == pytest.approx(14)


def test_a_negative_sum_becomes_that_over_components() -> None:
    """A star: pairs of the hub's text with opposite signs, along a path."""
    nodes = np.array([[0, 1], [1, 2], [2, 3], [8, 9]])
    influence = np.array([1.0, -1.5, 1.0, 0.1])
    assert by_hand(nodes, influence) < 0
    found = SharedTexts(nodes).variance(influence)
    assert found.over == "components"
    assert found.value == pytest.approx(0.5**2 + 0.1**2)


def test_no_influence_is_no_variance() -> None:
    found = SharedTexts(np.array([[0, 1], [1, 2]])).variance(np.zeros(2))
    assert (found.value, found.over) == (0, "sentences")
