"""A table from what a run found stored and what it stored."""

from collections.abc import Mapping
from typing import Any

from angle_bench.reporting.tables.signature import TaskData, signature
from angle_bench.reporting.tables.table import Table, TableCell, TableRow
from angle_bench.results.model_folder import StoredTask
from angle_bench.suites import averages
from angle_bench.suites.task import Suite


def stored_row(
    label: str, model: Mapping[str, Any], suite: Suite, answers: Mapping[str, StoredTask]
) -> TableRow:
    """One model's row over a suite.

    Args:
        label: What the table shows.
        model: The model part of a run record, for the signature.
        suite: The columns.
        answers: The tasks with a score by their name; the cells of others stay empty.
    """
    cells, versions, sources = [], [], []
    for task in suite.task:
        answer = answers.get(task.name)
        if answer is None:
            cells.append(TableCell(None))
            continue
        data = answer.record.get("data", {})
        cells.append(TableCell(answer.result.main_score(task), _verdict(data)))
        versions.append(answer.result.mteb_version)
        sources.append(TaskData.recorded(task.name, data))
    line = signature(model, suite, versions, sources) if versions else ""
    return TableRow(label, tuple(cells), line)


def as_json(table: Table) -> list[dict[str, Any]]:
    """The rows as plain values; scores are ×100, the mean is null where a task is missing.

    `public` is the mean of the public tasks, of a suite that also has private ones.
    """
    names = [task.name for task in table.suite.task]
    return [
        {
            "label": row.label,
            "scores": {
                name: _percent(cell.score) for name, cell in zip(names, row.cells, strict=True)
            },
            "data": {
                name: cell.data
                for name, cell in zip(names, row.cells, strict=True)
                if cell.score is not None
            },
            "mean": _percent(table.average(row)),
            **_public(table.suite, row),
            "coverage": table.coverage(row),
            "signature": row.signature,
        }
        for row in table.rows
    ]


def _public(suite: Suite, row: TableRow) -> dict[str, float | None]:
    """The mean of the tasks with public data, of a suite that also has private ones."""
    if not averages.public(suite):
        return {}
    return {"public": _percent(averages.mean_of_public(suite, row.scores))}


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 4)


def _verdict(data: Mapping[str, Any]) -> str:
    return str(data.get("verification", {}).get("verdict", "hub"))
