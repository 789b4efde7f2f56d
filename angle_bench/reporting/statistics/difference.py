"""The difference between two models, or two recipes of several seeds, on the same items."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from angle_bench.reporting.statistics.clusters import Vector, sums
from angle_bench.reporting.statistics.inference import ALPHA, Estimate, welch
from angle_bench.reporting.statistics.shared_texts import SharedTexts, WeightedTexts
from angle_bench.reporting.statistics.sign_flips import MOST, Flips, sign_flips

Over = Literal["sentences", "sentences, pairs twice", "pairs"]
FEWEST = 6  # effective sentences; of five, an exact test cannot be below .05: 2/2⁵ = .0625
_ROUNDING = 1e-9
_NONE = 1e-9  # a standard error this small beside the difference is 0 but for rounding


@dataclass(frozen=True)
class Repeats:
    """Items of a score whose variance is seen in a few repetitions, such as clusterings.

    Attributes:
        items: Which of the items.
        degrees_of_freedom: Of their variance; 0 where there was a single one.
    """

    items: slice
    degrees_of_freedom: int

    def after(self, count: int) -> "Repeats":
        """The same behind so many other items."""
        return Repeats(
            slice(self.items.start + count, self.items.stop + count), self.degrees_of_freedom
        )


@dataclass(frozen=True)
class Scored:
    """One model's score, the influence of each item on it, and what each counts in it.

    Attributes:
        score: The score as a fraction.
        influence: The derivative by each item's weight, (items,).
        weight: The share of each item in the score, (items,); 1/n of all where it is None.
        repeats: Those of the items that need more than their number says.
    """

    score: float
    influence: Vector
    weight: Vector | None = None
    repeats: tuple[Repeats, ...] = ()

    @property
    def shares(self) -> Vector:
        """What each item counts, (items,)."""
        count = len(self.influence)
        return np.full(count, 1 / max(count, 1)) if self.weight is None else self.weight


@dataclass(frozen=True)
class Difference:
    """An estimate, and how it was made.

    Attributes:
        estimate: Candidate minus base.
        over: How the items' variance was summed.
        borrowed: Whether a side of one seed was taken to spread as the other side's seeds do.
    """

    estimate: Estimate
    over: Over
    borrowed: bool = False


def difference(
    base: Sequence[Scored],
    candidate: Sequence[Scored],
    shared: SharedTexts,
    item_variance: float | None = None,
    fixed: bool = False,
) -> Difference:
    """Candidate minus base, where a side is one checkpoint or the seeds of a recipe.

    With V(ψ) the variance of a sum of influences and s² that of the scores of k seeds, the squared
    standard error is V(ψ̄ of the candidate − ψ̄ of the base) + s²/k of each side. What a seed does
    to single sentences is in both: V of the seeds' deviations, by k(k − 1), is taken off V once.
    One seed beside several of another recipe gets the s² of these, for k = 1.

    Args:
        base: One model, or a model a seed.
        candidate: The other side.
        shared: Which items share texts.
        item_variance: V of the seeds' mean, if it was found in another way, by resampling.
        fixed: Whether a side of one model is that model and no draw of a recipe.

    Returns:
        With a refusal in place of a standard error where there is too little to tell from.
    """
    means = [float(np.mean([one.score for one in side])) for side in (base, candidate)]
    gap = means[1] - means[0]
    influence = _mean_influence(candidate) - _mean_influence(base)
    if not math.isfinite(gap) or not np.isfinite(influence).all():
        return Difference(Estimate.refused(gap, "a score is undefined"), "sentences")
    weight = base[0].shares
    used = shared if item_variance is None else shared.apart
    clusters = used.weighted(weight)
    over: Over = "pairs"
    if item_variance is None:
        item_variance, over = clusters.variance(influence)
    if clusters.effective < FEWEST - _ROUNDING:
        few = f"too few independent sentences (effective number {clusters.effective:.1f})"
        return Difference(Estimate.refused(gap, few, clusters.effective), over)
    seeds = _seed_terms(base, candidate, clusters, over, fixed)
    items = max(0.0, item_variance - math.fsum(each.within for each in seeds))
    repeated = _repeated(base[0].repeats, influence, items)
    once = math.fsum(
        variance for variance, degrees_of_freedom in repeated if not degrees_of_freedom
    )
    if once > items / 2:
        why = "a single clustering, which does not tell how much another would differ"
        return Difference(Estimate.refused(gap, why, clusters.effective), over)
    others = max(0.0, items - math.fsum(variance for variance, _ in repeated))
    variance, degrees_of_freedom = welch(
        [
            (others, clusters.degrees_of_freedom),
            *((variance, max(1, degrees_of_freedom)) for variance, degrees_of_freedom in repeated),
            *((each.spread, each.degrees_of_freedom) for each in seeds),
        ]
    )
    degrees_of_freedom = degrees_of_freedom if variance else clusters.degrees_of_freedom
    estimate = Estimate(gap, math.sqrt(variance), degrees_of_freedom, clusters.effective)
    flips = None if seeds else _flips(used, influence, gap, weight)
    borrowed = any(each.borrowed for each in seeds)
    return Difference(_checked(estimate, flips, used), over, borrowed)


def _checked(estimate: Estimate, flips: Flips | None, shared: SharedTexts) -> Estimate:
    """The estimate; where few items differ with the exact test's p value, if that is larger."""
    gap = estimate.difference
    vanishes = estimate.standard_error <= _NONE * abs(gap)
    few = flips is not None and flips.differing <= MOST
    if gap and flips is not None and (vanishes or (few and estimate.p < min(ALPHA, flips.p))):
        return estimate.with_p(flips.p)
    if gap and vanishes:
        return Estimate.refused(gap, "its variance comes out as 0", estimate.effective)
    if vanishes:
        return estimate.over_units(shared.units, 0)
    if flips is not None and flips.differing < FEWEST:
        return estimate.over_units(shared.units, flips.differing)
    return estimate


