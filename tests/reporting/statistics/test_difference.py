"""Differences: what is refused, exact tests, seeds; each correction by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from angle_bench.reporting.comparison.verdict import DifferenceVerdict
from angle_bench.reporting.statistics.difference import Difference, Repeats, Scored, difference
from angle_bench.reporting.statistics.measures import Mean, Measure, Spearman
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.reporting.statistics.sign_flips import sign_flips


def scored(measure: Measure) -> Scored:
    return Scored(measure.value(), measure.influence())


def compared(base: Measure, candidate: Measure, shared: SharedTexts | None = None) -> Difference:
    shared = SharedTexts.none(base.size) if shared is None else shared
    return difference([scored(base)], [scored(candidate)], shared)


def accuracies(items: int, lost: int, won: int) -> tuple[Mean, Mean]:
    """Two models that differ on so many items."""
    base, candidate = np.ones(items), np.ones(items)
    candidate[:lost] = 0
    base[lost : lost + won] = 0
    return Mean(base), Mean(candidate)


@pytest.mark.parametrize("items", [2, 3, 5])
def test_few_items_have_no_verdict(items: int) -> None:
    gold = np.arange(float(items))
    for base, candidate in (
        (Spearman(gold, gold), Spearman(gold, -gold)),
        (Mean(np.ones(items)), Mean(np.zeros(items))),
    ):
        found = compared(base, candidate).estimate
        assert "too few independent sentences" in found.refusal
        assert (found.p, found.p_equivalent(10)) == (1, 1)
        assert np.isnan(found.interval()).all()


@pytest.mark.parametrize("items", [6, 8, 20, 300])
def test_no_variance_is_no_certainty(items: int) -> None:
    """Perfect against reversed: every item says so, and the exact test counts them."""
    gold = np.arange(float(items))
    for base, candidate in (
        (Spearman(gold, gold), Spearman(gold, -gold)),
        (Mean(np.ones(items)), Mean(np.zeros(items))),
    ):
        found = compared(base, candidate).estimate
        assert found.standard_error > 0
        assert found.p == pytest.approx(2 * 0.5**items)
        assert found.p < 1


def test_no_variance_on_a_chain_is_refused() -> None:
    gold, pairs = np.arange(40.0), np.arange(40)
    chain = SharedTexts(np.stack([pairs, pairs + 1], axis=1))
    found = compared(Spearman(gold, gold), Spearman(gold, -gold), chain).estimate
    assert found.refusal == "its variance comes out as 0"
    assert found.p == 1


@pytest.mark.parametrize(("lost", "won"), [(3, 0), (5, 0), (6, 0), (9, 1), (12, 3), (1, 0)])
def test_few_differing_items_are_mcnemars(lost: int, won: int) -> None:
    found = compared(*accuracies(500, lost, won)).estimate
    exact = stats.binomtest(won, lost + won).pvalue
    assert found.p >= min(exact, 0.05) - 1e-9
    if found.p < 0.05:
        assert exact < 0.05
    low, high = found.interval()
    assert (low < 0 < high) == (found.p > 0.05)


def test_sign_flips_are_scipys() -> None:
    values = np.random.default_rng(0).normal(0.4, size=9)
    found = sign_flips(np.concatenate([values, np.zeros(5)]))
    exact = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert found is not None
    assert found.differing == 9
    assert found.p == pytest.approx(exact)
    assert sign_flips(np.random.default_rng(0).normal(size=17)) is None
    assert sign_flips(np.zeros(3)) == (0, 1)


def test_models_that_agree_on_every_item() -> None:
    """The rule of three: of 1,000 items without a difference fewer than 0.3 % differ."""
    for items, word in ((100, "no verdict"), (990, "no verdict"), (999, "equivalent")):
        found = compared(*accuracies(items, 0, 0)).estimate
        p = found.p_equivalent(0.003)
        assert p == pytest.approx(0.997**items)
        assert DifferenceVerdict(found, found.p, p, 0.003).word == word


def test_one_item_in_a_thousand_is_not_equivalence() -> None:
    assert compared(*accuracies(1000, 1, 0)).estimate.p_equivalent(0.003) == pytest.approx(
        stats.binom.cdf(1, 1000, 0.003)
    )


def test_an_undefined_score_is_refused() -> None:
    gold = np.arange(30.0)
    constant = Scored(math.nan, np.zeros(30))
    found = difference([scored(Spearman(gold, gold))], [constant], SharedTexts.none(30)).estimate
    assert found.refusal == "a score is undefined"
    assert found.p == 1


def test_students_quantile_is_that_of_the_graph() -> None:
    """Twelve queries with many documents of their own are twelve: t with eleven degrees."""
    random = np.random.default_rng(0)
    query = np.repeat(np.arange(12), 20)
    shared = SharedTexts(np.stack([query, query], axis=1))
    values = [random.normal(size=240) + random.normal(size=12)[query] for _ in range(2)]
    found = compared(Mean(values[0]), Mean(values[1]), shared).estimate
    means = np.array([(values[1] - values[0])[query == at].mean() for at in range(12)])
    assert found.degrees_of_freedom == pytest.approx(11)
    assert found.difference == pytest.approx(means.mean())
    assert found.standard_error == pytest.approx(np.std(means, ddof=1) / np.sqrt(11))
    assert found.interval() == pytest.approx(
        stats.t.interval(0.95, 11, found.difference, found.standard_error)
    )


def seeds(count: int, random: np.random.Generator) -> list[Scored]:
    common = random.normal(size=60)
    return [
        Scored(float(random.normal()), each - each.mean())
        for each in common + 0.5 * random.normal(size=(count, 60))
    ]


def test_seeds_by_hand() -> None:
    """The items' variance, less what seeds do to items, and the seeds' own; Welch's degrees."""
    random = np.random.default_rng(1)
    base, candidate = seeds(3, random), seeds(2, random)
    found = difference(base, candidate, SharedTexts.none(60)).estimate

    def squares(influence: np.ndarray) -> float:
        return float(influence @ influence) * (60 / 59) ** 2

    means = [np.mean([one.influence for one in side], axis=0) for side in (base, candidate)]
    items = squares(means[1] - means[0])
    terms = []
    for side, mean in zip((base, candidate), means, strict=True):
        k = len(side)
        items -= sum(squares(one.influence - mean) for one in side) / (k * (k - 1))
        terms.append((np.var([one.score for one in side], ddof=1) / k, k - 1))
    variance = items + sum(value for value, _ in terms)
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    spread = items**2 / 59 + sum(
        value**2 / degrees_of_freedom for value, degrees_of_freedom in terms
    )
    assert found.degrees_of_freedom == pytest.approx(variance**2 / spread)


