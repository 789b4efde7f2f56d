"""A leaderboard with what statistics say of its rows: rank intervals, who is better than the base.

Apart from the leaderboard itself, which needs no numpy.
"""

from collections.abc import Sequence
from dataclasses import replace

from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import How
from angle_bench.reporting.comparison.pairing import Read, Side
from angle_bench.reporting.comparison.ranking import over_some, ranks, share
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.task import Task

HOW = How(allow_different=True)  # a table marks rows whose settings differ, and shows them


def sides_of(rows: Sequence[TableRow], warnings: list[str]) -> list[Side]:
    """The rows that were measured, each as a side of a comparison (see `Side.of`)."""
    return [
        Side.of(row.label, [StoredModel.of(model) for model in row.models], warnings)
        for row in rows
        if row.models
    ]


def with_ranks(
    board: Board, sides: Sequence[Side] | None = None, read: Read | None = None
) -> Board:
    """The leaderboard with rank intervals on the mean, and who is better than its base.

    Args:
        board: The leaderboard.
        sides: Its measured rows, where these are known.
        read: What their files say, where that is known.

    Raises:
        ResultsError: Two rows were scored on other items of the same data.
    """
    odd: list[str] = []
    sides = sides_of(board.rows, odd) if sides is None else sides
    read = read_sides(sides, board.suite, []) if read is None else read
    odd += [f"{line}; left out" for model in read.values() for line in model.unreadable]
    ranking = ranks(sides, board.suite, read)
    without = [row.label for row in board.rows if row.models and row.label not in ranking.intervals]
    warnings = [*board.warnings, *odd, *over_some(board.suite, ranking)]
    if without:
        warnings.append(
            f"without a rank, since scores or per-item predictions are lacking or on other "
            f"data: {', '.join(without)}"
        )
    return replace(
        board,
        intervals=ranking.intervals,
        ranked_over=share(board.suite, ranking),
        better=_better(board, ranking.tasks, sides, read),
        warnings=tuple(warnings),
    )


def _better(
    board: Board, tasks: tuple[Task, ...], sides: Sequence[Side], read: Read
) -> frozenset[str]:
    """The rows that are significantly better than the base in the mean that is ranked."""
    by_label = {side.label: side for side in sides}
    if board.base is None or board.base.label not in by_label or not tasks:
        return frozenset()
    others = [side for side in sides if side.label != board.base.label]
    suite = board.suite.model_copy(update={"task": tasks})
    found = compare(by_label[board.base.label], others, suite, HOW, read)
    return frozenset(
        row.label
        for row in found.rows
        if row.verdict is not None
        and row.verdict.word == "better"
        and len(row.pairing.tasks) == len(tasks)
    )
