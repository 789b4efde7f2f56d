"""Rank intervals of stored models on the mean of a suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.comparison.common_items import TextNumbers, common_items
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.comparison.pairing import Read, Side
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.inference import ALPHA, holm
from angle_bench.reporting.statistics.ranks import rank_intervals
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.reporting.tables.copies import copies
from angle_bench.suites.averages import counted_tasks
from angle_bench.suites.task import Suite, Task


@dataclass(frozen=True)
class Ranking:
    """Ranks as intervals.

    Attributes:
        intervals: The best and the worst rank, by label.
        tasks: The tasks whose mean is ranked: those that have predictions of every ranked model.
    """

    intervals: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()


def ranks(sides: Sequence[Side], suite: Suite, read: Read) -> Ranking:
    """The best and the worst rank of each side, every two compared, Holm over all of them.

    They are over the tasks that have predictions of all these sides. Left out are sides that lack
    a task's score, that have predictions of less than half as many tasks as others, or of other
    data than the first one's: means over different items have no order. A checkpoint under several
    labels is one, and has one rank.

    Args:
        sides: The models, under labels of their own.
        suite: What they were scored on.
        read: What the files of each of their models say.

    Raises:
        ResultsError: Two were scored on other items of the same data.
    """
    usable = {side.label: _usable(side, suite, read) for side in sides}
    most = max(map(len, usable.values()), default=0)
    whole = [side for side in sides if 2 * len(usable[side.label]) >= max(most, 1)]
    tasks = tuple(
        task
        for task in counted_tasks(suite.task)
        if all(task in usable[side.label] for side in whole)
    )
    if not whole or not tasks:
        return Ranking()
    found = {side.label: _evidence(side, tasks, read) for side in whole}
    revisions = {label: _revisions(evidence) for label, evidence in found.items()}
    first = next(iter(revisions.values()))
    ranked = {label: each for label, each in found.items() if revisions[label] == first}
    by_name = {name: one for each in ranked.values() for name, one in each.items()}
    items = common_items(tasks, suite.average, by_name, TextNumbers())
    alike = copies({side.label: side.models for side in sides if side.label in ranked})
    distinct = [side for side in sides if side.label in ranked and side.label not in alike]
    means = [
        [items.mean(items.scored(one)) for one in ranked[side.label].values()] for side in distinct
    ]
    fixed = [side.fixed for side in distinct]
    intervals = rank_intervals(better(means, items.shared, fixed))
    by_label = {side.label: each for side, each in zip(distinct, intervals, strict=True)}
    return Ranking({label: by_label[alike.get(label, label)] for label in ranked}, tasks)


def share(suite: Suite, ranking: Ranking) -> str:
    """Over how many of its tasks the ranks are: `32 of 41`; empty where over all of them."""
    counted = len(counted_tasks(suite.task))
    return "" if len(ranking.tasks) == counted else f"{len(ranking.tasks)} of {counted}"


def over_some(suite: Suite, ranking: Ranking) -> list[str]:
    """Which tasks the ranks are not over."""
    if not ranking.intervals or not share(suite, ranking):
        return []
    others = [task.header for task in counted_tasks(suite.task) if task not in ranking.tasks]
    return [
        f"ranks are over {share(suite, ranking)} tasks; the predictions of some row are lacking "
        f"or cannot be used of {', '.join(others)}"
    ]


def better(
    means: Sequence[Sequence[Scored]], shared: SharedTexts, fixed: Sequence[bool]
) -> NDArray[np.bool_]:
    """Who is significantly better than whom, (models, models).

    Args:
        means: The mean score of each model or of each seed of a recipe.
        shared: Which items share texts.
        fixed: Whether each is one published checkpoint and no draw of a recipe.
    """
    pairs = list(combinations(range(len(means)), 2))
    found = [
        difference(means[one], means[other], shared, fixed=fixed[one] or fixed[other]).estimate
        for one, other in pairs
    ]
    better = np.zeros((len(means), len(means)), dtype=bool)
    adjusted = holm([estimate.p for estimate in found])
    for (one, other), estimate, p in zip(pairs, found, adjusted, strict=True):
        if p < ALPHA:
            winner, loser = (other, one) if estimate.difference > 0 else (one, other)
            better[winner, loser] = True
    return better


def _usable(side: Side, suite: Suite, read: Read) -> list[Task]:
    """The tasks with predictions of all of a side's models; none where a score is missing."""
    found = [read[name] for name in side.named()]
    tasks = counted_tasks(suite.task)
    if any(task.name not in one.answers for one in found for task in tasks):
        return []
    return [task for task in tasks if all(task.name in one.usable for one in found)]


def _evidence(side: Side, tasks: Sequence[Task], read: Read) -> dict[str, list[Evidence]]:
    """Evidence on every task, by the side's models."""
    return {name: [read[name].usable[task.name] for task in tasks] for name in side.named()}


def _revisions(found: Mapping[str, Sequence[Evidence]]) -> set[tuple[str, ...]]:
    return {tuple(one.answer.dataset_revision for one in each) for each in found.values()}
