"""The distributions beside scipy's, and beside closed forms where scipy's are less exact."""

import math

import numpy as np
import pytest
from scipy import special
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from angle_bench.reporting.comparison.common_items import connected
from angle_bench.reporting.statistics import distributions as ours

MANY = [0.3, 1, 1.7, 2, 3.5, 7, 20, 59, 61, 119.9, 120.1, 300, 1000, 1000.1, 1e4, 1e6, 1e9]
PROBABILITIES = [1e-100, 1e-12, 1e-5, 0.025, 0.2, 0.4999, 0.5, 0.8, 0.975, 0.99999]


def test_the_normal_distribution() -> None:
    z = np.linspace(-37, 37, 149)
    np.testing.assert_allclose([ours.normal_below(x) for x in z], special.ndtr(z), rtol=1e-12)
    found = [ours.normal_quantile(p) for p in PROBABILITIES]
    np.testing.assert_allclose(found, special.ndtri(PROBABILITIES), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("df", MANY)
def test_student_s_distribution(df: float) -> None:
    near = np.logspace(-6, 3, 300)
    t = np.concatenate([-near, [0.0], near])
    theirs = special.stdtr(df, t)
    seen = theirs > 1e-60
    # scipy itself is off by 3e-11 near 0 of one degree of freedom
    np.testing.assert_allclose(ours.each_student_below(df, t)[seen], theirs[seen], rtol=1e-10)
    one_by_one = [ours.student_below(df, each) for each in t]
    np.testing.assert_allclose(one_by_one, ours.each_student_below(df, t), rtol=1e-12)


@pytest.mark.parametrize("df", MANY[1:])
def test_student_s_quantiles(df: float) -> None:
    found = [ours.student_quantile(df, p) for p in PROBABILITIES]
    theirs = special.stdtrit(df, PROBABILITIES)
    np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-12)
    again = ours.each_student_below(df, found)
    np.testing.assert_allclose(again, PROBABILITIES, rtol=1e-11)


def test_the_closed_forms_of_one_and_two_degrees_of_freedom() -> None:
    t = -np.logspace(-9, 2, 200)
    one = [0.5 + math.atan(x) / math.pi for x in t]
    two = [0.5 + x / (2 * math.sqrt(2 + x * x)) for x in t]
    np.testing.assert_allclose(ours.each_student_below(1, t), one, rtol=1e-12)
    np.testing.assert_allclose(ours.each_student_below(2, t), two, rtol=1e-11)


def test_the_ends() -> None:
    assert ours.student_quantile(3, 0.0) == ours.normal_quantile(0.0) == -math.inf
    assert ours.student_quantile(3, 1.0) == ours.normal_quantile(1.0) == math.inf
    assert ours.student_quantile(3, 0.5) == 0
    assert ours.student_quantile(0.3, 1e-100) == -math.inf
    assert ours.each_student_below(5, [[-np.inf, np.inf], [0, 1e200]]).tolist() == [
        [0, 1],
        [0.5, 1],
    ]
    assert ours.each_student_below(5, 0.0).shape == ()
    assert ours.student_below(5, -math.inf) == 0
    assert ours.student_below(5, math.inf) == 1
    for least, count, share in ((3, 3, 0.2), (0, 9, 0.0), (8, 9, 1.0)):
        assert ours.binomial_below(least, count, share) == special.bdtr(least, count, share)


@pytest.mark.parametrize("df", [math.nan, 0.0, -1.0])
def test_what_is_no_distribution_has_no_probability(df: float) -> None:
    """And it is known at once: a fraction of NaN would never settle."""
    assert math.isnan(ours.student_below(df, 1.0))
    assert math.isnan(ours.student_quantile(df, 0.975))
    assert math.isnan(special.stdtrit(df, 0.975))
    assert np.isnan(ours.each_student_below(df, [1.0, 2.0])).all()
    assert math.isnan(ours.student_quantile(3.0, math.nan))


@pytest.mark.parametrize(
    ("most", "count", "share"),
    [
        *((2, 10, 0.5), (8, 16, 0.5), (0, 7, 0.1), (3, 1000, 0.003), (16, 100_000, 0.003)),
        *((2400, 5000, 0.5), (49_000, 100_000, 0.5), (0, 100_000, 0.5)),
    ],
)
def test_the_binomial_distribution(most: int, count: int, share: float) -> None:
    theirs = special.bdtr(most, count, share)
    assert ours.binomial_below(most, count, share) == pytest.approx(theirs, rel=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_connected(seed: int) -> None:
    random = np.random.default_rng(seed)
    size, count = int(random.integers(1, 300)), int(random.integers(1, 300))
    links = random.integers(0, size, (count, 2))
    whole = int(links.max()) + 1
    graph = coo_array((np.ones(count), links.T), shape=(whole, whole))
    theirs = connected_components(graph, directed=False)[1]
    _, first = np.unique(theirs, return_index=True)
    assert connected(links).tolist() == first[theirs].tolist()


def test_a_long_chain_is_connected() -> None:
    shuffled = np.random.default_rng(0).permutation(20_000)
    links = np.stack([shuffled[:-1], shuffled[1:]], axis=1)
    assert connected(links).max() == 0
    assert connected(np.zeros((0, 2), dtype=int)).tolist() == []


@pytest.mark.parametrize("df", np.linspace(0.5, 40, 80).tolist())
def test_the_fraction_settles(df: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding must not keep it from its end: some √df steps are enough."""
    monkeypatch.setattr(ours, "_STEPS", 60)
    found = [ours.student_below(df, t) for t in np.linspace(-4, 4, 97)]
    np.testing.assert_allclose(found, special.stdtr(df, np.linspace(-4, 4, 97)), rtol=1e-10)
    monkeypatch.setattr(ours, "_STEPS", 10_000)
    assert found == [ours.student_below(df, t) for t in np.linspace(-4, 4, 97)]
