"""The difference between two models, or two recipes of several seeds, on the same items."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from angle_bench.reporting.statistics.inference import Estimate, welch
from angle_bench.reporting.statistics.shared_texts import SharedTexts, Vector

Over = Literal["sentences", "components", "pairs"]


@dataclass(frozen=True)
class Scored:
    """One model's score and the influence of each item on it, (items,)."""

    score: float
    influence: Vector


@dataclass(frozen=True)
class Difference:
    """An estimate, and how the items' variance was summed."""

    estimate: Estimate
    over: Over


def difference(
    base: Sequence[Scored],
    candidate: Sequence[Scored],
    shared: SharedTexts,
    item_variance: float | None = None,
) -> Difference:
    """Candidate minus base, where a side is one checkpoint or the seeds of a recipe.

    With V(ψ) the variance of a sum of influences and s² that of the scores of k seeds, the squared
    standard error is V(ψ̄ of the candidate − ψ̄ of the base) + s²/k of each side. What a seed does
    to single sentences is in both: V of the seeds' deviations, by k(k − 1), is taken off V once.

    Args:
        base: One model, or a model a seed.
        candidate: The other side.
        shared: Which items share texts.
        item_variance: V of the seeds' mean, if it was found in another way, by resampling.
    """
    influence = _mean_influence(candidate) - _mean_influence(base)
    over: Over = "pairs"
    if item_variance is None:
        item_variance, over = shared.variance(influence)
    terms = [(item_variance, math.inf)]
    for side in (base, candidate):
        if len(side) > 1:
            spread = float(np.var([one.score for one in side], ddof=1)) / len(side)
            terms.append((spread, len(side) - 1))
            terms[0] = (max(0.0, terms[0][0] - _within_seeds(side, shared, over)), math.inf)
    variance, freedom = welch(terms)
    means = [float(np.mean([one.score for one in side])) for side in (base, candidate)]
    return Difference(Estimate(means[1] - means[0], math.sqrt(variance), freedom), over)


def _mean_influence(side: Sequence[Scored]) -> Vector:
    return np.asarray(np.mean([one.influence for one in side], axis=0))


def _within_seeds(side: Sequence[Scored], shared: SharedTexts, over: Over) -> float:
    """The part of a mean's item variance that the spread between its seeds' scores holds too."""
    mean, count = _mean_influence(side), len(side)
    deviations = [one.influence - mean for one in side]
    if over == "pairs":
        return math.fsum(float(each @ each) for each in deviations) / (count * (count - 1))
    return math.fsum(shared.variance(each).value for each in deviations) / (count * (count - 1))
