"""`angle-bench merge`: the weighted average of checkpoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli import command_line
from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Recorded, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_written
from angle_bench.errors import UsageError

EPILOG = """
Examples:

angle-bench merge out/seed-1 out/seed-2 out/seed-3 -o soup

angle-bench merge all-MiniLM-L6-v2 checkpoints/sts-b --weights 0.3,0.7 -o between
"""


@dataclass(frozen=True)
class MergeOutput:
    """What is written, and where."""

    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new folder.")]
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="1,2,…",
            help="How much each counts, in relation; by default the same.",
        ),
    ] = None


@grouped
def merge(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="A B …",
            help="Checkpoints of one architecture: folders or names.",
            autocompletion=complete.models,
        ),
    ],
    written: MergeOutput,
    where: Where = Where(),  # noqa: B008  frozen
    recorded: Recorded = Recorded(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Average the weights of checkpoints (a model soup) into a checkpoint that run takes."""
    weights = None if written.weights is None else _numbers(written.weights)
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.merging import merged

    found = merged(
        paths,
        written.output,
        weights,
        changes=recorded.overrides(),
        access=where.access(),
        command=command_line.command(),
        progress=watcher(said.quiet, said.debug),
    )
    print_written(found, said)
    return 0


def _numbers(typed: str) -> list[float]:
    """The weights of `1,2,1`.

    Raises:
        UsageError: They are no numbers.
    """
    try:
        return [float(word) for word in typed.split(",")]
    except ValueError as error:
        raise UsageError(f"--weights {typed} is no list of numbers.", "--weights 1,2,1") from error
