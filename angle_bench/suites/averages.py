"""What is averaged over a suite, and what is not.

Every function takes scores in the order of the suite's tasks, None where a task has none. A part of
an aggregate that is itself in the suite does not count: CQADupstackRetrieval counts once.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from angle_bench.suites.task import Suite, Task

Scores = Sequence[float | None]


def mean(scores: Scores, *, partial: bool = False) -> float | None:
    """The mean; None where a score is missing, or with `partial` where all are."""
    there = [score for score in scores if score is not None]
    if not there or (len(there) < len(scores) and not partial):
        return None
    return math.fsum(there) / len(there)


def counted(suite: Suite) -> list[int]:
    """The places of the tasks that are averaged."""
    parts = _parts(suite.task)
    return [at for at, task in enumerate(suite.task) if task.name not in parts]


def public(suite: Suite) -> list[int]:
    """The places of the averaged tasks with public data, where others are private; else none."""
    every = counted(suite)
    found = [at for at in every if not suite.task[at].private]
    return found if len(found) < len(every) else []


def counted_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The tasks that are averaged."""
    parts = _parts(tasks)
    return [task for task in tasks if task.name not in parts]


def _parts(tasks: Sequence[Task]) -> set[str]:
    """The names of tasks that an aggregate among them is the mean of."""
    return {part for task in tasks for part in task.parts}


def types(suite: Suite) -> list[str]:
    """The task types of a suite, by name."""
    return sorted({suite.task[at].type for at in counted(suite)})


def of_type(suite: Suite, scores: Scores, kind: str) -> list[float | None]:
    """The scores of one task type."""
    return [scores[at] for at in counted(suite) if suite.task[at].type == kind]


def coverage(suite: Suite, scores: Scores) -> str:
    """How many tasks have a score: `6 of 7`."""
    return share([scores[at] for at in counted(suite)])


def share(scores: Scores) -> str:
    """How many scores there are: `6 of 7`."""
    return f"{sum(score is not None for score in scores)} of {len(scores)}"


def mean_of_tasks(suite: Suite, scores: Scores, *, partial: bool = False) -> float | None:
    """The mean over all tasks."""
    return mean([scores[at] for at in counted(suite)], partial=partial)


def mean_of_public(suite: Suite, scores: Scores) -> float | None:
    """The mean over the tasks with public data, of a suite that also has private ones.

    None where one of them is missing, or the suite has no private task.
    """
    return mean([scores[at] for at in public(suite)])


def mean_of_types(suite: Suite, scores: Scores, *, partial: bool = False) -> float | None:
    """The mean over the means of the task types."""
    means = [mean(of_type(suite, scores, kind), partial=partial) for kind in types(suite)]
    return mean(means, partial=partial)


def overall(suite: Suite, scores: Scores, *, partial: bool = False) -> float | None:
    """The mean that the suite is judged by: over tasks, or over the means of its task types."""
    over_types = suite.average == "types"
    return (mean_of_types if over_types else mean_of_tasks)(suite, scores, partial=partial)


def borda(suite: Suite, rows: Sequence[Scores]) -> list[int | None]:
    """The rank of every row by Borda count, 1 the best; None where a task is missing.

    On every task a row earns as many points as it leaves rows behind, half a point for a tie. That
    is mteb's rule, but for rows with missing tasks: mteb gives these no points for them, here they
    are not ranked, nor counted by the others.
    """
    places = counted(suite)
    whole = [at for at, row in enumerate(rows) if all(row[place] is not None for place in places)]
    points = dict.fromkeys(whole, 0.0)
    for place in places:
        for at, earned in zip(whole, _points([rows[at][place] for at in whole]), strict=True):
            points[at] += earned
    better = sorted(points.values())
    return [
        1 + len(better) - bisect_right(better, points[at]) if at in points else None
        for at in range(len(rows))
    ]


def _points(scores: Scores) -> list[float]:
    """Points of each on one task: one for each row behind, half of one for each tie."""
    ordered = sorted(score for score in scores if score is not None)
    return [
        (bisect_left(ordered, score) + bisect_right(ordered, score) - 1) / 2
        for score in scores
        if score is not None
    ]
