"""Rank intervals over tasks, of rows that have scores alone, such as published ones."""

from dataclasses import replace

import numpy as np

from angle_bench.reporting.comparison.common_items import task_weights
from angle_bench.reporting.statistics.ranks import rank_intervals
from angle_bench.reporting.statistics.task_ranks import better_over_tasks
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.suites import averages
from angle_bench.suites.averages import counted_tasks


def with_task_ranks(board: Board) -> Board:
    """The leaderboard with rank intervals over tasks: would other tasks give the same order?

    They say nothing of the sentences within a task. Rows that lack a task's score have none.
    """
    tasks = counted_tasks(board.suite.task)
    counted = {
        row.label: [row.scores[at] for at in averages.counted(board.suite)] for row in board.rows
    }
    whole = {label: scores for label, scores in counted.items() if None not in scores}
    warnings = list(board.warnings)
    if len(tasks) < 2:
        warnings.append("no ranks: of one task, ranks over tasks say nothing")
        whole = {}
    intervals: dict[str, tuple[int, int]] = {}
    if whole:
        weights = np.array(task_weights(tasks, board.suite.average))
        better = better_over_tasks(np.array(list(whole.values()), dtype=float), weights)
        intervals = dict(zip(whole, rank_intervals(better), strict=True))
    without = [label for label in counted if label not in whole]
    if without and len(tasks) > 1:
        warnings.append(f"without a rank, since scores are lacking: {', '.join(without)}")
    return replace(board, intervals=intervals, ranked_by="tasks", warnings=tuple(warnings))
