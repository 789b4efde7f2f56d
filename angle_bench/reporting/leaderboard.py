"""A leaderboard as a value: rows, columns, and what stands where they meet.

Every renderer starts from here, and computes no average of its own.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import stdev
from typing import Literal

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.reporting import averages
from angle_bench.reporting.labels import distinct, unlike
from angle_bench.reporting.table import Row
from angle_bench.results.suites import Suite

# MTEB's own short names of its task types, where they have any
_SHORT_TYPES = {
    "Classification": "Class.",
    "Clustering": "Clust.",
    "PairClassification": "Pair",
    "Reranking": "Rerank",
    "Retrieval": "Retr.",
    "Summarization": "Summ.",
}


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: A task's name, `mean`, `types`, `type:STS` or `borda`.
        header: What a table shows.
        kind: `mean` is over tasks, `types` over the means of the types, `type` over one of them.
    """

    key: str
    header: str
    kind: Literal["task", "type", "mean", "types", "borda"]


@dataclass(frozen=True)
class Value:
    """What stands in a row and a column.

    Attributes:
        score: A fraction, or a rank; None where a score is missing.
        share: How many of its scores there are, such as `53 of 56`.
        spread: The standard deviation over runs, a fraction.
        partial: It is the average of the scores that there are.
        stated: It was published as it is, not computed from the scores beside it.
    """

    score: float | None
    share: str = ""
    spread: float | None = None
    partial: bool = False
    stated: bool = False


@dataclass(frozen=True)
class Leaderboard:
    """Models over one suite, the best first.

    Attributes:
        rows: In the order in which they are shown, under labels that differ.
        base: The row that differences are to.
        partial: Whether averages are over the tasks that there are.
        decimals: Of what is shown ×100.
        warnings: What was left out or is doubtful, a line each.
        command: The command that made it.
        ranks: The Borda rank by label.
        unlike: Why a row is marked as made in another way, by label.
    """

    suite: Suite
    rows: tuple[Row, ...]
    base: Row | None = None
    partial: bool = False
    decimals: int = 2
    warnings: tuple[str, ...] = ()
    command: str = ""
    ranks: dict[str, int | None] = field(default_factory=dict)
    unlike: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[Column]:
        """The columns of the main table: tasks and their mean, or over several types averages."""
        return self.summary if len(averages.types(self.suite)) > 1 else self.every

    @property
    def every(self) -> list[Column]:
        """Averages and all tasks."""
        tasks = [Column(task.name, task.header, "task") for task in self.suite.task]
        if len(tasks) == 1:
            return tasks
        if len(averages.types(self.suite)) > 1:
            return [*self.summary, *tasks]
        return [*tasks, *self.summary]

    @property
    def summary(self) -> list[Column]:
        """The averages."""
        kinds = averages.types(self.suite)
        columns = [Column("mean", f"mean of {len(averages.counted(self.suite))}", "mean")]
        if len(kinds) > 1:
            columns.append(Column("types", f"mean of {len(kinds)} types", "types"))
            if self.suite.average == "types":
                columns.reverse()
            columns += [
                Column(f"type:{kind}", _SHORT_TYPES.get(kind, kind), "type") for kind in kinds
            ]
        return [*columns, Column("borda", "Borda", "borda")] if len(self.rows) > 1 else columns

    def value(self, row: Row, column: Column) -> Value:
        """What stands in a row and a column."""
        if column.kind == "borda":
            return Value(self.ranks.get(row.label))
        if column.key in row.stated:
            return Value(row.stated[column.key], stated=True)
        if row.runs:
            return self._over_runs(row, column)
        scores = self._under(row, column)
        share = averages.share(scores)
        whole = self._average(row, column, partial=False)
        if whole is not None or not self.partial:
            return Value(whole, share)
        return Value(self._average(row, column, partial=True), share, partial=True)

    def difference(self, row: Row, column: Column) -> float | None:
        """The score less the base's, a fraction; None for the base itself and for ranks."""
        if self.base is None or row.label == self.base.label or column.kind == "borda":
            return None
        mine, other = self.value(row, column), self.value(self.base, column)
        if mine.score is None or other.score is None or mine.partial or other.partial:
            return None  # partial averages are over other tasks
        return mine.score - other.score

    def coverage(self, row: Row) -> str:
        """How many tasks have a score: `53 of 56`."""
        return averages.coverage(self.suite, row.scores)

    def _over_runs(self, row: Row, column: Column) -> Value:
        values = [self.value(run, column) for run in row.runs]
        scores = [value.score for value in values if value.score is not None]
        share = averages.share(self._under(row, column))
        if len(scores) < len(values) or len({value.share for value in values}) > 1:
            return Value(None, share)
        mean = sum(scores) / len(scores)
        return Value(mean, share, stdev(scores), any(value.partial for value in values))

    def _under(self, row: Row, column: Column) -> list[float | None]:
        """The scores that a column is about."""
        if column.kind == "task":
            return [row.scores[[task.name for task in self.suite.task].index(column.key)]]
        if column.kind == "type":
            return averages.of_type(self.suite, row.scores, column.key.removeprefix("type:"))
        return [row.scores[at] for at in averages.counted(self.suite)]

    def _average(self, row: Row, column: Column, *, partial: bool) -> float | None:
        if column.kind == "types":
            return averages.mean_of_types(self.suite, row.scores, partial=partial)
        return averages.mean(self._under(row, column), partial=partial)


