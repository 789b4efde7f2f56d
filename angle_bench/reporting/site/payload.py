"""What the page's script works with: scores, differences with intervals, grids, curves; ×100."""

import json
from typing import Any

from angle_bench.reporting.comparison.compare import ComparisonTable
from angle_bench.reporting.site.shown import Exhibit, Variant
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.tables.curve import Curve, Point
from angle_bench.reporting.tables.leaderboard import RANKS, Board, Column
from angle_bench.reporting.tables.table import TableRow


def payload(shown: Exhibit) -> dict[str, Any]:
    """The values as JSON has them; rows go by their number."""
    board = shown.board
    labels = [row.label for row in board.rows]
    columns = [column for column in board.every if column.kind not in RANKS]
    plotted = [column.key for column in board.columns if column.kind not in RANKS]
    return {
        "decimals": board.decimals,
        "headline": board.headline.key,
        "base": labels.index(shown.base.label),
        "columns": [{"key": each.key, "header": each.header} for each in columns],
        "plotted": list(dict.fromkeys([board.headline.key, *plotted])),
        "rows": [
            {"label": row.label, "scores": {each.key: _whole(board, row, each) for each in columns}}
            for row in board.rows
        ],
        "intervals": {
            labels.index(base): {
                labels.index(label): by_column
                for label, by_column in _intervals(board, found).items()
            }
            for base, found in shown.comparisons.items()
        },
        "grids": {
            name: [_square(board, variant) for variant in variants]
            for name, variants in shown.variants.items()
        },
        "curves": [
            {"training": each.curve.label, "rows": [labels.index(label) for label in each.labels]}
            | {"points": [_point(point, each.curve) for point in each.curve.points]}
            for each in shown.trajectories
        ],
    }


def script_json(value: object) -> str:
    """JSON that stands safely inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _whole(board: Board, row: TableRow, column: Column) -> float | None:
    value = board.value(row, column)
    return None if value.score is None or value.partial else 100 * value.score


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
    return [100 * end for end in estimate.interval()]


def _point(point: Point, curve: Curve) -> dict[str, Any]:
    score = None if point.score is None else 100 * point.score
    return {"step": point.step, "score": score, "best": point is curve.best}


def _square(board: Board, variant: Variant) -> dict[str, Any]:
    row = next(row for row in board.rows if row.label == variant.label)
    return {
        "layer": "last" if variant.layer is None else str(variant.layer),
        "size": "all" if variant.size is None else str(variant.size),
        "score": _whole(board, row, board.headline),
    }
