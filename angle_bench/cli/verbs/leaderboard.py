"""`angle-bench leaderboard`: tables from any results that mteb or angle-bench wrote."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.typed_command import typed_command
from angle_bench.errors import UsageError, or_list, printable, shell_word
from angle_bench.reporting.formats.format_names import DATA, LOOKED_AT, SITE, SUFFIXES

if TYPE_CHECKING:
    from angle_bench.api.boards import Leaderboard
    from angle_bench.reporting.formats.formats import Format
    from angle_bench.reporting.tables.table_layout import TableLayout

EPILOG = """
Examples:

angle-bench leaderboard -t STS -o leaderboards/sts.md

angle-bench leaderboard results/ ~/mteb-results -t 'MTEB(eng, v1)' --published

angle-bench leaderboard -m 'base,ft=ft-seed*' -t STS --base base --ranks

angle-bench leaderboard ~/results-repo -t 'MTEB(eng, v2)' --ranks tasks --zero-shot

angle-bench leaderboard -t STS -o leaderboards/site/
"""

DIFFERS = 3
STDOUT = Path("-")
TASK_RANKS = "--ranks-over-tasks"  # what `--ranks tasks` is to the parser


class LeaderboardCommand(TyperCommand):
    """The verb, whose option `--ranks` may be followed by the word `tasks`: typer has no such."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed."""
        words: list[str] = []
        for word in args:
            if word == "--ranks=tasks" or (word == "tasks" and words[-1:] == ["--ranks"]):
                words = [*words[: -1 if word == "tasks" else None], TASK_RANKS]
            else:
                words.append(word)
        return super().parse_args(ctx, words)


@dataclass(frozen=True)
class RowOptions:
    """Which scores are shown."""

    tasks: shared.Tasks = field(default_factory=lambda: ["STS"])
    model: Annotated[
        list[str],
        typer.Option(
            "-m",
            "--model",
            metavar="[LABEL=]NAME-OR-GLOB[@REVISION][,...]",
            help="Models, by commas or repeated. LABEL=A,B,C or LABEL='ft-*': seeds of a recipe, "
            "mean ± standard deviation; all names after a label are its seeds.",
            autocompletion=complete.scored,
            show_default=False,
        ),
    ] = field(default_factory=list)
    results: shared.Results = Path("results")
    model_name: shared.ModelName = field(default_factory=list)


@dataclass(frozen=True)
class LeaderboardOutput:
    """What is written, and where."""

    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help=f"{or_list([SUFFIXES[name][0] for name in (*LOOKED_AT, *DATA)])}; "
            "a folder becomes a site; - is stdout.",
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"{or_list([*SUFFIXES])}, whatever the suffix.",
            autocompletion=complete.choices(*SUFFIXES),
        ),
    ] = None
    raw: Annotated[
        bool,
        shared.flag("--raw", help="CSV without the quote before what spreadsheets execute."),
    ] = False


@dataclass(frozen=True)
class LayoutOptions:
    """How a table is laid out, in any format that people read."""

    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="WHICH",
            help="summary, tasks or languages: averages alone, every task by its type, or the mean "
            "of each language.",
            autocompletion=complete.choices("summary", "tasks", "languages"),
        ),
    ] = ""
    transpose: Annotated[bool, shared.flag("--transpose", help="Models as columns.")] = False
    marks: Annotated[
        str,
        typer.Option(
            "--marks",
            metavar="WHICH",
            help="none: no signs on cells, and no notes on them.",
            autocompletion=complete.choices("all", "none"),
        ),
    ] = "all"
    caption: shared.Caption = ""
    label: shared.Label = ""


@dataclass(frozen=True)
class Arranged:
    """How the rows are arranged."""

    sort: Annotated[
        str, typer.Option("--sort", metavar="COLUMN", help="A column, model or coverage.")
    ] = ""
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="NAME",
            help="Show differences to this row.",
            autocompletion=complete.scored,
        ),
    ] = ""
    ranks: Annotated[
        bool,
        typer.Option(
            "--ranks",
            metavar="[tasks]",
            help="Ranks as intervals, from stored predictions; with the word tasks over tasks, "
            "from scores alone. Bold where it may be 1.",
        ),
    ] = False
    task_ranks: Annotated[bool, typer.Option(TASK_RANKS, hidden=True)] = False
    partial: Annotated[
        bool, shared.flag("--partial", help="Average the tasks there are, and say how many.")
    ] = False
    published: Annotated[
        bool, shared.flag("--published", help="Add what was published, where it is comparable.")
    ] = False
    zero_shot: Annotated[
        bool,
        shared.flag(
            "--zero-shot",
            help="The share of the tasks that a model was not trained on, as declared in mteb by "
            "name; beside it that of the texts that a recorded training saw.",
        ),
    ] = False
    decimals: Annotated[int, typer.Option("--decimals", metavar="N", help="Of scores ×100.")] = 2


