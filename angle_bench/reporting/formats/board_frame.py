"""A leaderboard as a frame of pandas, and as one HTML table for notebooks."""

from html import escape
from typing import TYPE_CHECKING, Any

from angle_bench.errors import printable
from angle_bench.reporting.formats.json_csv import identity, points
from angle_bench.reporting.tables.leaderboard import RANKS, Board
from angle_bench.reporting.tables.tidy import UNIT
from angle_bench.reporting.tables.view import notes, view

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("label", "model", "kind", "revision", "settings", "coverage")
_MARKUP = {"best": ("<b>", "</b>"), "second": ("<u>", "</u>"), "": ("", "")}


def frame(board: Board) -> "pd.DataFrame":
    """A row for each row: identity, averages and tasks in points, ranks, signature."""
    import pandas as pd

    columns = [column for column in board.every if column.kind not in RANKS]
    rows = board.rows
    known = [identity(board, row) for row in rows]
    data: dict[str, Any] = {
        name: pd.Series([each[at] for each in known], dtype="str")
        for at, name in enumerate(IDENTITY)
    }
    for column in columns:
        scores = [points(board.value(row, column).score) for row in rows]
        data[column.key] = pd.Series(scores, dtype="float64")
        if any(row.runs for row in rows):
            spreads = [points(board.value(row, column).spread) for row in rows]
            data[f"{column.key} sd"] = pd.Series(spreads, dtype="float64")
    data["borda"] = pd.Series([board.ranks.get(row.label) for row in rows], dtype="Int64")
    if board.intervals is not None:
        ends = [board.intervals.get(row.label, (None, None)) for row in rows]
        data["rank_best"] = pd.Series([best for best, _ in ends], dtype="Int64")
        data["rank_worst"] = pd.Series([worst for _, worst in ends], dtype="Int64")
    data["signature"] = pd.Series([row.signature for row in rows], dtype="str")
    found = pd.DataFrame(data)
    found.attrs |= {"unit": UNIT, "suite": board.suite.signature}
    return found


def html(board: Board) -> str:
    """The table with its notes; what stands in it is escaped."""
    shown = view(board, board.columns)
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
