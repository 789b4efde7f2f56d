"""A leaderboard as data: JSON with all that is known, CSV with every score, both unrounded.

Scores, spreads and differences are points, ×100 of what stands in mteb's files.
"""

import csv
import io
import json
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from angle_bench.errors import printable
from angle_bench.reporting.tables.leaderboard import NO_SCORES, RANKS, TRAINING, Board, Column
from angle_bench.reporting.tables.table import TableCell, TableRow
from angle_bench.reporting.zero_shot.trained_on import NOTHING_KNOWN

_EXECUTED = ("=", "+", "-", "@", "\t", "\r")  # the OWASP list for CSV injection
MADE_BY = "angle-bench leaderboard"
_IDENTITY = ("model", "name", "kind", "revision", "settings", "coverage")


def as_json(board: Board) -> str:
    """Everything: scores with their origins, averages, differences, signatures, warnings."""
    return json.dumps(as_values(board), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_values(board: Board) -> dict[str, Any]:
    """The same as plain values."""
    suite = board.suite
    return {
        "made_by": MADE_BY,
        "command": board.command,
        "suite": {
            "name": suite.name,
            "version": suite.version,
            "average": suite.average,
            "tasks": [
                task.model_dump(include={"name", "type", "splits", "subsets", "metric"})
                for task in suite.task
            ],
        },
        "unit": "points",
        "base": board.base.label if board.base is not None else None,
        "rows": [_row(board, row) for row in board.rows],
        "warnings": list(board.warnings),
    }


def command_of_json(text: str) -> str | None:
    """The command that made a JSON file, if it is one of ours."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("made_by") != MADE_BY:
        return None
    return str(value.get("command", ""))


def first_difference(old: str, new: str) -> str:
    """Where two JSON texts differ first, and both values."""
    found = _differing("", json.loads(old), json.loads(new))
    if found is None:
        return "the layout differs"
    path, was, now = found
    return f"{path.lstrip('.')}: {json.dumps(was)[:100]} in the file, {json.dumps(now)[:100]} now"


def _differing(path: str, old: Any, new: Any) -> tuple[str, Any, Any] | None:
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{path}.{key}", old.get(key), new.get(key)) for key in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list):
        numbered = enumerate(zip_longest(old, new))
        pairs = [(f"{path}.{_called(was, at)}", was, now) for at, (was, now) in numbered]
    else:
        return None if old == new else (path, old, new)
    found = (_differing(*pair) for pair in pairs)
    return next((each for each in found if each is not None), None)


def _called(item: Any, at: int) -> str:
    return str(item.get("model", at)) if isinstance(item, dict) else str(at)


def as_csv(board: Board, *, raw: bool = False) -> str:
    """A line for every row: identity, averages, all tasks, signature, command.

    Texts that a spreadsheet would take for a formula stand behind a quote, and line ends and
    control characters in them are `?`, unless it is to be `raw`.

    An average that is missing is empty, with `coverage` beside it; so is the score of a task that
    has none. Partial averages are given only where the leaderboard has them.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    columns = [column for column in board.every if column.kind not in ("rank", *TRAINING)]
    ranks = [] if board.intervals is None else ["rank best", "rank worst"]
    trained = [] if board.trained_on is None else [*TRAINING]
    names = [column.key for column in columns]
    spreads = [f"{name} sd" for name in names] if any(row.runs for row in board.rows) else []
    writer.writerow([*_IDENTITY, *names, *spreads, *ranks, *trained, "signature", "command"])
    said = str if raw else _harmless
    for row in board.rows:
        values = [board.value(row, column) for column in columns]
        scores = [
            value.score if column.kind in RANKS else points(value.score)
            for column, value in zip(columns, values, strict=True)
        ]
        sds = [points(value.spread) for value in values] if spreads else []
        between = (board.intervals or {}).get(row.label, ("", "")) if ranks else ()
        known = training_shares(board, row) if trained else ()
        cells = [*map(said, identity(board, row)), *scores, *sds, *between, *known]
        writer.writerow([*cells, said(row.signature), said(board.command)])
    return target.getvalue()


def _harmless(text: str) -> str:
    r"""A text that a spreadsheet shows and does not execute.

    >>> _harmless("=1+1")
    "'=1+1"
    """
    return f"'{printable(text)}" if text.startswith(_EXECUTED) else printable(text)


def command_of_csv(text: str) -> str | None:
    """The command that made a CSV file, if it is one of ours."""
    rows = list(csv.reader(io.StringIO(text)))
    if len(rows) < 2 or tuple(rows[0][: len(_IDENTITY)]) != _IDENTITY or rows[0][-1] != "command":
        return None
    return rows[1][-1]


def points(fraction: float | None) -> float | None:
    """A fraction ×100, without what multiplying leaves in the last digits.

    >>> points(0.07), points(None)
    (7.0, None)
    """
    return None if fraction is None else round(100 * fraction, 12)


def identity(board: Board, row: TableRow) -> list[str]:
    """What a row is of, in the order of the first columns."""
    source = row.source
    known = (source.model, source.kind, source.revision, source.settings) if source else ("",) * 4
    return [row.label, *(part or "" for part in known), board.coverage(row)]


def _row(board: Board, row: TableRow) -> dict[str, Any]:
    told_of = dict(zip(_IDENTITY, identity(board, row), strict=True))
    kinds = ("mean", "types", "public", "type")
    averages = [column for column in board.every if column.kind in kinds]
    told: dict[str, Any] = {
        **told_of,
        "published": row.source.said if row.source and row.source.said else None,
        "averages": {column.key: _value(board, row, column) for column in averages},
        "borda": board.ranks.get(row.label),
        "scores": {
            task.name: _cell(cell) for task, cell in zip(board.suite.task, row.cells, strict=True)
        },
        "unlike": board.unlike.get(row.label),
        "signature": row.signature,
    }
    if board.languages:
        told["languages"] = {
            column.key.removeprefix("language:"): _value(board, row, column)
            for column in board.languages
        }
    if board.base is not None:
        told["differences"] = {
            column.key: points(board.difference(row, column))
            for column in board.every
            if column.kind not in NO_SCORES
        }
    if board.intervals is not None:
        told["rank"] = board.intervals.get(row.label)
        told["ranked_by"] = board.ranked_by
        told["ranked_over"] = board.ranked_over or None
    if board.better:
        told["better_than_base"] = row.label in board.better
    if row.label in (board.trained_on or {}):
        told["trained_on"] = _training(board, row)
    if row.runs:
        told["runs"] = [_row(board, run) for run in row.runs]
    return told


def training_shares(board: Board, row: TableRow) -> tuple[int | None, float | None]:
    """The percent of tasks that are zero-shot as declared, and that of the items seen by text."""
    told = (board.trained_on or {}).get(row.label, NOTHING_KNOWN)
    return told.percent, points(told.seen)


def _training(board: Board, row: TableRow) -> dict[str, Any]:
    """Both kinds of facts, apart: for all tasks, and for each."""
    told = (board.trained_on or {})[row.label]
    percent, seen = training_shares(board, row)
    return {
        "zero_shot": percent,
        "declared_by": list(told.bases) or None,
        "seen": seen,
        "tasks": {
            name: {"declared": each.declared, "seen": points(each.seen)}
            for name, each in told.tasks.items()
        },
    }


def _value(board: Board, row: TableRow, column: Column) -> dict[str, Any]:
    value = asdict(board.value(row, column))
    return value | {key: points(value[key]) for key in ("score", "spread")}


def _cell(cell: TableCell) -> dict[str, Any]:
    origin = asdict(cell.origin) if cell.origin is not None else None
    return {"score": points(cell.score), "data": cell.data if origin else None, "origin": origin}
