"""Rank intervals of stored models on the mean of a suite."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.common_items import TextNumbers, common_items
from angle_bench.reporting.evidence import Evidence
from angle_bench.reporting.pairing import Read, Side
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.inference import ALPHA, holm
from angle_bench.reporting.statistics.ranks import rank_intervals
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.task import Suite


def ranks(sides: Sequence[Side], suite: Suite, read: Read) -> dict[str, tuple[int, int]]:
    """The best and the worst rank of each side, every two compared, Holm over all of them.

    Left out are those that lack a task's predictions, or whose predictions are about other data
    than the first one's: means over different items have no order.

    Args:
        sides: The models, under labels of their own.
        suite: What they were scored on.
        read: What the files of each of their models say.

    Returns:
        By label.

    Raises:
        ResultsError: Two were scored on other items of the same data.
    """
    whole = {side.label: found for side in sides if (found := _whole(side, suite, read))}
    revisions = {label: _revisions(found) for label, found in whole.items()}
    ranked = {
        label: found
        for label, found in whole.items()
        if revisions[label] == next(iter(revisions.values()))
    }
    if not ranked:
        return {}
    by_name = {name: one for found in ranked.values() for name, one in found.items()}
    items = common_items(suite.task, suite.average, by_name, TextNumbers())
    means = [[items.mean(items.scored(one)) for one in found.values()] for found in ranked.values()]
    return dict(zip(ranked, rank_intervals(better(means, items.shared)), strict=True))


def better(means: Sequence[Sequence[Scored]], shared: SharedTexts) -> NDArray[np.bool_]:
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


def _whole(side: Side, suite: Suite, read: Read) -> dict[str, list[Evidence]] | None:
    """Evidence on every task, by the side's models; None where any is lacking."""
    usable = {name: read[name].usable for name in side.named()}
    if any(task.name not in found for found in usable.values() for task in suite.task):
        return None
    return {name: [found[task.name] for task in suite.task] for name, found in usable.items()}


def _revisions(found: Mapping[str, Sequence[Evidence]]) -> set[tuple[str, ...]]:
    return {tuple(one.answer.dataset_revision for one in each) for each in found.values()}