@dataclass(frozen=True)
class Wishes:
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


def arrange(
    suite: Suite, rows: Sequence[Row], wishes: Wishes, warnings: Sequence[str] = ()
) -> Leaderboard:
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
    board = Leaderboard(
        suite,
        tuple(told),
        _base(told, wishes.base) if wishes.base else None,
        wishes.partial,
        wishes.decimals,
        tuple(dict.fromkeys(warnings)),
        wishes.command,
        {row.label: rank for row, rank in zip(measured, ranks, strict=True)},
        unlike(told),
    )
    ordered = tuple(sorted(told, key=_order(board, wishes.sort)))
    return replace(board, rows=ordered)


def _order(board: Leaderboard, sort: str) -> Callable[[Row], tuple[bool, float, str]]:
    """The key that rows are sorted by; those without a whole value come last, in any column."""
    wanted = _plain(sort)
    if wanted in ("model", "label"):
        return lambda row: (False, 0.0, row.label.casefold())
    if wanted == "coverage":
        return lambda row: (False, -_count(row), row.label.casefold())
    column = _column(board, wanted, sort)

    def key(row: Row) -> tuple[bool, float, str]:
        value = board.value(row, column)
        if value.score is None:
            return True, _NOTHING - _count(row), row.label.casefold()
        number = value.score if column.kind == "borda" else -value.score
        return value.partial, number, row.label.casefold()

    return key


_NOTHING = 1e9  # sorts behind every score


def _count(row: Row) -> float:
    return float(sum(score is not None for score in row.scores))


def _column(board: Leaderboard, wanted: str, typed: str) -> Column:
    by_name: dict[str, Column] = {}
    for column in board.every:
        task = next((task for task in board.suite.task if task.name == column.key), None)
        names = {column.key, column.header, column.key.removeprefix("type:")}
        for name in names | ({task.header} if task else set()):
            by_name.setdefault(_plain(name), column)
    if not wanted:
        own = "types" if board.suite.average == "types" else "mean"
        return by_name.get(own) or board.every[0]
    if wanted in by_name:
        return by_name[wanted]
    known = [*(column.header for column in board.every), "model", "coverage"]
    near = did_you_mean(typed, known) or known[:3]
    raise UsageError(
        f"there is no column {typed} to sort by. Did you mean {or_list(near)}?",
        f"--sort {shlex.quote(near[0])}",
    )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _base(rows: Sequence[Row], name: str) -> Row:
    wanted = name.casefold()
    found = [row for row in rows if wanted in [known.casefold() for known in _names(row)]]
    if len(found) == 1:
        return found[0]
    if found:
        labels = [row.label for row in found]
        raise UsageError(f"{name} may be {or_list(labels)}.", f"--base {shlex.quote(labels[0])}")
    names = [known for row in rows for known in _names(row)]
    near = did_you_mean(name, names)
    hint = f" Did you mean {or_list(near)}?" if near else ""
    raise UsageError(
        f"no row of the table is called {name}.{hint}",
        f"--base {shlex.quote(near[0] if near else rows[0].label)}",
    )


def _names(row: Row) -> list[str]:
    names = [row.label]
    if row.source is not None and row.source.kind != "published":
        names += [row.source.model, row.source.model.rpartition("/")[2]]
    return list(dict.fromkeys(names))
