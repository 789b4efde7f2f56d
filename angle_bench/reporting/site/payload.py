"""What the page's script works with: scores, differences with intervals, facts; all ×100."""

import json
from dataclasses import asdict
from typing import Any

from angle_bench.reporting.comparison.comparison_table import ComparisonTable
from angle_bench.reporting.formats.json_csv import training_shares
from angle_bench.reporting.site.shown import Exhibit
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.tables.leaderboard import NO_SCORES, Board, Column
from angle_bench.reporting.tables.table import TableRow
from angle_bench.reporting.tables.view import cell_marks
from angle_bench.suites import averages
from angle_bench.suites.task import Task

TRAINED = "trained on, as its makers declare"  # what a cell of such a task says
MORE_DIGITS = 4  # than are shown, so that sums and differences are right where they are rounded


def score_columns(board: Board) -> list[Column]:
    """The columns of scores, averages and all tasks."""
    return [column for column in board.every if column.kind not in NO_SCORES]


def payload(shown: Exhibit, pages: dict[str, str]) -> dict[str, Any]:
    """The values as JSON has them; rows and columns go by their numbers.

    Args:
        shown: What the page shows.
        pages: The address of each row's page, by its label.
    """
    board = shown.board
    labels = [row.label for row in board.rows]
    columns = score_columns(board)
    keys = [column.key for column in columns]
    tasks = {task.name: task for task in board.suite.task}
    counted = [board.suite.task[at].name for at in averages.counted(board.suite)]
    return {
        "suite": board.suite.name,
        "decimals": board.decimals,
        "average": board.suite.average,
        "headline": keys.index(board.headline.key),
        "base": labels.index(shown.base.label),
        "columns": [_column(each, tasks) for each in columns],
        "counted": [keys.index(name) for name in counted],
        "rows": [_row(shown, row, columns, pages[row.label]) for row in board.rows],
        "intervals": {
            labels.index(base): {
                labels.index(label): {keys.index(key): ends for key, ends in by_column.items()}
                for label, by_column in _intervals(board, found).items()
            }
            for base, found in shown.comparisons.items()
        },
        "paired": list(shown.pairs.models),
        "trained": TRAINED,
    }


def script_json(value: object) -> str:
    """JSON that stands safely inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def shared_difference(board: Board, row: TableRow, base: TableRow) -> tuple[float | None, str]:
    """The difference on the headline in points, over the tasks that both have; its share.

    The share, such as `6 of 7`, is empty where both have all of them.
    """
    mine, other = (board.value(each, board.headline) for each in (row, base))
    if None not in (mine.score, other.score) and not (mine.partial or other.partial):
        return 100 * ((mine.score or 0) - (other.score or 0)), ""
    suite = board.suite
    pairs = list(zip(row.scores, base.scores, strict=True))
    gaps = [None if one is None or two is None else one - two for one, two in pairs]
    found = averages.overall(suite, gaps, partial=True)
    return (None, "") if found is None else (100 * found, averages.coverage(suite, gaps))


def _column(column: Column, tasks: dict[str, Task]) -> dict[str, Any]:
    told: dict[str, Any] = {"key": column.key, "header": column.header, "kind": column.kind}
    if column.kind == "task":
        task = tasks[column.key]
        told |= {"type": task.type, "languages": task.languages}
    if column.kind == "type":
        told["type"] = column.key.removeprefix("type:")
    return told


def _row(shown: Exhibit, row: TableRow, columns: list[Column], page: str) -> dict[str, Any]:
    board = shown.board
    known = asdict(shown.facts[row.label])
    told: dict[str, Any] = {
        "label": row.label,
        "page": page,
        "kind": row.source.kind if row.source else "own",
        "scores": [_whole(board, row, each) for each in columns],
        "scored": sum(score is not None for score in row.scores),
        "facts": {key: value for key, value in known.items() if value is not None},
    }
    marks = [cell_marks(cell) for cell in row.cells]
    if any(marks):
        told["marks"] = marks
    if board.intervals is not None and (rank := board.intervals.get(row.label)):
        told["rank"] = rank
    if (borda := board.ranks.get(row.label)) is not None:
        told["borda"] = borda
    return told | _training(board, row)


def _training(board: Board, row: TableRow) -> dict[str, Any]:
    """What is known of both kinds, and the places of the tasks that were trained on."""
    if board.trained_on is None:
        return {}
    found = board.trained_on[row.label]
    percent, seen = training_shares(board, row)
    places = [at for at, task in enumerate(board.suite.task) if task.name in found.declared]
    told: dict[str, Any] = {"zero_shot": percent, "seen": seen, "trained": places}
    return {key: value for key, value in told.items() if value is not None and value != []}


def _whole(board: Board, row: TableRow, column: Column) -> float | None:
    value = board.value(row, column)
    if value.score is None or value.partial:
        return None
    return round(100 * value.score, board.decimals + MORE_DIGITS)


def _intervals(board: Board, found: ComparisonTable) -> dict[str, dict[str, list[float]]]:
    """Low and high of the paired difference to the base, by row and column."""
    headers = {task.header: task.name for task in board.suite.task}
    told = {}
    for row in found.rows:
        by_column = {
            headers[header]: _ends(verdict.estimate)
            for header, verdict in row.by_task.items()
            if not verdict.estimate.refusal
        }
        if (
            row.verdict
            and not row.verdict.estimate.refusal
            and len(row.pairing.tasks) == len(board.suite.task)
        ):
            by_column[board.headline.key] = _ends(row.verdict.estimate)
        told[row.label] = by_column
    return told


def _ends(estimate: Estimate) -> list[float]:
    return [round(100 * end, 6) for end in estimate.interval()]
