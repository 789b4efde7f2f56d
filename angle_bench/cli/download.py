"""`angle-bench download`: models and data for a machine without a network."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli import options as shared
from angle_bench.cli.groups import Said, grouped
from angle_bench.errors import AngleBenchError, UsageError

EPILOG = """
Examples:

angle-bench download -m UAE-Large-V1 -t STS

angle-bench download -m SeanLee97/angle-llama-7b-nli-v2 -t STS --to bundle/

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
    mirror: shared.Mirror = None,
    base: shared.Base = None,
    allow_pickle: shared.AllowPickle = False,
    said: Said = Said(),  # noqa: B008  frozen
) -> int:
    """Bring models (an adapter's base too) and data into the hub's cache, or into a folder."""
    if not model and not tasks:
        raise UsageError("nothing is named.", "-m UAE-Large-V1, or -t STS")
    if to is not None and to.exists() and not to.is_dir():
        raise UsageError(f"{to} is a file, not a folder.", "--to DIR")
    shared.prepare_environment(False, said.quiet, said.verbose)

    from angle_bench.checkpoints.access import Access
    from angle_bench.checkpoints.resolve import resolve
    from angle_bench.evaluation.download import download_data, download_model
    from angle_bench.results.suites import select

    suite = select(tasks) if tasks else None
    access = Access.of(base, mirror, False, allow_pickle)
    access = replace(access, files_only=True)
    specs = {name: resolve(name, None, access) for name in model}
    for note in dict.fromkeys(spec.note for spec in specs.values() if spec.note):
        typer.echo(f"  ! {note}", err=True)
    done: list[str] = []

    def say(line: str) -> None:
        done.append(line)
        if not said.quiet and not said.as_json:
            typer.echo(line)

    failed: dict[str, AngleBenchError] = {}
    for name, spec in specs.items():
        try:
            download_model(spec, to, say)
        except AngleBenchError as error:
            failed[name] = error
    if suite is not None:
        failed |= download_data(suite.task, to, say)
    if said.as_json:
        errors = {name: why.what for name, why in failed.items()}
        typer.echo(json.dumps({"done": done, "errors": errors}, indent=2))
    for name, why in failed.items():
        typer.echo(f"error: {name}: {why}", err=True)
    return 1 if failed else 0
