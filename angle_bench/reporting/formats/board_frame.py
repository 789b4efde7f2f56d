"""A leaderboard as a frame of pandas, and as one HTML table for notebooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.errors import printable
from angle_bench.reporting.formats.json_csv import identity, points, training_shares
from angle_bench.reporting.tables.leaderboard import NO_SCORES, Board
from angle_bench.reporting.tables.table_notes import notes
from angle_bench.reporting.tables.tidy import UNIT
from angle_bench.reporting.tables.view import board_view

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("label", "model", "kind", "revision", "settings", "coverage")
_MARKUP = {"best": ("<b>", "</b>"), "second": ("<u>", "</u>"), "": ("", "")}


@dataclass(frozen=True)
class DataColumn:
    """A column of data.

    Attributes:
        kind: `str`, `float64`, or `Int64`, as pandas calls them.
        values: One for each row; None where there is none.
    """

    name: str
    kind: Literal["str", "float64", "Int64"]
    values: Sequence[Any]


def data_columns(board: Board) -> list[DataColumn]:
    """Identity, averages and tasks in points, ranks, signature."""
    rows = board.rows
    known = [identity(board, row) for row in rows]
    found = [
        DataColumn(name, "str", [each[at] for each in known]) for at, name in enumerate(IDENTITY)
    ]
    for column in (column for column in board.every if column.kind not in NO_SCORES):
        values = [board.value(row, column) for row in rows]
        found.append(DataColumn(column.key, "float64", [points(each.score) for each in values]))
        if any(row.runs for row in rows):
            spreads = [points(each.spread) for each in values]
            found.append(DataColumn(f"{column.key} sd", "float64", spreads))
    found.append(DataColumn("borda", "Int64", [board.ranks.get(row.label) for row in rows]))
    if board.intervals is not None:
        ends = [board.intervals.get(row.label, (None, None)) for row in rows]
        for at, name in enumerate(("rank_best", "rank_worst")):
            found.append(DataColumn(name, "Int64", [each[at] for each in ends]))
    if board.trained_on is not None:
        shares = [training_shares(board, row) for row in rows]
        found.append(DataColumn("zero_shot", "Int64", [percent for percent, _ in shares]))
        found.append(DataColumn("seen", "float64", [seen for _, seen in shares]))
    return [*found, DataColumn("signature", "str", [row.signature for row in rows])]


def frame(board: Board) -> "pd.DataFrame":
    """A row for each row: identity, averages and tasks in points, ranks, signature."""
    import pandas as pd

    columns = data_columns(board)
    data = {column.name: pd.Series(column.values, dtype=column.kind) for column in columns}
    found = pd.DataFrame(data)
    found.attrs |= {"unit": UNIT, "suite": board.suite.signature}
    return found


def html(board: Board) -> str:
    """The table with its notes; what stands in it is escaped."""
    shown = board_view(board)
    heads = "".join(f"<th>{_safe(header)}</th>" for header in shown.headers)
    lines = []
    for line in shown.lines:
        cells = [f"<th>{_safe(line[0].plain)}</th>"]
        for cell in line[1:]:
            before, after = _MARKUP[cell.place]
            behind = _safe(f"{cell.marks}{cell.behind}")
            cells.append(f"<td>{before}{_safe(cell.text)}{after}{behind}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    said = "".join(f"<li>{_safe(note)}</li>" for note in notes(board))
    below = f"<ul>{said}</ul>" if said else ""
    body = "\n".join(lines)
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table>{below}"


def _safe(text: str) -> str:
    return escape(printable(text))
