"""`angle-bench runs`: what was run when, with what, and how it ended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_json, print_table
from angle_bench.errors import printable

if TYPE_CHECKING:
    from angle_bench.results.runs import Run

EPILOG = """
Examples:

angle-bench runs

angle-bench runs -r results/ --last 5 --json

angle-bench runs -r results/ --watch
"""


@grouped
def runs(
    results: shared.Results = Path("results"),
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", help="Only the last N commands.")
    ] = None,
    watch: Annotated[
        bool,
        shared.flag(
            "--watch",
            help="Show how far the running commands of all machines are, until all is done.",
        ),
    ] = False,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """List the commands that wrote into a results folder, the last one last."""
    from angle_bench.errors import UsageError
    from angle_bench.results.layout import results_root
    from angle_bench.results.runs import every_run

    if last is not None and last < 1:
        raise UsageError(f"--last {last} leaves nothing.", "--last 5")
    if watch:
        return _watch(results, last, said)
    warnings: list[str] = []
    found = every_run(results_root(results, write=False), warnings)
    found = found if last is None else found[-last:]
    for warning in () if said.quiet else warnings:
        _warn(warning)
    if said.as_json:
        print_json([run.to_dict() for run in found])
    else:
        _print(found)
    return 0


def _warn(line: str) -> None:
    typer.echo(f"warning: {printable(line)}", err=True)


def _nothing(line: str) -> None:
    """What -q makes of a warning."""


def _watch(results: Path, last: int | None, said: OutputOptions) -> int:
    from angle_bench.api.watching import watched
    from angle_bench.cli.output.array_view import show
    from angle_bench.errors import UsageError
    from angle_bench.results.layout import results_root

    if last is not None:
        raise UsageError("--watch shows what is running, not the last commands.", "one of both")
    found = watched(results_root(results, write=False), _nothing if said.quiet else _warn)
    return show(found, said.as_json)


def _print(found: "list[Run]") -> None:
    rows = [
        [
            run.started.removesuffix("+00:00"),
            _ended(run),
            run.scored,
            run.kept,
            run.failed,
            printable(run.command),
        ]
        for run in found
    ]
    heads = ["started (UTC)", "ended", "scored", "kept", "failed", "command"]
    print_table(rows, heads)


def _ended(run: "Run") -> str:
    """How it ended, in a word or two."""
    known = {None: "running or killed", 0: "well", 1: "with failures", 130: "interrupted"}
    return known.get(run.exit_code, f"with {run.exit_code}")
