"""What `run` prints: tables, curves and grids."""

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from angle_bench.cli import command_line
from angle_bench.cli.options import options as shared

if TYPE_CHECKING:
    from angle_bench.api.objects.run_result import RunResult
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.run.jobs import Job
    from angle_bench.evaluation.run.outcome import ModelOutcome


def print_tables(result: "RunResult", quiet: bool, rest: Sequence[str]) -> None:
    """Tables on stdout; on stderr where the scores are, and what to type next.

    `rest` are the words that a comparison of the models needs beside them.
    """
    if result.limit is not None:
        typer.echo(f"smoke run: {result.limit} samples a task, comparable with nothing")
    if tables := result.to_text(shared.table_width()):
        typer.echo(tables)
    if quiet:
        return
    for job in result.jobs:
        typer.echo(_saved(job.variants), err=True)
    single = result.trainings or result.limit is not None
    compare = [] if single else _comparison(result.jobs, rest)
    typer.echo(_next(result.outcomes, compare), err=True)


def _saved(group: "Sequence[ModelOutcome]") -> str:
    from angle_bench.api.calling.progress_bars import duration

    first = group[0]
    place = os.path.commonpath([outcome.folder.path for outcome in group])
    if not any(outcome.scored for outcome in group):
        failed = any(outcome.failures for outcome in group)
        return f"{place}  {'nothing new' if failed else 'all stored before'}"
    variants = f"{len(group)} variants  " if len(group) > 1 else ""
    line = f"saved {place}  {variants}{duration(first.seconds)}"
    if first.texts and len(group) == 1:
        line += f", {first.texts / first.seconds:,.0f} texts/s"
    if tokens := sum(outcome.tokens for outcome in group):
        line += f", {tokens:,} tokens by the server's count"
        line += _cost(first.spec, tokens)
    return line


def _cost(spec: "ModelSpec", tokens: int) -> str:
    """What tokens of an endpoint cost, where its row says the price."""
    cost = None if spec.endpoint is None else spec.endpoint.cost(tokens)
    if cost is None:
        return ""
    return f", {cost:,.2f} USD" if cost >= 1 else f", {cost:.2g} USD"


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
    words = [word for word in command_line.typed() if word != "--overwrite"]
    return f"next: {shlex.join(['angle-bench', *words, '-m', './MY-CHECKPOINT'])}"
