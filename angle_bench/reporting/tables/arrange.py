"""Rows as a leaderboard: told apart, ranked, sorted, and one of them the base."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word
from angle_bench.reporting.tables.copies import copied_rows, copy_lines
from angle_bench.reporting.tables.labels import distinct, unlike
from angle_bench.reporting.tables.leaderboard import RANKS, Board, Column
from angle_bench.reporting.tables.table import TableRow
from angle_bench.reporting.tables.table_layout import USUAL, TableLayout
from angle_bench.suites import averages
from angle_bench.suites.task import Suite


@dataclass(frozen=True)
class LeaderboardOptions:
    """How a leaderboard is to look.

    Attributes:
        sort: A column by its key or header, `model` or `coverage`; empty means the suite's average.
        base: The label or name of the row that differences are to.
    """

    sort: str = ""
    base: str = ""
    partial: bool = False
    decimals: int = 2
    command: str = ""
    layout: TableLayout = USUAL


def arrange(
    suite: Suite, rows: Sequence[TableRow], wishes: LeaderboardOptions, warnings: Sequence[str] = ()
) -> Board:
    """Rows as a leaderboard: told apart, ranked, sorted.

    Args:
        suite: The columns.
        rows: In any order.
        wishes: How it is to look.
        warnings: What was left out on the way.

    Raises:
        UsageError: There is no such column to sort by, or no such row to be the base.
    """
    told = distinct(rows)
    measured = [row for row in told if row.source is None or row.source.kind != "published"]
    ranks = averages.borda(suite, [row.scores for row in measured])
    board = Board(
        suite,
        tuple(told),
        _base(told, wishes.base) if wishes.base else None,
        wishes.partial,
        wishes.decimals,
        tuple(dict.fromkeys([*warnings, *copy_lines(copied_rows(told))])),
        wishes.command,
        {row.label: rank for row, rank in zip(measured, ranks, strict=True)},
        unlike(told),
        layout=wishes.layout,
    )
    return ordered(board, wishes.sort)


def ordered(board: Board, sort: str) -> Board:
    """The rows sorted by a column; an empty name is the suite's average.

    Raises:
        UsageError: There is no such column.
    """
    return replace(board, rows=tuple(sorted(board.rows, key=_order(board, sort))))


def _order(board: Board, sort: str) -> Callable[[TableRow], tuple[bool, float, str]]:
    """The key that rows are sorted by; those without a whole value come last, in any column."""
    wanted = _plain(sort)
    if wanted in ("model", "label"):
        return lambda row: (False, 0.0, row.label.casefold())
    if wanted == "coverage":
        return lambda row: (False, -_count(row), row.label.casefold())
    column = _column(board, wanted, sort)

    def key(row: TableRow) -> tuple[bool, float, str]:
        value = board.value(row, column)
        if value.score is None:
            return True, _NOTHING - _count(row), row.label.casefold()
        number = value.score if column.kind in RANKS else -value.score
        return value.partial, number, row.label.casefold()

    return key


_NOTHING = 1e9  # sorts behind every score


def _count(row: TableRow) -> float:
    return float(sum(score is not None for score in row.scores))


def _column(board: Board, wanted: str, typed: str) -> Column:
    by_name: dict[str, Column] = {}
    for column in board.every:
        task = next((task for task in board.suite.task if task.name == column.key), None)
        names = {column.key, column.header, column.key.removeprefix("type:")}
        for name in names | ({task.header} if task else set()):
            by_name.setdefault(_plain(name), column)
    if not wanted:
        return board.headline
    if wanted in by_name:
        return by_name[wanted]
    known = [*(column.header for column in board.every), "model", "coverage"]
    near = did_you_mean(typed, known) or known[:3]
    raise UsageError(
        f"there is no column {typed} to sort by. Did you mean {or_list(near)}?",
        f"--sort {shell_word(near[0])}",
    )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _base(rows: Sequence[TableRow], name: str) -> TableRow:
    wanted = name.casefold()
    # a label is one row's; layers and sizes of a model share its name
    found = [row for row in rows if row.label.casefold() == wanted]
    found = found or [row for row in rows if wanted in map(str.casefold, _names(row))]
    plain = [row for row in found if row.source is not None and row.source.settings is None]
    found = plain or found
    if len(found) == 1:
        return found[0]
    if found:
        labels = [row.label for row in found]
        raise UsageError(f"{name} may be {or_list(labels)}.", f"--base {shell_word(labels[0])}")
    names = [known for row in rows for known in _names(row)]
    near = did_you_mean(name, names)
    hint = f" Did you mean {or_list(near)}?" if near else ""
    raise UsageError(
        f"no row of the table is called {name}.{hint}",
        f"--base {shell_word(near[0] if near else rows[0].label)}",
    )


def _names(row: TableRow) -> list[str]:
    names = [row.label]
    if row.source is not None and row.source.kind != "published":
        names += [row.source.model, row.source.model.rpartition("/")[2]]
    return list(dict.fromkeys(names))
