"""Rows of published scores, each only where its protocol is the suite's."""

from collections.abc import Iterable

from angle_bench.errors import UsageError
from angle_bench.reporting.tables.table import ScoreSource, TableCell, TableRow
from angle_bench.suites.averages import types
from angle_bench.suites.published import Published, PublishedRow
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite, Task

MARK = "†"


def published_rows(suite: Suite, published: Iterable[PublishedRow]) -> list[TableRow]:
    """The published scores that belong beside measured ones of this suite.

    A score fills a cell where both suites mean the same task: data, splits, subsets and metric. So
    SICK-R and SICKRelatedness, or STS17 in one language and in eleven, never share a column. Scores
    on another suite make a row only if they cover this one; a row that says nothing that another
    one of the model does not say is left out.
    """
    rows: list[TableRow] = []
    fitting = [(each, _is_of(each, suite)) for each in published]
    for each, exact in sorted(fitting, key=lambda pair: not pair[1]):
        scores = _scores(each, suite, exact)
        stated = _stated(each, suite) if exact else {}
        row = _row(each, suite, scores, stated)
        enough = bool(scores or stated) if exact else len(scores) == len(suite.task)
        if enough and not any(_says_as_much(other, row) for other in rows):
            rows.append(row)
    return rows


def _row(
    each: PublishedRow, suite: Suite, scores: dict[str, float], stated: dict[str, float]
) -> TableRow:
    return TableRow(
        f"{each.model.rpartition('/')[2]} {MARK}",
        tuple(TableCell(scores.get(task.name)) for task in suite.task),
        f"model:{each.model}|published:{each.source}|suite:{each.suite}",
        ScoreSource("published", each.model, said=each.source),
        stated,
    )


def _is_of(each: Published, suite: Suite) -> bool:
    """Whether scores were published on this very suite."""
    if each.suite.casefold() == suite.name.casefold():
        return True
    other = _suite(each.suite)
    return other is not None and set(_tasks(other).values()) == set(_tasks(suite).values())


def _scores(each: Published, suite: Suite, exact: bool) -> dict[str, float]:
    """The scores by the suite's own task names, as fractions."""
    theirs = suite if exact else _suite(each.suite)
    if theirs is None:
        return {}
    by_name = {name: task for task in theirs.task for name in (task.name, task.short)}
    asked = _tasks(suite)
    found = {}
    for name, score in each.scores.items():
        task = by_name.get(name)
        if task is not None and asked.get(task.name) == task.as_scored:
            found[task.name] = score / 100
    return found


def _stated(each: Published, suite: Suite) -> dict[str, float]:
    """Averages as published, as fractions, by column."""
    stated = {f"type:{kind}": each.types[kind] for kind in types(suite) if kind in each.types}
    if each.average is not None and len(suite.task) > 1:
        stated["mean"] = each.average
    return {key: value / 100 for key, value in stated.items()}


def _says_as_much(other: TableRow, row: TableRow) -> bool:
    if other.source is None or row.source is None or other.source.model != row.source.model:
        return False
    return other.cells == row.cells and {**other.stated, **row.stated} == other.stated


def _suite(name: str) -> Suite | None:
    try:
        return select([name])
    except UsageError:  # a protocol that no suite follows
        return None


def _tasks(suite: Suite) -> dict[str, Task]:
    return {task.name: task.as_scored for task in suite.task}
