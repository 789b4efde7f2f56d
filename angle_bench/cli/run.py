"""`angle-bench run`: evaluate models on suites."""

import json
import os
import re
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.runner import ModelOutcome
    from angle_bench.reporting.table import Table
    from angle_bench.results.suites import Suite

EPILOG = """
Examples:

angle-bench run -m all-MiniLM-L6-v2 -t demo

angle-bench run -m UAE-Large-V1 -t STS

angle-bench run -m base=all-MiniLM-L6-v2 -m tuned=./checkpoint-500 -t STS12,STS13 --mirror data/
"""

PIPED_WIDTH = 200


def run(
    model: shared.Models = [],  # noqa: B006  typer copies it
    tasks: shared.Tasks = ["STS"],  # noqa: B006
    results: shared.Results = Path("results"),
    device: shared.Device = "auto",
    mirror: shared.Mirror = None,
    offline: shared.Offline = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Score again what is stored; the old files are kept aside."
        ),
    ] = False,
    pooling: Annotated[
        str | None,
        typer.Option(
            "--pooling", help="cls, mean, cls_avg, max, cls_max or last; its own identity."
        ),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Tokens a text is cut to; its own identity.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option("--dtype", help="float32, bfloat16 or float16; its own identity."),
    ] = None,
    batch_tokens: Annotated[
        int | None,
        typer.Option(
            "--batch-tokens", help="The most tokens of a batch; no score in float32 changes."
        ),
    ] = None,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
    stray: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> int:
    """Evaluate models on suites: prints the table, writes results; runs only what is missing."""
    _refuse(stray, model, tasks, device, batch_tokens)
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if quiet or not (verbose or sys.stderr.isatty()):  # a log has lines, no bars
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    if verbose:
        os.environ["ANGLE_BENCH_VERBOSE"] = "1"

    from angle_bench.models.resolve import Overrides, resolve_all
    from angle_bench.results.suites import select

    suite = select(tasks)
    specs = resolve_all(model, Overrides(pooling=pooling, max_length=max_length, dtype=dtype))

    # what follows is not needed to refuse a misspelt name, which should take no time
    from angle_bench.cli.progress import watcher
    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.record import RunRecord
    from angle_bench.evaluation.runner import Options, prepare
    from angle_bench.evaluation.runner import run as evaluate
    from angle_bench.results.layout import results_root

    run_options = Options(
        mirror=check_mirror(mirror),
        root=results_root(results, write=True),
        device=device,
        batch_tokens=batch_tokens,
        overwrite=overwrite,
        command=["angle-bench", *sys.argv[1:]],
    )
    record = RunRecord(
        run_options.root, run_options.command, {"models": model, "suite": suite.signature}
    )
    outcomes = prepare(specs, run_options.root)
    record.write({}, None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    code = 1
    try:
        with watcher(quiet, debug) as progress:
            evaluate(outcomes, suite, run_options, progress)
        code = 1 if any(outcome.failures for outcome in outcomes) else 0
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        record.write({o.spec.label: o.summary() for o in outcomes}, code)
    table = _table(outcomes, suite)
    if as_json:
        typer.echo(json.dumps(_json(outcomes, suite, table), indent=2, ensure_ascii=False))
    else:
        _print(outcomes, table, quiet)
    return code


def _refuse(
    stray: list[str] | None,
    model: list[str],
    tasks: list[str],
    device: str,
    batch_tokens: int | None,
) -> None:
    if stray:
        if not model or os.path.isdir(stray[0]):
            raise UsageError(f"{stray[0]} stands alone; a model goes after -m.", f"-m {stray[0]}")
        joined = ",".join([tasks[-1], *stray])
        raise UsageError(f"{stray[0]} stands alone; several tasks go by commas.", f"-t {joined}")
    if not any(text.strip() for text in model):
        raise UsageError("no model is named.", "-m all-MiniLM-L6-v2, or -m ./CHECKPOINT")
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise UsageError(f"there is no device {device}.", "-d auto, cpu, cuda, cuda:1 or mps")
    if batch_tokens is not None and batch_tokens < 1:
        raise UsageError(
            f"--batch-tokens {batch_tokens} leaves no room for a text.", "--batch-tokens 4096"
        )


def _table(outcomes: "list[ModelOutcome]", suite: "Suite") -> "Table":
    from angle_bench.evaluation.record import model_record
    from angle_bench.reporting.stored_table import stored_row
    from angle_bench.reporting.table import Table

    rows = [
        stored_row(o.spec.label, o.folder, model_record(o.spec), suite, [*o.kept, *o.scored])
        for o in outcomes
    ]
    return Table(suite, tuple(rows))


def _json(outcomes: "list[ModelOutcome]", suite: "Suite", table: "Table") -> dict[str, Any]:
    from angle_bench.reporting.stored_table import as_json

    rows = as_json(table)
    for row, outcome in zip(rows, outcomes, strict=True):
        row["name"] = outcome.spec.name
        row["revision"] = outcome.spec.revision
        row["settings"] = outcome.spec.settings_id
        row["folder"] = str(outcome.folder.path)
        row["failures"] = {name: vars(failure) for name, failure in outcome.failures.items()}
    return {"suite": suite.name, "version": suite.version, "models": rows}


def _print(outcomes: "list[ModelOutcome]", table: "Table", quiet: bool) -> None:
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else PIPED_WIDTH
    typer.echo(table.text(width))
    if footer := table.footer():
        typer.echo(footer)
    if quiet:
        return
    for outcome in outcomes:
        typer.echo(_saved(outcome), err=True)
    typer.echo(_next(outcomes), err=True)


def _saved(outcome: "ModelOutcome") -> str:
    from angle_bench.cli.progress import duration

    if not outcome.scored:
        state = "nothing new" if outcome.failures else "all stored before"
        return f"{outcome.folder.path}  {state}"
    line = f"saved {outcome.folder.path}  {duration(outcome.seconds)}"
    if outcome.texts:
        line += f", {outcome.texts / outcome.seconds:,.0f} texts/s"
    return line


def _next(outcomes: "list[ModelOutcome]") -> str:
    if any(outcome.failures for outcome in outcomes):
        return "next: what the errors say, then the same command; it runs only what is missing"
    words = [word for word in sys.argv[1:] if word != "--overwrite"]
    return f"next: {shlex.join(['angle-bench', *words, '-m', './MY-CHECKPOINT'])}"
