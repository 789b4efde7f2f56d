"""What `run` prints: tables, curves and grids, or JSON."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from angle_bench.cli import options as shared

if TYPE_CHECKING:
    from angle_bench.evaluation.jobs import Job
    from angle_bench.evaluation.outcome import ModelOutcome
    from angle_bench.models.checkpoints import Training
    from angle_bench.reporting.grid import Grid
    from angle_bench.reporting.table import Table
    from angle_bench.results.task import Suite


def print_json(jobs: "list[Job]", suite: "Suite", trained: "list[Training]") -> None:
    """A row for each model and variant, with its scores, its folder and its failures."""
    typer.echo(json.dumps(_as_json(jobs, suite, trained), indent=2, ensure_ascii=False))


def print_tables(
    jobs: "list[Job]",
    suites: "list[Suite]",
    trained: "list[Training]",
    quiet: bool,
    limit: int | None,
    rest: Sequence[str],
) -> None:
    """For every suite the single models in one table, curves of trainings, a grid per model.

    Tasks that other shards compute are in no table. `rest` are the words that a comparison of the
    models needs beside them.
    """
    from angle_bench.cli.curve import curves
    from angle_bench.reporting.grid import Grid

    width = shared.table_width()
    if limit is not None:
        typer.echo(f"smoke run: {limit} samples a task, comparable with nothing")
    blocks: list[str] = []
    for suite in filter(None, (_narrowed(each, jobs) for each in suites)):
        plain = [job.variants[0] for job in jobs if len(job.variants) == 1]
        if plain:
            table = _table(plain, suite)
            blocks.append(_signed(table, width))
            blocks += [curve.text() for curve in curves(trained, plain, table)]
        for job in jobs:
            if len(job.variants) > 1:
                label, axes = job.variants[0].spec.label, _axes(job.variants)
                blocks.append(_signed(Grid(label, _table(job.variants, suite), axes), width))
    if blocks:
        typer.echo("\n\n".join(blocks))
    if quiet:
        return
    for job in jobs:
        typer.echo(_saved(job.variants), err=True)
    compare = [] if trained or limit is not None else _comparison(jobs, rest)
    typer.echo(_next([outcome for job in jobs for outcome in job.variants], compare), err=True)


def _narrowed(suite: "Suite", jobs: "list[Job]") -> "Suite | None":
    """A suite without the tasks that no model has here; None where none is left."""
    here = {task.name for job in jobs for task in job.suite.task}
    kept = tuple(task for task in suite.task if task.name in here)
    return suite.model_copy(update={"task": kept}) if kept else None


def _table(outcomes: "Sequence[ModelOutcome]", suite: "Suite") -> "Table":
    from angle_bench.evaluation.record import model_record
    from angle_bench.reporting.stored_table import stored_row
    from angle_bench.reporting.table import Table

    rows = [
        stored_row(
            o.spec.variant_label, o.folder, model_record(o.spec), suite, [*o.kept, *o.scored]
        )
        for o in outcomes
    ]
    return Table(suite, tuple(rows))


def _as_json(jobs: "list[Job]", suite: "Suite", trained: "list[Training]") -> dict[str, Any]:
    from angle_bench.cli.curve import step_json
    from angle_bench.reporting.stored_table import as_json
    from angle_bench.toml_file import user_files

    outcomes = [outcome for job in jobs for outcome in job.variants]
    rows = as_json(_table(outcomes, suite))
    for row, outcome in zip(rows, outcomes, strict=True):
        used = outcome.spec.settings
        row["name"] = outcome.spec.name
        row["revision"] = outcome.spec.revision
        row["settings"] = outcome.spec.settings_id
        row["layer"] = None if used is None else used.layer
        row["size"] = None if used is None else used.size
        row |= step_json(trained, outcome)
        row["row_file"] = None if outcome.spec.row_file is None else str(outcome.spec.row_file)
        row["folder"] = str(outcome.folder.path)
        row["failures"] = {name: vars(failure) for name, failure in outcome.failures.items()}
    files = list(map(str, user_files()))
    return {"suite": suite.name, "version": suite.version, "own_files": files, "models": rows}


def _signed(table: "Table | Grid", width: int) -> str:
    """A table with what stands under it."""
    return "\n".join(part for part in (table.text(width), table.footer()) if part)


def _axes(group: "Sequence[ModelOutcome]") -> list[tuple[int, int]]:
    """Layer and size of each variant."""
    spec = group[0].spec
    assert spec.shape is not None
    used = [outcome.spec.required_settings() for outcome in group]
    return [
        (spec.shape.layers if one.layer is None else one.layer, one.size or spec.shape.width)
        for one in used
    ]


def _saved(group: "Sequence[ModelOutcome]") -> str:
    from angle_bench.cli.progress import duration

    first = group[0]
    place = os.path.commonpath([outcome.folder.path for outcome in group])
    if not any(outcome.scored for outcome in group):
        failed = any(outcome.failures for outcome in group)
        return f"{place}  {'nothing new' if failed else 'all stored before'}"
    variants = f"{len(group)} variants  " if len(group) > 1 else ""
    line = f"saved {place}  {variants}{duration(first.seconds)}"
    if first.texts and len(group) == 1:
        line += f", {first.texts / first.seconds:,.0f} texts/s"
    return line


def _comparison(jobs: "Sequence[Job]", rest: Sequence[str]) -> list[str]:
    """The command that compares the models; none for a single one, or layers and sizes."""
    if len(jobs) < 2 or any(len(job.variants) > 1 for job in jobs):
        return []
    return ["angle-bench", "compare", *(job.variants[0].spec.variant_label for job in jobs), *rest]


def _next(outcomes: "list[ModelOutcome]", compare: Sequence[str]) -> str:
    """What to type next: a comparison of several models, or the same with another one."""
    if any(outcome.failures for outcome in outcomes):
        return "next: what the errors say, then the same command; it runs only what is missing"
    if compare:
        return f"next: {shlex.join(compare)}"
    words = [word for word in sys.argv[1:] if word != "--overwrite"]
    return f"next: {shlex.join(['angle-bench', *words, '-m', './MY-CHECKPOINT'])}"
