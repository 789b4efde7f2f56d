"""`angle-bench compare`: is a candidate better than the base, and how sure is that?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import VerbosityOptions, grouped
from angle_bench.cli.output.values import print_json
from angle_bench.errors import UsageError, or_list, printable

if TYPE_CHECKING:
    from angle_bench.api.objects.comparison import Comparison

EPILOG = """
Examples:

angle-bench compare base my-finetune -t STS

angle-bench compare all-MiniLM-L6-v2 ft=out/seed-1,out/seed-2,out/seed-3 -t STS

angle-bench compare base ckpts/a -t STS --seen

angle-bench compare base ckpts/a -t STS --changes 20 -o a.html

angle-bench compare base ckpts/a -t STS --by task -o compared.tex
"""

NO = 3
SUFFIXES = {"latex": ".tex", "html": ".html", "parquet": ".parquet"}  # by format
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
            help="A table to print as .tex, everything as .html, the changed pairs as .parquet.",
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="latex, html or parquet, whatever the suffix; latex goes to stdout without -o.",
            autocompletion=complete.choices(*SUFFIXES),
        ),
    ] = None
    caption: shared.Caption = ""
    label: shared.Label = ""

    @property
    def kind(self) -> str | None:
        """The format that is written; None for a terminal.

        Raises:
            UsageError: There is no such format, or it does not go with the other options.
        """
        if self.changes < 0:
            raise UsageError(f"--changes {self.changes} is below zero.", "--changes 20")
        kind = self._named()
        if kind != "latex" and (self.caption or self.label):
            raise UsageError("--caption and --label are for LaTeX.", "-o FILE.tex")
        if kind in ("html", "parquet") and self.output is None:
            raise UsageError(f"{kind} is a file.", f"-o FILE{SUFFIXES[kind]}")
        return kind

    def _named(self) -> str | None:
        if self.format is not None:
            if self.format not in SUFFIXES:
                raise UsageError(
                    f"there is no format {self.format}; there are {or_list([*SUFFIXES])}.",
                    "--format latex",
                )
            return self.format
        if self.output is None:
            return None
        kind = next((name for name, end in SUFFIXES.items() if end == self.output.suffix), None)
        if kind is None:
            raise UsageError(
                f"{self.output} ends in none of {or_list([*SUFFIXES.values()])}.",
                "-o compared.tex",
            )
        return kind


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
    _refuse_output(judged, said.as_json)
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
        _write(judged.output, comparison, judged, judged.kind)
    _print(comparison, judged, said, latex=judged.kind == "latex" and judged.output is None)
    if judged.fail_if_worse and comparison.found.worse:
        return NO
    unjudged = judged.fail_if_worse and comparison.found.unjudged
    return 1 if comparison.errors or unjudged else 0


def _refuse_output(judged: VerdictOptions, as_json: bool) -> None:
    if judged.output is not None:
        _may_write(judged.output, judged.kind)
    elif judged.kind == "latex" and as_json:
        raise UsageError("--json and --format latex are two forms of one output.", "--json")


def _print(
    comparison: "Comparison", judged: VerdictOptions, said: VerbosityOptions, *, latex: bool
) -> None:
    by, changes = judged.by, judged.changes
    if latex:
        typer.echo(_latex(comparison, judged), nl=False)
    elif said.as_json:
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


def _may_write(output: Path, kind: str | None) -> None:
    """Refuse places that are no files, and LaTeX that somebody wrote."""
    from angle_bench.files.output_file import refuse_foreign_output, refuse_odd_place
    from angle_bench.reporting.paper.compare_latex import is_ours

    if kind != "latex":
        refuse_odd_place(output)
        return
    refuse_foreign_output(
        output, lambda data: is_ours(data.decode("utf-8", errors="replace")), "compare"
    )


def _latex(comparison: "Comparison", judged: VerdictOptions) -> str:
    from angle_bench.cli.output.typed_command import typed_command
    from angle_bench.reporting.paper.compare_latex import table

    command = typed_command()
    return table(comparison.found, judged.by, judged.caption, judged.label, command)


def _write(place: Path, comparison: "Comparison", judged: VerdictOptions, kind: str | None) -> None:
    from angle_bench.files.atomic import text_file, write_together

    fix = "-o FILE in a folder that can be written"
    if kind == "latex":
        write_together([text_file(place, _latex(comparison, judged))], fix=fix)
    elif kind == "html":
        html = comparison.to_html(judged.by, judged.changes)
        write_together([text_file(place, html)], fix=fix)
    else:
        from angle_bench.reporting.comparison.changes import changes_file

        write_together([changes_file(place, comparison.found, judged.changes)], fix=fix)
