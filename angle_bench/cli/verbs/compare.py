"""`angle-bench compare`: is a candidate better than the base, and how sure is that?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import VerbosityOptions, grouped
from angle_bench.cli.output.values import print_json
from angle_bench.errors import UsageError, printable

if TYPE_CHECKING:
    from angle_bench.api.objects.comparison import Comparison

EPILOG = """
Examples:

angle-bench compare base my-finetune -t STS

angle-bench compare all-MiniLM-L6-v2 ft=out/seed-1,out/seed-2,out/seed-3 -t STS

angle-bench compare base ckpts/a -t STS --seen

angle-bench compare base ckpts/a -t STS --changes 20 -o a.html
"""

NO = 3
By = Literal["task", "subset"] | None


@dataclass(frozen=True)
class VerdictOptions:
    """How the models are judged."""

    seen: Annotated[
        bool, shared.flag("--seen", help="Tell pairs of the training data from the others.")
    ] = False
    margin: Annotated[
        float,
        typer.Option(
            "--margin", metavar="POINTS", help="A difference below it counts as none, in points."
        ),
    ] = 0.30
    method: Annotated[
        Literal["sentences", "pairs"],
        typer.Option("--method", help="pairs: resample them as if they shared no sentence."),
    ] = "sentences"
    changes: Annotated[
        int, typer.Option("--changes", metavar="N", help="List the pairs that moved most.")
    ] = 0
    by: Annotated[By, typer.Option("--by", help="A verdict on each.")] = None
    fail_if_worse: Annotated[
        bool, shared.flag("--fail-if-worse", help="Exit code 3 if one is significantly worse.")
    ] = False
    allow_different: Annotated[
        bool,
        shared.flag("--allow-different", help="Compare models that are used differently, too."),
    ] = False
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The changed pairs as .parquet, or everything as .html.",
        ),
    ] = None


@grouped
def compare(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE",
            help="What the others are compared with.",
            autocompletion=complete.scored,
        ),
    ],
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="CANDIDATE...",
            help="A name, a glob, a label or a folder with scores; LABEL=A,B,C: seeds of a recipe.",
            autocompletion=complete.scored,
        ),
    ],
    tasks: shared.Tasks = ["STS"],  # noqa: B006  typer copies it
    results: shared.Results = Path("results"),
    model_name: shared.ModelName = [],  # noqa: B006
    judged: VerdictOptions = VerdictOptions(),
    mirror: shared.Mirror = None,
    offline: shared.Offline = False,
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Compare stored scores on the same sentence pairs: difference, interval, verdict."""
    _refuse(judged.changes, judged.output)
    shared.prepare_environment(offline, said.quiet, said.verbose)

    from angle_bench.api.comparing import compare as compared

    comparison = compared(
        base,
        *candidates,
        tasks=tasks,
        results=results,
        model_names=model_name,
        seen=judged.seen,
        margin=judged.margin,
        method=judged.method,
        allow_different=judged.allow_different,
        mirror=mirror,
    )
    if judged.output is not None:
        _write(judged.output, comparison, judged.by, judged.changes)
    _print(comparison, judged, said)
    if judged.fail_if_worse and comparison.found.worse:
        return NO
    unjudged = judged.fail_if_worse and comparison.found.unjudged
    return 1 if comparison.errors or unjudged else 0


def _print(comparison: "Comparison", judged: VerdictOptions, said: VerbosityOptions) -> None:
    by, changes = judged.by, judged.changes
    if said.as_json:
        print_json(comparison.to_dict(by, changes))
    else:
        typer.echo(comparison.to_text(by, changes))
    if judged.output is not None and not said.quiet:
        typer.echo(f"wrote {judged.output}", err=True)
    for warning in () if said.quiet else comparison.warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    for error in comparison.errors:
        typer.echo(f"error: {error}", err=True)
    if comparison.common_tasks:
        shared_tasks = ",".join(comparison.common_tasks)
        typer.echo(f"all of them have scores of: -t {shared_tasks}", err=True)


def _refuse(changes: int, output: Path | None) -> None:
    if changes < 0:
        raise UsageError(f"--changes {changes} is below zero.", "--changes 20")
    if output is not None and output.suffix not in (".parquet", ".html"):
        raise UsageError(f"{output} is neither .parquet nor .html.", "-o changes.parquet")
    if output is not None:
        from angle_bench.files.atomic import refuse_odd_place

        refuse_odd_place(output)


def _write(
    place: Path, comparison: "Comparison", by: Literal["task", "subset"] | None, n: int
) -> None:
    from angle_bench.files.atomic import text_file, write_together

    fix = "-o FILE in a folder that can be written"
    if place.suffix == ".html":
        write_together([text_file(place, comparison.to_html(by, n))], fix=fix)
    else:
        from angle_bench.reporting.comparison.changes import changes_file

        write_together([changes_file(place, comparison.found, n)], fix=fix)
