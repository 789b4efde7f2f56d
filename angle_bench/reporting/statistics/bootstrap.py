"""Resampling: pairs as if they were independent, or tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from angle_bench.reporting.statistics.measures import Counts, Measure, Spearman, Vector

RESAMPLES = 10_000
SEED = 0
_BLOCK = 4  # resamples at a time: more leave a processor's cache at 10,000 pairs


def item_bootstrap(
    first: Sequence[Measure],
    second: Sequence[Measure],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Vector:
    """Differences of two models' scores over resampled items, (resamples,).

    Items are drawn with replacement, the same for both sides, as if they were independent; where
    they share texts the spread of these differences is too small.

    Args:
        first: Scores over the same items, such as the seeds of the base; their mean counts.
        second: The candidate's.
        resamples: How many.
        seed: Of the random numbers.
    """
    differences = []
    for counts in _draws(first[0].size, resamples, np.random.default_rng(seed)):
        scores = _resampled([*first, *second], counts)
        base, candidate = scores[: len(first)], scores[len(first) :]
        differences.append(np.mean(candidate, axis=0) - np.mean(base, axis=0))
    return np.concatenate(differences)


def _resampled(measures: Sequence[Measure], counts: Counts) -> list[Vector]:
    """Scores over the same items; the ranks of the gold scores are made once for all."""
    correlations = [one for one in measures if isinstance(one, Spearman)]
    if len(correlations) < len(measures):
        return [one.resampled(counts) for one in measures]
    gold_side = correlations[0].gold_side(counts)
    return [one.resampled_with(gold_side, counts) for one in correlations]


def _draws(items: int, resamples: int, random: np.random.Generator) -> Iterator[Counts]:
    """How often each item is drawn, in blocks of resamples."""
    for start in range(0, resamples, _BLOCK):
        rows = min(_BLOCK, resamples - start)
        drawn = random.integers(0, items, size=(rows, items), dtype=np.int32)
        yield np.array([np.bincount(one, minlength=items) for one in drawn], dtype=np.int32)


@dataclass(frozen=True)
class TaskBootstrap:
    """What other choices of tasks, drawn from those at hand, would say.

    Attributes:
        difference: The mean over the tasks.
        interval: The middle 95 % of the resampled means.
        agree: The share of resampled means with the sign of the difference.
    """

    difference: float
    interval: tuple[float, float]
    agree: float


def task_bootstrap(
    differences: Vector, weights: Vector, resamples: int = RESAMPLES, seed: int = SEED
) -> TaskBootstrap:
    """Resample tasks: it says nothing of the sentences within them.

    Args:
        differences: Of each task's score, (tasks,).
        weights: What each task counts in the mean, (tasks,).
        resamples: How many.
        seed: Of the random numbers.
    """
    count = len(differences)
    drawn = np.random.default_rng(seed).integers(0, count, size=(resamples, count))
    means = (weights * differences)[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    difference = float(weights @ differences / weights.sum())
    low, high = np.quantile(means, [0.025, 0.975])
    agree = float(np.mean(np.sign(means) == np.sign(difference)))
    return TaskBootstrap(difference, (float(low), float(high)), agree)
