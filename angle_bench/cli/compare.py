"""`angle-bench compare`: is a candidate better than the base, and how sure is that?"""

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.errors import AngleBenchError, ResultsError, UsageError, printable

if TYPE_CHECKING:
    from angle_bench.evaluation.scored_models import Named
    from angle_bench.reporting.compare import Comparison

EPILOG = """
Examples:

angle-bench compare base my-finetune -t STS

angle-bench compare all-MiniLM-L6-v2 ft=out/seed-1,out/seed-2,out/seed-3 -t STS

angle-bench compare base ckpts/a -t STS --seen

angle-bench compare base ckpts/a -t STS --changes 20 -o a.html
"""

NO = 3


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
    seen: Annotated[
        bool, shared.flag("--seen", help="Tell pairs of the training data from the others.")
    ] = False,
    margin: Annotated[
        float,
        typer.Option(
            "--margin", metavar="POINTS", help="A difference below it counts as none, in points."
        ),
    ] = 0.30,
    method: Annotated[
        Literal["sentences", "pairs"],
        typer.Option("--method", help="pairs: resample them as if they shared no sentence."),
    ] = "sentences",
    changes: Annotated[
        int, typer.Option("--changes", metavar="N", help="List the pairs that moved most.")
    ] = 0,
    by: Annotated[
        Literal["task", "subset"] | None, typer.Option("--by", help="A verdict on each.")
    ] = None,
    fail_if_worse: Annotated[
        bool, shared.flag("--fail-if-worse", help="Exit code 3 if one is significantly worse.")
    ] = False,
    allow_different: Annotated[
        bool,
        shared.flag("--allow-different", help="Compare models that are used differently, too."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The changed pairs as .parquet, or everything as .html.",
        ),
    ] = None,
    mirror: shared.Mirror = None,
    offline: shared.Offline = False,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
) -> int:
    """Compare stored scores on the same sentence pairs: difference, interval, verdict."""
    _refuse(margin, method, seen, changes, output)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.evaluation.scored_models import find_scored
    from angle_bench.reporting.compare import How
    from angle_bench.reporting.compare import compare as compare_sides
    from angle_bench.reporting.pairing import Side
    from angle_bench.results.stored_models import stored_models
    from angle_bench.results.suites import select

    suite = select(tasks)
    left_out: list[str] = []
    stored = stored_models(results, left_out, model_name)
    access = shared.access(None, mirror, False, False)
    found = find_scored([base, *candidates], stored, access, ",".join(tasks), left_out)
    if found.errors and (found.lacks_first or len(found.groups) < 2):
        raise found.errors[0]
    first, *others = [Side.of(group.label, group.models) for group in found.groups]
    if not others:
        raise UsageError(
            "all words have one label, so nothing is left to compare.",
            "angle-bench compare BASE OTHER",
        )
    how = How(margin / 100, method, seen, allow_different)
    comparison = compare_sides(first, others, suite, how)
    if output is not None:
        _write(output, comparison, by, changes)
    if as_json:
        from angle_bench.reporting.compare_json import as_json as values

        shown = json.dumps(values(comparison, by, changes), indent=2, ensure_ascii=False)
    else:
        from angle_bench.reporting.compare_text import text

        shown = text(comparison, by, changes)
    typer.echo(shown)
    if output is not None and not quiet:
        typer.echo(f"wrote {output}", err=True)
    for warning in () if quiet else (*left_out, *comparison.warnings):
        typer.echo(f"warning: {printable(warning)}", err=True)
    errors = [*found.errors, *_missing(comparison)]
    for error in errors:
        typer.echo(f"error: {error}", err=True)
    if comparison.scored_nowhere and (common := _common(found.groups)):
        typer.echo(f"all of them have scores of: -t {','.join(common)}", err=True)
    if fail_if_worse and comparison.worse:
        return NO
    return 1 if errors or (fail_if_worse and comparison.unjudged) else 0


def _refuse(margin: float, method: str, seen: bool, changes: int, output: Path | None) -> None:
    if not 0 <= margin < math.inf:
        raise UsageError(f"--margin {margin} is no difference in points.", "--margin 0.30")
    if changes < 0:
        raise UsageError(f"--changes {changes} is below zero.", "--changes 20")
    if seen and method == "pairs":
        raise UsageError(
            "--seen clusters on sentences; pairs cannot.", "the command without --method"
        )
    if output is not None and output.suffix not in (".parquet", ".html"):
        raise UsageError(f"{output} is neither .parquet nor .html.", "-o changes.parquet")
    if output is not None:
        from angle_bench.results.files import refuse_odd_place

        refuse_odd_place(output)


def _write(place: Path, comparison: "Comparison", by: str | None, changes: int) -> None:
    from angle_bench.results.files import text_file, write_together

    fix = "-o FILE in a folder that can be written"
    if place.suffix == ".html":
        from angle_bench.reporting.compare_page import page

        write_together([text_file(place, page(comparison, by, changes))], fix=fix)
    else:
        from angle_bench.reporting.changes import changes_file

        write_together([changes_file(place, comparison, changes)], fix=fix)


def _common(groups: "Sequence[Named]") -> list[str]:
    """The tasks that every model has a file of."""
    from angle_bench.results.known_tasks import known_task

    files = [
        frozenset().union(*(folder.files for folder in model.folders))
        for group in groups
        for model in group.models
    ]
    return sorted(name for name in frozenset.intersection(*files) if known_task(name) is not None)


def _missing(comparison: "Comparison") -> list[AngleBenchError]:
    """What has no scores, with the command that makes them."""
    return [
        ResultsError(
            f"{name} has no scores of {', '.join(tasks)}.",
            shlex.join(
                ["angle-bench", "run", *comparison.model(name).run_words(), "-t", ",".join(tasks)]
            ),
        )
        for name, tasks in comparison.missing.items()
    ]
