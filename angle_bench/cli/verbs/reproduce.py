"""`angle-bench reproduce`: does a checkpoint score what was published, and if not, why."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli import command_line
from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Computed, Used, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_value

EPILOG = """
Examples:

angle-bench reproduce UAE-Large-V1

angle-bench reproduce all-MiniLM-L6-v2 -t STS12,STS13 --mirror data/
"""


@grouped
def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model with published scores.",
            autocompletion=complete.models,
        ),
    ],
    tasks: shared.Tasks = [],  # noqa: B006  typer copies it
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", metavar="POINTS", help="The largest gap of a task that counts as none."
        ),
    ] = 0.05,
    results: shared.Results = Path("results"),
    where: Where = Where(),  # noqa: B008  frozen
    used: Used = Used(),  # noqa: B008
    computed: Computed = Computed(),  # noqa: B008
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008
) -> int:
    """Measure a model against its published scores; where they differ, name what explains it."""
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.reproducing import measured

    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # SLURM sends SIGTERM; it is treated as Ctrl-C
    found = measured(
        model,
        tasks=tasks,
        tolerance=tolerance,
        results=results,
        changes=used.overrides(),
        access=where.access(),
        computing=computed.computing(),
        store_options=computed.store_options(),
        command=command_line.command(),
        progress=watcher(said.quiet, said.debug),
    )
    print_value(found, said.as_json)
    return found.exit_code
