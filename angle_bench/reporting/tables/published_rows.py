"""Rows of published scores, only where their protocol is the suite's, and one row a model."""

from collections.abc import Iterable, Sequence

from angle_bench.errors import UsageError
from angle_bench.reporting.tables.table import ScoreSource, TableCell, TableRow
from angle_bench.suites import averages
from angle_bench.suites.averages import types
from angle_bench.suites.published import Published, PublishedRow
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite, Task

MARK = "†"
_KINDS = ("own", "public", "published")  # the first that says as much is shown


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


def one_row_a_model(suite: Suite, rows: Sequence[TableRow], warnings: list[str]) -> list[TableRow]:
    """The rows without those that say of a model what an earlier kind of row says.

    A row is left out only where the other one has every score that it has; a row whose settings
    were typed for a run is another protocol, and stands for nobody.

    Args:
        suite: The columns.
        rows: Of one suite, so that all scores of a task are by one protocol.
        warnings: Takes a line with the scores that are left out.
    """
    ordered = sorted(rows, key=_kind)
    kept: list[TableRow] = []
    left_out: list[str] = []
    for row in ordered:
        shown = next((other for other in kept if _stands_for(suite, other, row)), None)
        if shown is None:
            kept.append(row)
        else:
            left_out.append(_left_out(suite, row, shown))
    if left_out:
        warnings.append(f"left out, since another row is of the same model: {'; '.join(left_out)}")
    return [row for row in rows if any(row is other for other in kept)]


def _kind(row: TableRow) -> int:
    return _KINDS.index(row.source.kind) if row.source is not None else 0


def _stands_for(suite: Suite, other: TableRow, row: TableRow) -> bool:
    """Whether another row says all that a row of mteb's or a published one says."""
    if other.source is None or row.source is None or row.source.kind == "own":
        return False
    if other.source.settings is not None or other.runs:
        return False
    if row.source.kind == other.source.kind == "public":
        return False  # two revisions, which were not joined
    if other.source.model.casefold() != row.source.model.casefold():
        return False
    pairs = zip(other.scores, row.scores, strict=True)
    if any(score is not None and there is None for there, score in pairs):
        return False
    whole = averages.mean_of_tasks(suite, other.scores) is not None
    return whole or set(row.stated) <= set(other.stated)


def _left_out(suite: Suite, row: TableRow, shown: TableRow) -> str:
    """What is left out, and beside what."""
    assert row.source is not None
    name = row.label.removesuffix(f" {MARK}")
    source = "by mteb" if row.source.kind == "public" else f"published, {row.source.said}"
    there, here = _average(suite, row), _average(suite, shown)
    if there == here:
        return f"{name} ({source}: {there}, as here)"
    return f"{name} ({source}: {there}, here {here})"


def _average(suite: Suite, row: TableRow) -> str:
    """The average that was published or follows from the scores, else how many there are."""
    stated = next((row.stated[key] for key in ("mean", "types") if key in row.stated), None)
    mean = stated if stated is not None else averages.mean_of_tasks(suite, row.scores)
    return averages.coverage(suite, row.scores) if mean is None else f"{100 * mean:.2f}"


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
