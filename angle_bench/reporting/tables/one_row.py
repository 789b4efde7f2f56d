"""One row a model and protocol: measured here first, then by mteb, then what was published."""

from collections.abc import Sequence

from angle_bench.reporting.tables.published_rows import MARK
from angle_bench.reporting.tables.table import TableRow
from angle_bench.suites import averages
from angle_bench.suites.task import Suite

_KINDS = ("own", "public", "published")  # the first that says as much is shown


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
            left_out.append(_said(suite, row, shown))
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


def _said(suite: Suite, row: TableRow, shown: TableRow) -> str:
    """What is left out, and beside what."""
    assert row.source is not None
    name = row.label.removesuffix(f" {MARK}")
    source = "by mteb" if row.source.kind == "public" else f"published, {row.source.said}"
    there, here = _score(suite, row), _score(suite, shown)
    if there == here:
        return f"{name} ({source}: {there}, as here)"
    return f"{name} ({source}: {there}, here {here})"


def _score(suite: Suite, row: TableRow) -> str:
    """The average that was published or follows from the scores, else how many there are."""
    stated = next((row.stated[key] for key in ("mean", "types") if key in row.stated), None)
    mean = stated if stated is not None else averages.mean_of_tasks(suite, row.scores)
    return averages.coverage(suite, row.scores) if mean is None else f"{100 * mean:.2f}"
