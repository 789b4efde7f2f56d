"""`angle-bench submit`: results for mteb's results repository."""

from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_value
from angle_bench.errors import shell_word

EPILOG = """
Examples:

angle-bench submit --to for-mteb -m my-model -t 'MTEB(eng, v2)' -n

angle-bench submit --to for-mteb -m my-model
"""


@grouped
def submit(
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="DIR", help="The folder that mteb submit-results takes afterwards."
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            "-m",
            "--model",
            metavar="NAME-OR-GLOB[,...]",
            help="Whose results; by default all.",
            autocompletion=complete.scored,
            show_default=False,
        ),
    ] = [],  # noqa: B006  typer copies it
    tasks: Annotated[
        list[str],
        typer.Option(
            "-t",
            "--tasks",
            metavar="NAMES",
            help="Of which tasks; by default all.",
            autocompletion=complete.tasks,
            show_default=False,
        ),
    ] = [],  # noqa: B006
    results: shared.Results = Path("results"),
    dry_run: Annotated[
        bool,
        shared.flag("-n", "--dry-run", help="Say what would be refused, and write nothing."),
    ] = False,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """Prepare stored results for mteb's results repository, and say what it would refuse."""
    from angle_bench.api.publishing.submitting import submit as submitted

    found = submitted(to, models=model, tasks=tasks, results=results, dry_run=dry_run)
    print_value(found, said.as_json)
    taken = len(found.files) - len(found.refused)
    if taken and found.written and not said.quiet:
        where = shell_word(to)
        typer.echo(f"next: mteb submit-results --output-folder {where}", err=True)
    return 1 if found.refused else 0
