"""`angle-bench download`: models and data for a machine without a network."""

from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import VerbosityOptions, grouped
from angle_bench.cli.output.values import print_json

EPILOG = """
Examples:

angle-bench download -m UAE-Large-V1 -t STS

angle-bench download -m SeanLee97/angle-llama-7b-nli-v2 -t STS --to bundle/

angle-bench download --from-senteval SentEval/data --to mirror/

Then, without a network: angle-bench run -m UAE-Large-V1 -t STS --mirror bundle/
"""


@grouped
def download(
    model: shared.Models = [],  # noqa: B006  typer copies it
    tasks: shared.Tasks = [],  # noqa: B006
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="A folder for --mirror, not the hub's cache."),
    ] = None,
    from_senteval: Annotated[
        Path | None,
        typer.Option(
            "--from-senteval",
            metavar="DIR",
            help="SentEval's data folder, written into --to; without -t all that it has.",
        ),
    ] = None,
    mirror: shared.Mirror = None,
    base: shared.Base = None,
    allow_pickle: shared.AllowPickle = False,
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Bring models (an adapter's base too) and data into the hub's cache, or into a folder."""
    shared.prepare_environment(False, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.downloading import downloaded
    from angle_bench.checkpoints.access import LoadOptions

    def say(line: str) -> None:
        if not said.quiet and not said.as_json:
            typer.echo(line)

    access = LoadOptions.of(base, mirror, False, allow_pickle)
    found = downloaded(
        model, tasks, to, access, watcher(said.quiet, said.debug), from_senteval, say
    )
    if said.as_json:
        print_json(found.to_dict())
    for name, why in found.failures.items():
        typer.echo(f"error: {name}: {why}", err=True)
    return found.exit_code
