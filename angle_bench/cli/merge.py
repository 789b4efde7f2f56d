"""`angle-bench merge`: the weighted average of checkpoints."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.cli.groups import Recorded, Said, Where, grouped
from angle_bench.errors import UsageError, fix_said_as

EPILOG = """
Examples:

angle-bench merge out/seed-1 out/seed-2 out/seed-3 -o soup

angle-bench merge all-MiniLM-L6-v2 checkpoints/sts-b --weights 0.3,0.7 -o between
"""


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
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new folder.")],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="1,2,…",
            help="How much each counts, in relation; by default the same.",
        ),
    ] = None,
    where: Where = Where(),  # noqa: B008  frozen
    recorded: Recorded = Recorded(),  # noqa: B008  frozen
    said: Said = Said(),  # noqa: B008  frozen
) -> int:
    """Average the weights of checkpoints (a model soup) into a checkpoint that run takes."""
    numbers = None if weights is None else _numbers(weights)
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.checkpoints.resolve import resolve

    changes = recorded.overrides()
    access = where.access()
    with fix_said_as("-m ", "angle-bench merge "):
        specs = [resolve(path, changes, access) for path in paths]
    for note in dict.fromkeys(f"{spec.label}: {spec.note}" for spec in specs if spec.note):
        typer.echo(f"  ! {note}", err=True)

    from angle_bench.training.merge import merge as write
    from angle_bench.training.merge import shares_of

    written = write(specs, output, numbers, ["angle-bench", *sys.argv[1:]])
    shares = shares_of(specs, numbers)
    if said.as_json:
        parts = [
            {"name": spec.name, "revision": spec.revision, "weight": share}
            for spec, share in zip(specs, shares, strict=True)
        ]
        typer.echo(json.dumps({"output": str(written), "parts": parts}, indent=2))
    if not said.quiet:
        parts_said = " + ".join(
            f"{share:.3g} x {spec.label}" for spec, share in zip(specs, shares, strict=True)
        )
        typer.echo(f"saved {written}  {parts_said}", err=True)
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
