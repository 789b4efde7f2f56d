"""`angle-bench run -n`: what would be computed, and about how long it takes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from angle_bench.errors import some

if TYPE_CHECKING:
    from angle_bench.evaluation.forecast import JobForecast
    from angle_bench.evaluation.jobs import Job
    from angle_bench.evaluation.options import Options


def show_forecast(jobs: "Sequence[Job]", options: "Options", as_json: bool) -> int:
    """Print the forecast; the exit code is 1 where there is no data for a task."""
    from angle_bench.evaluation.forecast import forecast
    from angle_bench.reporting.resolution import resolved

    found = forecast(jobs, options)
    if as_json:
        said = [
            {**asdict(each), "resolves": resolved(job.suite.task)}
            for each, job in zip(found, jobs, strict=True)
        ]
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return _code(found)
    for each in found:
        _print(each)
    if jobs and (least := resolved(jobs[0].suite.task)) is not None:
        typer.echo(
            f"{jobs[0].suite.name} tells two close checkpoints apart from a difference of "
            f"{least:.2f} in the mean on (80 % power, alpha 0.05; angle-bench compare)"
        )
    return _code(found)


def _code(found: "Sequence[JobForecast]") -> int:
    return 1 if any(task.state == "no data" for each in found for task in each.tasks) else 0


def _print(found: "JobForecast") -> None:
    from angle_bench.evaluation.reader.problems import short
    from angle_bench.reporting.table import plain

    lines = [
        [task.name, task.type, task.state, _count(task.texts), _count(task.tokens)]
        for task in found.tasks
    ]
    typer.echo(found.label)
    typer.echo(plain(["task", "type", "", "texts", "tokens"], lines, labelled=True))
    for task in found.tasks:
        if task.why:
            typer.echo(f"  ! {task.name}: {task.why}")
        for line in task.skipped:
            typer.echo(f"  ! {task.name}: {line}")
        if task.unused_columns:
            typer.echo(f"  {task.name}: not used: {some([*map(short, task.unused_columns)])}")
    typer.echo(_sum(found))


def _sum(found: "JobForecast") -> str:
    from angle_bench.api.progress import duration

    todo = found.todo
    if not todo:
        return "nothing to compute"
    counts = f"{len(todo)} of {len(found.tasks)} tasks to compute"
    if found.tokens is not None:
        counts += f", {found.tokens:,} tokens before repeated texts are left out"
    if unknown := [task.name for task in todo if task.texts is None]:
        return f"{counts}; how long it takes is not known, as the size of {some(unknown)} is not"
    if found.seconds is None:
        return f"{counts}; how long it takes is known once the model is here"
    least = "about" if found.device == "cpu" else "at least"
    return f"{counts}, {least} {duration(found.seconds)} on this machine ({found.device})"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