def test_one_seed_borrows_the_other_sides_spread() -> None:
    random = np.random.default_rng(1)
    one, three = seeds(1, random), seeds(3, random)
    free, fixed = (
        difference(one, three, SharedTexts.none(60), fixed=each) for each in (False, True)
    )
    assert (free.borrowed, fixed.borrowed) == (True, False)
    spread = np.var([each.score for each in three], ddof=1)
    mean = np.mean([each.influence for each in three], axis=0)
    within = sum(np.sum((each.influence - mean) ** 2) for each in three) / 2 * (60 / 59) ** 2
    assert free.estimate.standard_error**2 - fixed.estimate.standard_error**2 == pytest.approx(
        spread - within
    )
    assert difference(three, one, SharedTexts.none(60)).borrowed


def repeated(draws: int, count: int = 400) -> tuple[Scored, Scored, SharedTexts]:
    """Two models whose difference is seen in the last few items alone, and the items by two."""
    random = np.random.default_rng(3)
    influence = np.concatenate([random.normal(size=count) / 1e4, random.normal(size=draws) / 100])
    repeats = (Repeats(slice(0, len(influence)), draws - 1),)
    base = Scored(0.5, np.zeros(len(influence)), repeats=repeats)
    nodes = np.repeat(np.arange(len(influence))[:, None], 2, axis=1)
    return base, Scored(0.52, influence, repeats=repeats), SharedTexts(nodes)


def test_few_repetitions_are_few_degrees_of_freedom() -> None:
    base, candidate, nodes = repeated(10)
    found = difference([base], [candidate], nodes).estimate
    assert found.degrees_of_freedom == pytest.approx(9, rel=0.05)
    low, high = found.interval()
    assert high - low == pytest.approx(
        2 * stats.t.ppf(0.975, found.degrees_of_freedom) * found.standard_error
    )
    without = [Scored(one.score, one.influence) for one in (base, candidate)]
    many = difference(without[:1], without[1:], nodes).estimate
    assert many.degrees_of_freedom > 100
    assert many.standard_error == pytest.approx(found.standard_error)


def test_a_single_repetition_has_no_verdict() -> None:
    base, candidate, nodes = repeated(1)
    found = difference([base], [candidate], nodes).estimate
    assert found.refusal.startswith("a single clustering")
