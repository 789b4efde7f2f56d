"""Scores as functions of weights: values against scipy, influences against derivatives."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr

from angle_bench.reporting.statistics.measures import AveragePrecision, Mean, Measure, Spearman

STEP = 1e-5


def numbers(seed: int, items: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Gold scores with many ties and model scores with a few."""
    random = np.random.default_rng(seed)
    gold = np.round(2 * random.normal(size=items)) / 2
    score = np.round(gold + random.normal(size=items), 1)
    return gold, score


def weighted_spearman(gold: np.ndarray, score: np.ndarray, weights: np.ndarray) -> float:
    """By the definition: weighted midranks by comparing every two items, weighted Pearson."""

    def ranks(values: np.ndarray) -> np.ndarray:
        below = values[None, :] < values[:, None]
        equal = values[None, :] == values[:, None]
        return (below + 0.5 * equal) @ weights

    x, y = ranks(gold), ranks(score)
    x, y = x - np.average(x, weights=weights), y - np.average(y, weights=weights)
    return float(
        (weights * x * y).sum() / np.sqrt((weights * x * x).sum() * (weights * y * y).sum())
    )


def weighted_precision(gold: np.ndarray, score: np.ndarray, weights: np.ndarray) -> float:
    """By the definition: over rising recall, the precision at each threshold."""
    total, precision_sum, before = (weights * gold).sum(), 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        taken = score >= threshold
        found = (weights * gold)[taken].sum()
        precision_sum += (found - before) / total * (found / weights[taken].sum())
        before = found
    return precision_sum


def binary(seed: int) -> tuple[np.ndarray, np.ndarray]:
    gold, score = numbers(seed)
    return (gold > 0.4).astype(float), score


def derivative(function: object, gold: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Central differences of a score by every weight."""
    slopes = []
    for at in range(len(gold)):
        ends = []
        for step in (-STEP, STEP):
            weights = np.ones(len(gold))
            weights[at] += step
            ends.append(function(gold, score, weights))  # type: ignore[operator]
        slopes.append((ends[1] - ends[0]) / (2 * STEP))
    return np.array(slopes)


@pytest.mark.parametrize("seed", range(4))
def test_spearman_is_that_of_scipy(seed: int) -> None:
    gold, score = numbers(seed)
    assert Spearman(gold, score).value() == pytest.approx(spearmanr(gold, score).statistic)
    distinct = np.random.default_rng(seed).normal(size=60)
    assert Spearman(gold, distinct).value() == pytest.approx(spearmanr(gold, distinct).statistic)


@pytest.mark.parametrize("seed", range(4))
def test_influences_on_spearman_are_its_derivatives(seed: int) -> None:
    gold, score = numbers(seed)
    found = Spearman(gold, score).influence()
    assert found == pytest.approx(derivative(weighted_spearman, gold, score), abs=1e-9)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def test_influences_without_ties_are_derivatives_too() -> None:
    random = np.random.default_rng(9)
    gold = random.normal(size=40)
    score = gold + random.normal(size=40)
    found = Spearman(gold, score).influence()
    assert found == pytest.approx(derivative(weighted_spearman, gold, score), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_and_its_influences(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    gold, score = binary(seed)
    measure = AveragePrecision(gold, score)
    assert measure.value() == pytest.approx(metrics.average_precision_score(gold, score))
    slopes = derivative(weighted_precision, gold, score)
    assert measure.influence() == pytest.approx(slopes, abs=1e-9)


def test_the_mean_and_its_influences() -> None:
    values = np.array([0.0, 1.0, 1.0, 0.5])
    assert Mean(values).value() == 0.625
    assert Mean(values).influence() == pytest.approx(np.array([-0.625, 0.375, 0.375, -0.125]) / 4)


MEASURES = {
    "spearman": lambda seed: Spearman(*numbers(seed)),
    "distinct scores": lambda seed: Spearman(
        numbers(seed)[0], np.random.default_rng(seed).normal(size=60)
    ),
    "average precision": lambda seed: AveragePrecision(*binary(seed)),
    "mean": lambda seed: Mean(numbers(seed)[1]),
}


@pytest.mark.parametrize("name", MEASURES)
def test_resampled_scores_are_those_of_the_items_drawn(name: str) -> None:
    measure: Measure = MEASURES[name](3)
    random = np.random.default_rng(0)
    drawn = random.integers(0, 60, size=(7, 60))
    counts = np.array([np.bincount(one, minlength=60) for one in drawn], dtype=np.int32)
    expected = []
    for one in drawn:
        columns = {key: value[one] for key, value in vars(measure).items() if key[0] != "_"}
        expected.append(type(measure)(**columns).value())
    assert measure.resampled(counts) == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_a_part_is_the_score_over_these_items(name: str) -> None:
    measure: Measure = MEASURES[name](5)
    chosen = np.arange(60) % 3 == 0
    weights = chosen.astype(float)[None, :]
    assert measure.part(chosen).size == 20
    assert measure.part(chosen).value() == pytest.approx(float(measure.resampled(weights)[0]))


@pytest.mark.parametrize(
    "measure",
    [
        Spearman(np.ones(5), np.arange(5.0)),
        Spearman(np.arange(5.0), np.ones(5)),
        Spearman(np.array([]), np.array([])),
        AveragePrecision(np.zeros(5), np.arange(5.0)),
        Mean(np.array([])),
    ],
)
def test_an_undefined_score_is_nan(measure: Measure) -> None:
    assert np.isnan(measure.value())


def test_a_jackknife_gives_the_same_standard_error(shared: object) -> None:
    """Leave one out, on the 1,500 pairs of STS13 with scores of a made-up model: within 2 %."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(f"{shared}/data/mteb/sts13-sts/test.parquet")
    gold = np.asarray(table["score"].to_pylist(), dtype=float)
    random = np.random.default_rng(1)
    first = gold + random.normal(size=len(gold))
    second = gold + random.normal(scale=1.1, size=len(gold))
    influence = Spearman(gold, second).influence() - Spearman(gold, first).influence()
    left_out = []
    for at in range(len(gold)):
        kept = np.arange(len(gold)) != at
        values = [Spearman(gold, score).part(kept).value() for score in (first, second)]
        left_out.append(values[1] - values[0])
    count = len(gold)
    jackknife = np.sqrt((count - 1) / count * np.sum((left_out - np.mean(left_out)) ** 2))
    assert np.sqrt(influence @ influence) == pytest.approx(jackknife, rel=0.02)
    assert all(a != b for a, b in pairwise(influence[:10]))