@grouped
def leaderboard(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Results folders, a clone of mteb's results repository, old mteb output folders; "
            "by default what -r says.",
            show_default=False,
        ),
    ] = None,
    chosen: RowOptions = RowOptions(),
    written: LeaderboardOutput = LeaderboardOutput(),
    arranging: Arranged = Arranged(),
    laid_out: LayoutOptions = LayoutOptions(),
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="FILE", help="Exit with 3 if FILE is not what -o would write now."
        ),
    ] = None,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """Make a table of stored scores, whoever measured them, and say where each comes from."""
    output = None if written.output == STDOUT else written.output
    if output is not None and check is not None:
        raise UsageError(
            "-o writes and --check compares; -o and --check are mutually exclusive.",
            f"-o {shell_word(output)}",
        )

    from angle_bench.reporting.formats.formats import first_difference, format_of, is_site

    site = is_site(written.format, output or check) and not said.as_json
    named = "json" if said.as_json else written.format
    kind = None if site else format_of(named, output or check)
    if written.raw:
        kind = _raw(kind)
    if output is not None:
        _may_write(output, kind)
    layout = _layout(laid_out, SITE if site else kind.name if kind is not None else "")
    board = _board(paths or [chosen.results], chosen, arranging, layout, site)
    if not said.quiet and (site or kind is not None):  # on a terminal they stand under the table
        for warning in board.warnings:
            typer.echo(f"warning: {printable(warning)}", err=True)
    if site:
        return _site(board, output, check, said.quiet)
    if check is not None and kind is not None:
        return _checked(check, first_difference(check, kind, board.found))
    _put(board, kind, output, said.quiet)
    return 0


def _layout(typed: LayoutOptions, kind: str) -> "TableLayout":
    """What was typed of the layout; what the format does not have is refused."""
    from angle_bench.reporting.tables.table_layout import TableLayout

    layout = TableLayout.of(typed.columns, typed.marks, typed.transpose, typed.caption, typed.label)
    layout.refuse_in(kind)
    return layout


def _board(
    paths: list[Path],
    chosen: RowOptions,
    arranging: Arranged,
    layout: "TableLayout",
    site: bool,
) -> "Leaderboard":
    from angle_bench.api.boards import arranged

    over_items = arranging.ranks and not site
    ranks: bool | Literal["tasks"] = "tasks" if arranging.task_ranks else over_items
    return arranged(
        paths,
        tasks=chosen.tasks,
        models=chosen.model,
        model_names=chosen.model_name,
        published=arranging.published,
        partial=arranging.partial,
        ranks=ranks,
        sort=arranging.sort,
        base=arranging.base,
        zero_shot=arranging.zero_shot,
        decimals=arranging.decimals,
        command=typed_command(),
        layout=layout,
    )


def _raw(kind: "Format | None") -> "Format":
    from angle_bench.reporting.formats.formats import RAW_CSV

    if kind is None or kind.name != RAW_CSV.name:
        suffix = RAW_CSV.suffixes[0]
        raise UsageError(
            "--raw is for CSV.", f"-o FILE{suffix} --raw, or the command without --raw"
        )
    return RAW_CSV


def _may_write(output: Path, kind: "Format | None") -> None:
    from angle_bench.reporting.formats.formats import check_can_overwrite
    from angle_bench.reporting.site import site_folder

    if kind is None:
        site_folder.check_can_overwrite(site_folder.place_of(output))
    else:
        check_can_overwrite(output, kind)


def _site(board: "Leaderboard", output: Path | None, check: Path | None, quiet: bool) -> int:
    from angle_bench.reporting.site.shown import exhibit
    from angle_bench.reporting.site.site_folder import first_difference, place_of, write

    place = output or check
    if place is None:
        raise UsageError("a page is several files.", f"-o FOLDER, or -o FILE{SUFFIXES[SITE][0]}")
    shown, site = exhibit(board.found), place_of(place)
    for warning in () if quiet else shown.warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    if check is not None:
        return _checked(check, first_difference(site, shown))
    write(site, shown)
    if not quiet:
        typer.echo(f"wrote {site.index}, {len(board.labels)} models", err=True)
    return 0


def _checked(place: Path, difference: str | None) -> int:
    typer.echo(f"{place}: {difference or 'as the results are'}")
    return DIFFERS if difference else 0


def _put(board: "Leaderboard", kind: "Format | None", output: Path | None, quiet: bool) -> None:
    from angle_bench.files.output_file import write_output

    if kind is None:
        typer.echo(board.to_text(shared.table_width()))
    elif output is None and kind.to_bytes is not None:
        raise UsageError(f"{kind.name} is no text.", f"-o FILE{kind.suffixes[0]}")
    elif output is None:
        typer.echo(kind.render(board.found), nl=False)
    else:
        write_output(kind.file(output, board.found))
        if not quiet:
            typer.echo(f"wrote {output}, {len(board.labels)} models", err=True)
