"""Rank intervals of stored models on the mean of a suite."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.common_items import TextNumbers, common_items
from angle_bench.reporting.evidence import Evidence, NoEvidence, read_evidence
from angle_bench.reporting.pairing import Side
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.inference import ALPHA, holm
from angle_bench.reporting.statistics.ranks import rank_intervals
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.suites import Suite


def ranks(sides: Sequence[Side], suite: Suite) -> list[tuple[int, int] | None]:
    """The best and the worst rank of each model, every two compared, Holm over all of them.

    None where a task's predictions are lacking, or are about other data than the first model's:
    means over different items have no order.

    Args:
        sides: The models, under labels of their own.
        suite: What they were scored on.

    Raises:
        ResultsError: Two were scored on other items of the same data.
    """
    evidence = {at: found for at, side in enumerate(sides) if (found := _whole(side, suite))}
    revisions = {at: _revisions(found) for at, found in evidence.items()}
    ranked = [at for at in evidence if revisions[at] == next(iter(revisions.values()))]
    if not ranked:
        return [None] * len(sides)
    by_name = {name: one for at in ranked for name, one in evidence[at].items()}
    items = common_items(suite.task, suite.average, by_name, TextNumbers())
    means = [[items.mean(items.scored(one)) for one in evidence[at].values()] for at in ranked]
    intervals = rank_intervals(_better(means, items.shared))
    return [intervals[ranked.index(at)] if at in ranked else None for at in range(len(sides))]


def _better(means: Sequence[Sequence[Scored]], shared: SharedTexts) -> NDArray[np.bool_]:
    """Who is significantly better than whom, (models, models)."""
    pairs = list(combinations(range(len(means)), 2))
    found = [difference(means[one], means[other], shared).estimate for one, other in pairs]
    better = np.zeros((len(means), len(means)), dtype=bool)
    adjusted = holm([estimate.p for estimate in found])
    for (one, other), estimate, p in zip(pairs, found, adjusted, strict=True):
        if p < ALPHA:
            winner, loser = (other, one) if estimate.difference > 0 else (one, other)
            better[winner, loser] = True
    return better


def _whole(side: Side, suite: Suite) -> dict[str, list[Evidence]] | None:
    """Evidence on every task, by the side's models; None where any is lacking."""
    try:
        return {
            name: [read_evidence(model, task) for task in suite.task]
            for name, model in side.named().items()
        }
    except NoEvidence:
        return None


def _revisions(found: Mapping[str, Sequence[Evidence]]) -> set[tuple[str, ...]]:
    return {tuple(one.result.dataset_revision for one in each) for each in found.values()}
