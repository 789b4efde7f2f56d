"""What trackers are told of a run, from what came of it."""

import platform
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from angle_bench.evaluation.run.record import commit, model_record, utc_now, versions
from angle_bench.evaluation.tracking.model_report import ModelReport, TrackedTable
from angle_bench.reporting.formats.json_csv import points
from angle_bench.reporting.tables.table import Table, TableRow

if TYPE_CHECKING:
    from angle_bench.api.objects.run_result import RunResult
    from angle_bench.evaluation.run.outcome import ModelOutcome

METRIC_COLUMNS = ("task", "split", "subset", "metric", "score", "main", "n")


def reports(result: "RunResult", command: Sequence[str]) -> list[ModelReport]:
    """What came of each model and variant, in their order.

    Args:
        result: What came of the run.
        command: What was typed.
    """
    table = result.table_of(result.outcomes, result.suite)
    names = [task.name for task in result.suite.task]
    whole = TrackedTable(("model", *names, "mean"), [_row(table, row) for row in table.rows])
    common = _environment() | {
        "suite": result.suite.signature,
        "command": shlex.join(command),
        "limit": result.limit,
        "unit": "points",
    }
    return [
        ModelReport(
            name=row.label,
            group=result.suite.name,
            scores={task: 100 * score for task, score in outcome.scores(result.suite).items()},
            mean=points(table.average(row)) if len(names) > 1 else None,
            config=_identity(outcome) | {"signature": row.signature} | common,
            tables={"table": whole, "all_metrics": _metrics(outcome)},
            failures={task: failure.what for task, failure in outcome.failures.items()},
        )
        for outcome, row in zip(result.outcomes, table.rows, strict=True)
    ]


def _row(table: Table, row: TableRow) -> list[Any]:
    """A line of the table that the command prints, in points."""
    return [row.label, *(points(cell.score) for cell in row.cells), points(table.average(row))]


def _identity(outcome: "ModelOutcome") -> dict[str, Any]:
    """Which model it is, down to the content of its files and the settings in force."""
    spec = outcome.spec
    said = model_record(spec)
    used = spec.settings
    return {
        "label": spec.variant_label,
        **{key: said[key] for key in ("name", "revision", "loader", "base", "settings_digest")},
        "settings_id": spec.settings_id,
        "layer": None if used is None else used.layer,
        "size": None if used is None else used.size,
        "precision": None if used is None else used.precision,
        "folder": str(outcome.folder.path),
    }


def _environment() -> dict[str, Any]:
    here = {"python": platform.python_version(), "platform": platform.platform(), "utc": utc_now()}
    git = commit() or {"commit": None, "changed": None}
    packages = {f"version/{name}": number for name, number in versions().items()}
    return here | {f"git/{key}": value for key, value in git.items()} | packages


def _metrics(outcome: "ModelOutcome") -> TrackedTable:
    """Every metric of every task, split and subset."""
    from angle_bench.api.objects.run_frame import tidy_of

    frame = tidy_of([outcome])[list(METRIC_COLUMNS)]
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return TrackedTable(METRIC_COLUMNS, rows)