def _flips(shared: SharedTexts, influence: Vector, gap: float, weight: Vector) -> Flips | None:
    """The exact test, where items make clusters that share nothing."""
    clusters = shared.disjoint
    if clusters is None or (weight < 0).any():
        return None
    return sign_flips(sums(clusters, influence + gap * weight))


@dataclass(frozen=True)
class _SeedTerm:
    """What the seeds of a side add to the variance of its mean.

    Attributes:
        spread: The variance between seeds' scores, by the number of seeds.
        within: The part of it that the items' variance holds too.
        degrees_of_freedom: Of `spread`.
        borrowed: Whether it comes from the other side's seeds.
    """

    spread: float
    within: float
    degrees_of_freedom: float
    borrowed: bool = False


def _seed_terms(
    base: Sequence[Scored],
    candidate: Sequence[Scored],
    clusters: WeightedTexts,
    over: Over,
    fixed: bool,
) -> list[_SeedTerm]:
    sides = [side for side in (base, candidate) if len(side) > 1]
    borrowed = len(sides) == 1 and not fixed
    terms = []
    for side in sides:
        share = 1 / len(side) + borrowed  # both sides' terms are of one s², 1 + 1/k of it
        spread = float(np.var([one.score for one in side], ddof=1))
        within = _within_seeds(side, clusters, over)
        terms.append(_SeedTerm(share * spread, share * within, len(side) - 1, borrowed))
    return terms


def _repeated(
    repeats: Sequence[Repeats], influence: Vector, items: float
) -> list[tuple[float, int]]:
    """The variance of each group of repetitions, with its degrees of freedom.

    Together they are at most the items' whole variance, which sharing may make less than that of
    items apart.
    """
    found = [
        (float((influence[each.items] ** 2).sum()), each.degrees_of_freedom) for each in repeats
    ]
    whole = math.fsum(variance for variance, _ in found)
    share = min(1.0, items / whole) if whole else 0.0
    return [(share * variance, degrees_of_freedom) for variance, degrees_of_freedom in found]


def _mean_influence(side: Sequence[Scored]) -> Vector:
    return np.asarray(np.mean([one.influence for one in side], axis=0))


def _within_seeds(side: Sequence[Scored], clusters: WeightedTexts, over: Over) -> float:
    """The part of one seed's item variance that the spread between seeds' scores holds too."""
    mean, count = _mean_influence(side), len(side)
    deviations = [one.influence - mean for one in side]
    if over == "pairs":
        return math.fsum(float(each @ each) for each in deviations) / (count - 1)
    return math.fsum(clusters.variance(each).value for each in deviations) / (count - 1)
