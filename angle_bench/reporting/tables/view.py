"""What a leaderboard shows: texts and marks, before any markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from angle_bench.reporting.tables.leaderboard import NO_SCORES, TRAINING, Board, BoardValue, Column
from angle_bench.reporting.tables.published_rows import MARK as PUBLISHED
from angle_bench.reporting.tables.table import ABSENT, MARKS, TableCell, TableRow
from angle_bench.reporting.tables.table_notes import BETTER, OTHER_REVISION, UNLIKE
from angle_bench.reporting.zero_shot.trained_on import (
    NOT_DECLARED,
    NOT_RECORDED,
    NOTHING_KNOWN,
    share_text,
)

Place = Literal["best", "second", ""]


@dataclass(frozen=True)
class ShownTable:
    """One cell as it is shown.

    Attributes:
        text: A number, `6 of 7`, or a dash.
        place: Whether it is the best or second of its column, at the decimals that are shown.
        marks: Signs behind it, which the notes explain.
        behind: What stands behind number and marks: spread, difference, share.
    """

    text: str
    place: Place = ""
    marks: str = ""
    behind: str = ""

    @property
    def plain(self) -> str:
        """All of it without markup."""
        return f"{self.text}{self.marks}{self.behind}"


@dataclass(frozen=True)
class View:
    """A table of shown cells, labels in its first column."""

    headers: tuple[str, ...]
    lines: tuple[tuple[ShownTable, ...], ...]

    def turned(self) -> "View":
        """Rows as columns; the places stay those of the models."""
        first = self.lines
        headers = (self.headers[0], *(line[0].plain for line in first))
        lines = [
            (ShownTable(header), *(line[at] for line in first))
            for at, header in enumerate(self.headers)
            if at
        ]
        return View(headers, tuple(lines))


def view(board: Board, columns: Sequence[Column]) -> View:
    """The cells of some columns."""
    shown = {column: _column(board, column) for column in columns}
    lines = [
        (_label(board, row), *cells)
        for row, *cells in zip(board.rows, *shown.values(), strict=True)
    ]
    return View(("model", *(column.header for column in columns)), tuple(lines))


def board_view(board: Board) -> View:
    """What a table shows of a leaderboard, the way round that was asked for."""
    shown = view(board, board.columns)
    return shown.turned() if board.layout.transpose else shown


def _label(board: Board, row: TableRow) -> ShownTable:
    """A published row's sign is part of its label, which tells it from a measured one."""
    text = row.label.removesuffix(f" {PUBLISHED}")
    if not board.layout.marks:
        return ShownTable(text if text == row.label else f"{text} (published)")
    marks = UNLIKE if row.label in board.unlike else ""
    return ShownTable(text, marks=marks if text == row.label else f" {PUBLISHED}{marks}")


def _column(board: Board, column: Column) -> list[ShownTable]:
    values = [board.value(row, column) for row in board.rows]
    places = _places([_number(board, value) for value in values], column)
    return [
        _shown(board, row, column, value, place)
        for row, value, place in zip(board.rows, values, places, strict=True)
    ]


def _number(board: Board, value: BoardValue) -> str | None:
    """The text of a whole value, None for what cannot be compared."""
    if value.score is None or value.partial:
        return None
    return f"{100 * value.score:.{board.decimals}f}"


def _places(numbers: Sequence[str | None], column: Column) -> list[Place]:
    """Which are best and second, all that are tied; nothing where nothing is compared."""
    known = sorted({float(number) for number in numbers if number is not None}, reverse=True)
    compared = sum(number is not None for number in numbers)
    if compared < 2 or column.kind in NO_SCORES:
        return [""] * len(numbers)
    named: dict[float, Place] = {known[0]: "best"}
    if len(known) > 1:
        named[known[1]] = "second"
    return ["" if number is None else named.get(float(number), "") for number in numbers]


def _shown(
    board: Board, row: TableRow, column: Column, value: BoardValue, place: Place
) -> ShownTable:
    if column.kind == "borda":
        return ShownTable(ABSENT if value.score is None else f"{value.score:.0f}")
    if column.kind == "rank":
        best, worst = (board.intervals or {}).get(row.label, (0, 0))
        ranks = str(best) if best == worst else f"{best}–{worst}"
        return ShownTable(ranks if best else ABSENT)
    if column.kind in TRAINING:
        return _training(board, row, column)
    if value.score is None:
        return ShownTable(ABSENT if column.kind == "task" or _empty(value) else value.share)
    behind = ""
    if value.spread is not None:
        behind += f" ± {100 * value.spread:.{board.decimals}f}"
    if value.partial:
        behind += f" ({value.share})"
    difference = board.difference(row, column)
    if difference is not None:
        behind += f" ({_signed(difference, board.decimals)})"
    marks = ""
    if column.kind == "task":
        marks = cell_marks(row.cells[[task.name for task in board.suite.task].index(column.key)])
    if row.label in board.better and column == board.headline:
        marks += BETTER
    marks = marks if board.layout.marks else ""
    return ShownTable(f"{100 * value.score:.{board.decimals}f}", place, marks, behind)


def _training(board: Board, row: TableRow, column: Column) -> ShownTable:
    """What a model was trained on; what is not known is said in words, and is no 100 %."""
    told = (board.trained_on or {}).get(row.label, NOTHING_KNOWN)
    if column.kind == "seen":
        return ShownTable(NOT_RECORDED if told.seen is None else share_text(told.seen))
    if told.percent is None:
        return ShownTable(NOT_DECLARED)
    return ShownTable(f"{told.percent} %", behind=" (base)" if told.bases else "")


def _signed(fraction: float, decimals: int) -> str:
    """`+1.31`, and a nothing without a sign."""
    text = f"{100 * fraction:+.{decimals}f}"
    return text if float(text) else text[1:]


def _empty(value: BoardValue) -> bool:
    return value.share.startswith("0 of ") or not value.share


def cell_marks(cell: TableCell) -> str:
    """The signs behind a task's score, which the notes explain."""
    other = cell.origin is not None and not cell.origin.main
    return MARKS[cell.data] + (OTHER_REVISION if other else "")
