"""Resampling, against loops and scipy's."""

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr

from angle_bench.reporting.statistics.bootstrap import item_bootstrap, task_bootstrap
from angle_bench.reporting.statistics.measures import Mean, Spearman


def scores(items: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    gold = np.round(2 * random.normal(size=items)) / 2
    return gold, gold + random.normal(size=items), gold + random.normal(scale=1.3, size=items)


def test_its_spread_is_that_of_scipys_bootstrap() -> None:
    gold, first, second = scores(150)

    def gap(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> float:
        return float(spearmanr(x, z).statistic - spearmanr(x, y).statistic)

    theirs = bootstrap(
        (gold, first, second),
        gap,
        n_resamples=1500,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    ours = item_bootstrap([Spearman(gold, first)], [Spearman(gold, second)], 6000)
    # the Monte-Carlo error of a standard deviation of n draws is a share of 1/√(2n)
    assert ours.std() == pytest.approx(theirs.standard_error, rel=4 / np.sqrt(2 * 1500))
    interval = np.quantile(ours, [0.025, 0.975])
    assert interval == pytest.approx(theirs.confidence_interval, abs=0.2 * ours.std())


def test_its_spread_is_that_of_the_influences() -> None:
    gold, first, second = scores(800)
    ours = item_bootstrap([Spearman(gold, first)], [Spearman(gold, second)], 4000)
    influence = Spearman(gold, second).influence() - Spearman(gold, first).influence()
    assert ours.std() == pytest.approx(np.sqrt(influence @ influence), rel=0.05)


def test_the_mean_of_seeds_is_resampled_together() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=(3, 50))
    whole = item_bootstrap([Mean(np.zeros(50))], [Mean(each) for each in values], 200)
    mean = item_bootstrap([Mean(np.zeros(50))], [Mean(values.mean(axis=0))], 200)
    assert whole == pytest.approx(mean)


def test_a_seed_gives_the_same_draws_and_another_gives_others() -> None:
    gold, first, second = scores(60)
    sides = ([Spearman(gold, first)], [Spearman(gold, second)])
    assert item_bootstrap(*sides, 50).tolist() == item_bootstrap(*sides, 50).tolist()
    assert item_bootstrap(*sides, 50).tolist() != item_bootstrap(*sides, 50, seed=1).tolist()
    assert len(item_bootstrap(*sides, 50)) == 50


def test_tasks_are_resampled_with_their_weights() -> None:
    differences = np.array([0.02, 0.01, -0.01, 0.03])
    found = task_bootstrap(differences, np.full(4, 0.25))
    assert found.difference == pytest.approx(0.0125)
    random = np.random.default_rng(1)
    means = [random.choice(differences, 4).mean() for _ in range(20_000)]
    assert found.interval == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=1e-3)
    assert found.agree == pytest.approx(np.mean(np.array(means) > 0), abs=0.02)
    # two tasks of one type count half each of what one of another does
    weighted = task_bootstrap(differences[:3], np.array([0.25, 0.25, 0.5]), 10)
    assert weighted.difference == pytest.approx(0.0025)
