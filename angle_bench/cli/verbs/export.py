"""`angle-bench export`: other forms of a checkpoint."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Recorded, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_written

EPILOG = """
Examples:

angle-bench export ckpts/run1 --to sentence-transformers -o for-st

angle-bench export ckpts/llama-nli --to merged --push-to-hub ORG/NAME
"""


@dataclass(frozen=True)
class ExportOutput:
    """What is written, and where."""

    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORM",
            help="sentence-transformers, merged or adapter.",
            autocompletion=complete.choices("sentence-transformers", "merged", "adapter"),
        ),
    ]
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The new folder; default PATH-FORM."),
    ] = None
    tasks: Annotated[
        list[str],
        typer.Option(
            "-t",
            "--tasks",
            metavar="NAMES",
            help="Put stored scores of these into the card and .eval_results.",
            autocompletion=complete.tasks,
            show_default=False,
        ),
    ] = field(default_factory=list)
    results: shared.Results = Path("results")
    push_to_hub: Annotated[
        str | None,
        typer.Option("--push-to-hub", metavar="ORG/NAME", help="Upload it; a new one is private."),
    ] = None


@grouped
def export(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A checkpoint: a folder or a name.",
            autocompletion=complete.models,
        ),
    ],
    written: ExportOutput,
    where: Where = Where(),  # noqa: B008  frozen
    recorded: Recorded = Recorded(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Write a checkpoint in another form; its vectors stay the same."""
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.exporting import CardScores, exported

    found = exported(
        path,
        written.to,
        written.output,
        written.push_to_hub,
        recorded.overrides(),
        where.access(),
        watcher(said.quiet, said.debug),
        CardScores(tuple(written.tasks), written.results),
    )
    print_written(found, said)
    return 0
