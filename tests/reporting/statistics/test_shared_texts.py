"""Variance over items that share texts, against leaving out each text and scoring the rest."""

import numpy as np
import pytest

from angle_bench.reporting.statistics.shared_texts import SharedTexts, WeightedTexts


def equal(items: int) -> np.ndarray:
    return np.full(items, 1 / items)


def by_leaving_out(nodes: np.ndarray, values: np.ndarray) -> float:
    """Squared moves of the mean where a text goes, less those where a pair of texts goes."""

    def squares(clusters: set[frozenset[int]]) -> float:
        moves = []
        for each in clusters:
            rest = [not each <= set(pair) for pair in nodes.tolist()]
            moves.append(values[rest].mean() - values.mean())
        return float(np.square(moves).sum())

    texts = {frozenset([text]) for text in nodes.ravel().tolist()}
    pairs = {frozenset(pair) for pair in nodes.tolist() if len(set(pair)) == 2}
    return squares(texts) - squares(pairs)


def weighted(nodes: np.ndarray) -> WeightedTexts:
    return SharedTexts(nodes).weighted(equal(len(nodes)))


@pytest.mark.parametrize("texts", [7, 12, 60, 1000])
def test_it_is_that_of_leaving_out_texts(texts: int) -> None:
    """Few texts: pairs repeat, in both orders, and pairs of a text with itself occur."""
    random = np.random.default_rng(texts)
    nodes = random.integers(0, texts, size=(80, 2))
    values = random.normal(size=texts)[nodes].sum(axis=1)  # the texts' own values, so no negative
    found = weighted(nodes).variance((values - values.mean()) / 80)
    assert found.over == "sentences"
    assert found.value == pytest.approx(by_leaving_out(nodes, values))


def test_many_pairs_are_the_sum_over_all_that_share() -> None:
    """Where no text is in many of them, raising changes next to nothing."""
    random = np.random.default_rng(0)
    nodes, influence = random.integers(0, 900, size=(2000, 2)), random.normal(size=2000)
    texts = [set(pair) for pair in nodes.tolist()]
    by_hand = sum(
        influence[i] * influence[j] for i in range(2000) for j in range(2000) if texts[i] & texts[j]
    )
    assert weighted(nodes).variance(influence).value == pytest.approx(by_hand, rel=0.02)


def test_items_that_share_nothing_are_independent() -> None:
    values = np.random.default_rng(0).normal(size=30)
    found = SharedTexts.none(30).weighted(equal(30)).variance((values - values.mean()) / 30)
    # the jackknife's, without its factor (n - 1)/n
    assert found.value == pytest.approx(np.var(values, ddof=1) / 30 * 30 / 29)


def test_parts_have_means_of_their_own() -> None:
    """Two parts of independent items, weighted one to two."""
    random = np.random.default_rng(0)
    first, second = random.normal(size=10), random.normal(size=20)
    weight = np.concatenate([np.full(10, 1 / 30), np.full(20, 2 / 60)])
    influence = weight * np.concatenate([first - first.mean(), second - second.mean()])
    part = np.repeat([0, 1], [10, 20])
    found = SharedTexts.none(30, part).weighted(weight).variance(influence).value
    alone = [np.var(each, ddof=1) / (len(each) - 1) for each in (first, second)]
    assert found == pytest.approx(alone[0] / 9 + alone[1] * 4 / 9)


def test_a_negative_sum_counts_pairs_under_both_texts() -> None:
    nodes = np.array([[0, 1], [1, 2], [2, 3], *([10 + at, 40 + at] for at in range(20))])
    influence = np.zeros(23)
    influence[:4] = [1.0, -1.5, 1.0, -0.5]
    found = weighted(nodes).variance(influence)
    assert found.over == "sentences, pairs twice"
    sums = [1.0, -0.5, -0.5, 1.0, -0.5, -0.5]  # of the texts that have influence
    assert found.value == pytest.approx(np.square(sums).sum(), rel=0.2)
    assert found.value > np.square(sums).sum()


def queries(count: int, documents: int) -> np.ndarray:
    query, document = np.divmod(np.arange(count * documents), documents)
    return np.stack([query, count + document], axis=1)


@pytest.mark.parametrize(
    ("nodes", "effective"),
    [
        (np.arange(60).reshape(-1, 2), 30),  # independent pairs
        (np.repeat(np.arange(12), 7)[:, None].repeat(2, axis=1), 12),  # twelve templates
        (queries(1, 30), 1),
        (queries(30, 1), 1),
        (np.array([[0, 1], [1, 2], [1, 0]]), 1),  # one text is in all pairs
        (queries(2, 50), 2),
        (queries(3, 300), 3),
    ],
)
def test_the_effective_number(nodes: np.ndarray, effective: float) -> None:
    assert weighted(nodes).effective == pytest.approx(effective, rel=0.05)


def test_a_small_part_decides_the_effective_number() -> None:
    """Three items that count as much as three thousand: the mean knows as much as these three."""
    weight = np.concatenate([np.full(3, 1 / 6), np.full(3000, 1 / 6000)])
    part = np.repeat([0, 1], [3, 3000])
    assert SharedTexts.none(3003, part).weighted(weight).effective == pytest.approx(3, rel=0.01)


def test_clusters_that_share_nothing_are_known() -> None:
    assert SharedTexts(np.array([[0, 1], [1, 0], [2, 3]])).disjoint is not None
    assert SharedTexts(np.array([[0, 1], [1, 2], [2, 0]])).disjoint is not None  # all share
    assert SharedTexts(np.array([[0, 1], [1, 2], [2, 3]])).disjoint is None  # a chain
    templates = SharedTexts(np.array([[0, 0], [1, 1], [0, 0]]))
    assert templates.disjoint is not None
    assert templates.disjoint.tolist() == [0, 1, 0]
    assert templates.units == 2
