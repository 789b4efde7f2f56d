"""Intervals, p values, equivalence, Holm and degrees of freedom, against worked cases."""

import math

import numpy as np
import pytest
from scipy import stats

from angle_bench.reporting.statistics.inference import Estimate, holm, welch


def test_a_normal_estimate() -> None:
    estimate = Estimate(0.0131, 0.00168)
    assert estimate.interval() == pytest.approx((0.0131 - 1.959964 * 0.00168, 0.01639274), abs=1e-8)
    assert Estimate(1.959964, 1).p == pytest.approx(0.05, abs=1e-7)
    assert Estimate(-1.959964, 1).p == pytest.approx(0.05, abs=1e-7)


def test_few_degrees_of_freedom_are_students() -> None:
    estimate = Estimate(2.0, 1.0, 4.0)
    assert estimate.p == pytest.approx(2 * stats.t.sf(2, 4))
    assert estimate.interval() == pytest.approx(stats.t.interval(0.95, 4, 2.0, 1.0))


def test_two_one_sided_tests() -> None:
    """0.1 ± 0.1 within 0.3: two standard errors from the upper end, four from the lower."""
    assert Estimate(0.1, 0.1).p_equivalent(0.3) == pytest.approx(stats.norm.sf(2))
    assert Estimate(-0.1, 0.1).p_equivalent(0.3) == pytest.approx(stats.norm.sf(2))
    assert Estimate(0.4, 0.1).p_equivalent(0.3) == pytest.approx(stats.norm.cdf(1))
    # the 90 % interval within the margin, and the test at 5 %, say the same
    low, high = Estimate(0.1, 0.1).interval(0.90)
    assert (low > -0.3 and high < 0.3) == (Estimate(0.1, 0.1).p_equivalent(0.3) < 0.05)


def test_no_error_is_no_certainty() -> None:
    assert (Estimate(0.0, 0.0).p, Estimate(0.1, 0.0).p) == (1, 1)
    assert Estimate(0.0, 0.0).p_equivalent(0.003) == 0
    assert Estimate(0.1, 0.0).p_equivalent(0.003) == 1
    assert Estimate(0.1, 0.0).p_equivalent(0.3) == 1


def test_an_exact_p_value_and_its_interval_agree() -> None:
    found = Estimate(0.02, 0.001, 11.0).with_p(0.03)
    assert found.p == pytest.approx(0.03)
    assert found.interval(0.97)[0] == pytest.approx(0, abs=1e-12)


def test_what_a_comparison_resolves() -> None:
    """A true difference of that size is found in four of five draws."""
    error = 0.209
    resolved = Estimate(0, error).resolves()
    assert resolved == pytest.approx((1.959964 + 0.841621) * error, abs=1e-6)
    assert stats.norm.sf(1.959964 - resolved / error) == pytest.approx(0.8, abs=1e-5)


def test_holm_by_hand() -> None:
    # sorted .005 .01 .03 .04, times 4 3 2 1, never falling
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_degrees_of_freedom_are_welchs() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=5), random.normal(scale=3, size=9)
    terms = [(float(np.var(one, ddof=1)) / len(one), len(one) - 1) for one in (first, second)]
    variance, degrees_of_freedom = welch(terms)
    test = stats.ttest_ind(second, first, equal_var=False)
    assert degrees_of_freedom == pytest.approx(test.df)
    estimate = Estimate(
        float(second.mean() - first.mean()), math.sqrt(variance), degrees_of_freedom
    )
    assert estimate.p == pytest.approx(test.pvalue)


def test_a_known_variance_has_no_limit_of_freedom() -> None:
    assert welch([(2.0, math.inf)]) == (2.0, math.inf)
    variance, degrees_of_freedom = welch([(2.0, math.inf), (1.0, 3.0)])
    assert (variance, degrees_of_freedom) == (3.0, 27.0)
    assert welch([(0.0, math.inf), (0.0, 2.0)]) == (0.0, math.inf)
