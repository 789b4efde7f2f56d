"""Measures of clusterings, classes and texts: value, influence and resamples by brute force."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, v_measure_score

from angle_bench.reporting.statistics.best_accuracy import BestAccuracy
from angle_bench.reporting.statistics.clustering import Clustering, Clusterings, v_measure
from angle_bench.reporting.statistics.f1 import F1, Labels
from angle_bench.reporting.statistics.means import MeanOf
from angle_bench.reporting.statistics.measures import Mean, Measure, Vector

SEEDS = range(5)


def f1(random: np.random.Generator, size: int = 40, average: str = "macro") -> F1:
    gold = random.integers(0, 5, size)
    predicted = np.where(random.random(size) < 0.6, gold, random.integers(0, 6, size))
    items = np.arange(size)
    kind = "weighted" if average == "weighted" else "macro"
    return F1(size, Labels(items, gold), Labels(items, predicted), 6, kind)


def label_sets(random: np.random.Generator, size: int = 40) -> F1:
    gold = random.random((size, 4)) < 0.3
    predicted = np.where(random.random((size, 4)) < 0.7, gold, random.random((size, 4)) < 0.3)
    return F1(size, Labels(*np.nonzero(gold)), Labels(*np.nonzero(predicted)), 4)


def clusterings(random: np.random.Generator, documents: int = 40) -> Clusterings:
    made = []
    for level in (0, 0, 0, 1, 1):
        document, count = np.unique(
            random.integers(0, documents, 3 * documents // 2), return_counts=True
        )
        gold = (document + level) % (3 + level)
        noise = random.integers(0, 4, len(document))
        predicted = np.where(random.random(len(document)) < 0.6, gold, noise)
        made.append(Clustering(document, gold, predicted, count.astype(float), level))
    return Clusterings(documents, made)


def present(random: np.random.Generator) -> Mean:
    return Mean(np.where(random.random(40) < 0.2, np.nan, random.random(40)))


def mean_of(random: np.random.Generator) -> MeanOf:
    return MeanOf([Mean(random.random(12)), f1(random, 20), Mean(random.random(8))])


def best_accuracy(random: np.random.Generator) -> BestAccuracy:
    """Pairs that one threshold alone divides best."""
    while True:
        gold = (random.random(40) < 0.4).astype(float)
        score = np.round(gold + random.normal(size=40), 1)
        found = [accuracy_score(gold, score >= bound) for bound in np.unique(score)[1:]]
        if found.count(max(found)) == 1:
            return BestAccuracy(gold, score)


MAKERS: dict[str, Callable[[np.random.Generator], Measure]] = {
    "macro f1": f1,
    "weighted f1": lambda random: f1(random, average="weighted"),
    "label sets": label_sets,
    "clusterings": clusterings,
    "present": present,
    "mean of": mean_of,
    "best accuracy": best_accuracy,
}
LARGE: dict[str, Callable[[np.random.Generator], Measure]] = {
    "macro f1": lambda random: f1(random, 600),
    "weighted f1": lambda random: f1(random, 600, "weighted"),
    "label sets": lambda random: label_sets(random, 600),
    "clusterings": lambda random: clusterings(random, 600),
    "mean of": lambda random: MeanOf([f1(random, 400), f1(random, 300)]),
}
every = pytest.mark.parametrize("name", MAKERS)
seeds = pytest.mark.parametrize("seed", SEEDS)


def made(name: str, seed: int) -> Measure:
    return MAKERS[name](np.random.default_rng(seed))


@every
@seeds
def test_the_influence_is_the_derivative_by_a_weight(name: str, seed: int) -> None:
    measure = made(name, seed)
    step = 1e-5
    bumped = np.ones((2 * measure.size, measure.size))
    places = np.arange(measure.size)
    bumped[places, places] += step
    bumped[measure.size + places, places] -= step
    up, down = np.split(measure.resampled(bumped), 2)
    derivative = (up - down) / (2 * step)
    influence = measure.influence()
    if isinstance(measure, Clusterings):  # of 3 and 2 clusterings in a level
        derivative[40:] *= np.sqrt([3 / 2] * 3 + [2] * 2) * np.sqrt(1 + 250 / 40)
    assert influence == pytest.approx(derivative, abs=1e-6)
    assert influence.sum() == pytest.approx(0, abs=1e-12)


@every
@seeds
def test_a_resample_is_the_measure_over_copies(name: str, seed: int) -> None:
    """Counts of 0 and 1 are a part; the same weight for all changes nothing."""
    measure = made(name, seed)
    assert measure.resampled(np.full((1, measure.size), 3))[0] == pytest.approx(measure.value())
    if isinstance(measure, Clusterings | MeanOf):  # where parts keep or lose whole measures
        return
    chosen = np.random.default_rng(100 + seed).random(measure.size) < 0.7
    expected = measure.part(chosen)
    assert expected.size == chosen.sum() == len(expected.influence())
    found = measure.resampled(chosen[None].astype(int))[0]
    assert found == pytest.approx(expected.value())


@every
def test_the_standard_error_is_that_of_a_bootstrap(name: str) -> None:
    random = np.random.default_rng(3)
    measure = (MAKERS | LARGE)[name](random)
    if isinstance(measure, BestAccuracy):
        pytest.skip("too few items for an expansion of the first order")
    drawn = random.multinomial(measure.size, [1 / measure.size] * measure.size, size=400)
    error = np.sqrt(measure.influence() @ measure.influence())
    if isinstance(measure, Clusterings):
        drawn[:, 600:] = 1  # of documents alone
        error = np.linalg.norm(measure.influence()[:600])
    assert error == pytest.approx(np.std(measure.resampled(drawn)), rel=0.15)


@every
@seeds
def test_leaving_one_item_out_changes_the_score_by_its_influence(name: str, seed: int) -> None:
    measure = (MAKERS | LARGE)[name](np.random.default_rng(seed))
    if isinstance(measure, BestAccuracy):
        pytest.skip("its threshold jumps where an item goes")
    items = 40
    gone = []
    for item in range(items):
        chosen = np.ones(measure.size, dtype=bool)
        chosen[item] = False
        gone.append(measure.part(chosen).value())
    change = (measure.value() - np.array(gone)) * (measure.size - 1) / measure.size
    assert np.corrcoef(change, measure.influence()[:items])[0, 1] > 0.97


@seeds
def test_f1_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    for average in ("macro", "weighted"):
        measure = f1(random, 30, average)
        expected = f1_score(measure.gold.code, measure.predicted.code, average=average)
        assert measure.value() == pytest.approx(expected)


@seeds
def test_v_measure_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    gold, predicted = random.integers(0, 4, 50), random.integers(0, 6, 50)
    counts = random.integers(1, 5, 50)
    copies = [np.repeat(one, counts) for one in (gold, predicted)]
    found = v_measure(gold, predicted, counts.astype(float))
    assert found.value == pytest.approx(v_measure_score(*copies))


@pytest.mark.parametrize("gold", [[0, 0, 0], [0, 1, 1]])
@pytest.mark.parametrize("predicted", [[0, 0, 0], [1, 0, 0], [0, 1, 2]])
def test_v_measure_at_its_edges(gold: list[int], predicted: list[int]) -> None:
    found = v_measure(np.array(gold), np.array(predicted), np.ones(3))
    assert found.value == pytest.approx(v_measure_score(gold, predicted), abs=1e-12)
    assert np.isfinite(found.derivative).all()


@seeds
def test_the_best_accuracy_over_thresholds(seed: int) -> None:
    random = np.random.default_rng(seed)
    measure = best_accuracy(random)
    bounds = np.unique(measure.score)[1:]
    best = max(accuracy_score(measure.gold, measure.score >= bound) for bound in bounds)
    assert measure.value() == pytest.approx(best)


def test_scores_that_do_not_differ_have_no_best_threshold() -> None:
    assert np.isnan(BestAccuracy(np.array([0.0, 1.0]), np.ones(2)).value())


def test_some_of_the_documents_keep_the_clusterings() -> None:
    measure = clusterings(np.random.default_rng(0))
    chosen = np.zeros(measure.size, dtype=bool)
    chosen[:25] = True
    part = measure.part(chosen)
    assert part.size == len(part.influence()) == 25
    weights = chosen[:40].astype(float)
    runs = [one.weighted(weights).value for one in measure.clusterings]
    by_level: Vector = np.array([np.mean(runs[:3]), np.mean(runs[3:])])
    assert part.value() == pytest.approx(by_level.mean())
    again = part.part(np.arange(25) < 10)
    assert again.size == 10


def test_a_resample_without_clusterings_takes_all_of_them() -> None:
    measure = clusterings(np.random.default_rng(0))
    counts = np.ones((1, measure.size))
    counts[0, 40:] = 0
    assert measure.resampled(counts)[0] == pytest.approx(measure.value())


def test_no_document_of_a_clustering_left() -> None:
    measure = clusterings(np.random.default_rng(0))
    assert np.isnan(measure.part(np.zeros(measure.size, dtype=bool)).value())
