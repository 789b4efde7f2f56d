"""Tables of stored scores, whoever measured them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.errors import ResultsError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.reporting.formats.formats import Format
    from angle_bench.reporting.tables.leaderboard import Board as Found
    from angle_bench.reporting.tables.table_layout import TableLayout
    from angle_bench.results.find.collect import Collected
    from angle_bench.results.find.selected_models import SelectedModel, SelectedResults

MOST_DECIMALS = 6
WIDTH = 120  # columns of a table that is shown in a notebook or a prompt
DEFAULT_MODELS: Names = ()


@dataclass(frozen=True, repr=False)
class Leaderboard:
    """Models over one suite, the best first.

    Attributes:
        found: Rows and columns, as the reports have them.
    """

    found: "Found"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out or is doubtful, a line each."""
        return self.found.warnings

    @property
    def labels(self) -> list[str]:
        """The rows' labels, in the order in which they are shown."""
        return [row.label for row in self.found.rows]

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each model: what it is, averages and tasks in points, ranks, signature.

        Averages are called `mean`, `types` and `type:STS`; `borda` is a rank, `rank_best` and
        `rank_worst` are the interval of ranks that cannot be told apart, where they were asked for.
        """
        from angle_bench.reporting.formats.board_frame import frame

        return frame(self.found)

    def to_dict(self) -> Any:
        """Plain values, those of `angle-bench leaderboard --json`; scores are in points."""
        from angle_bench.reporting.formats.json_csv import as_values

        return as_values(self.found)

    def to_text(self, width: int = WIDTH) -> str:
        """What the command prints in a terminal of so many columns."""
        from angle_bench.reporting.formats import terminal

        return terminal.text(self.found, width)

    def to_markdown(self) -> str:
        """The table with notes, command and signatures, as `-o FILE.md` has it."""
        return self._as("markdown")

    def to_latex(self) -> str:
        """The table with booktabs, as `-o FILE.tex` has it."""
        return self._as("latex")

    def to_rst(self) -> str:
        """The table for Sphinx or docutils, as `-o FILE.rst` has it."""
        return self._as("rst")

    def to_typst(self) -> str:
        """The table as a figure of Typst, as `-o FILE.typ` has it."""
        return self._as("typst")

    def to_csv(self, *, raw: bool = False) -> str:
        """A line for every row, in points, as `-o FILE.csv` has it.

        Args:
            raw: Without the quote before what spreadsheets execute.
        """
        from angle_bench.reporting.formats.json_csv import as_csv

        return as_csv(self.found, raw=raw)

    def to_html(self) -> str:
        """The table as one HTML element; a page with filters and verdicts is what `save` writes."""
        from angle_bench.reporting.formats.board_frame import html

        return html(self.found)

    def save(self, path: Places, *, overwrite: bool = False) -> Path:
        """Write .md, .rst, .tex, .typ, .csv, .json or .parquet; `.html` or a folder is a site.

        Args:
            path: The file or folder. What no leaderboard made is never overwritten.
            overwrite: Whether a file that another leaderboard made may be.

        Raises:
            UsageError: The suffix is of no format, or something else is there.
            ResultsError: It cannot be written.
        """
        from angle_bench.reporting.formats.formats import format_of, is_site

        output = place(path)
        if output.exists() and not overwrite:
            raise UsageError(f"{output} is there.", "overwrite=True, or another path")
        if is_site(None, output):
            return self.save_site(output)
        kind = format_of(None, output)
        assert kind is not None
        return self._write(output, kind)

    def save_site(self, output: Path) -> Path:
        """Write a site; returns the page to open."""
        from angle_bench.reporting.site.shown import exhibit
        from angle_bench.reporting.site.site_folder import check_can_overwrite, place_of, write

        site = place_of(output)
        check_can_overwrite(site)
        shown = exhibit(self.found)
        warn(shown.warnings)
        write(site, shown)
        return site.index

    def _as(self, name: str) -> str:
        from angle_bench.reporting.formats.formats import format_of

        kind = format_of(name, None)
        assert kind is not None
        return kind.render(self.found)

    def _write(self, output: Path, kind: "Format") -> Path:
        from angle_bench.files.output_file import write_output
        from angle_bench.reporting.formats.formats import check_can_overwrite

        check_can_overwrite(output, kind)
        write_output(kind.file(output, self.found))
        return output

    def __repr__(self) -> str:
        """What the command prints."""
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


@public
def leaderboard(
    *results: Places,
    tasks: Names = "STS",
    models: Names = DEFAULT_MODELS,
    model_names: Names = (),
    published: bool = False,
    partial: bool = False,
    ranks: bool | Literal["tasks"] = False,
    sort: str = "",
    base: str = "",
    zero_shot: bool = False,
    decimals: int = 2,
    columns: Literal["", "summary", "tasks", "languages"] = "",
    marks: bool = True,
    transpose: bool = False,
    caption: str = "",
    label: str = "",
) -> Leaderboard:
    """Make a table of stored scores, whoever measured them. Needs neither torch nor mteb.

    Args:
        results: Results folders, clones of mteb's results repository, old mteb output folders; by
            default `results`.
        tasks: What would stand after `-t`.
        models: Names, labels or globs; `LABEL=A,B,C` are seeds of a recipe. By default all.
        model_names: `[FOLDER=]NAME` where files and path do not say the model's name.
        published: Whether published scores are added, where they are comparable.
        partial: Whether averages are over the tasks that there are.
        ranks: Whether ranks are given as intervals, from stored predictions; "tasks" takes them
            over tasks, from scores alone.
        sort: A column, `model`, `coverage`, `rank` or `zero-shot`; by default the suite's average.
        base: The row that differences are to.
        zero_shot: Whether columns say what models were trained on: the share of the tasks that
            they were not, as declared in mteb by name, and that of the texts that a training saw.
        decimals: Of scores in points, where they are shown.
        columns: Which columns tables have: every task by its type, averages alone, or the mean of
            each language.
        marks: Whether signs stand on cells, with notes that explain them.
        transpose: Whether models are columns.
        caption: Of a table in LaTeX or Typst.
        label: Likewise.

    Raises:
        UsageError: There is no such folder, task, model or column.
        ResultsError: No model has a result.

    Examples:
        >>> board = leaderboard("results", tasks="STS")
        >>> board.to_dataframe()["label"].tolist()
        ['tuned', 'base']
    """
    from angle_bench.reporting.tables.table_layout import TableLayout

    board = arranged(
        [place(each) for each in results or ("results",)],
        tasks=listed(tasks),
        models=listed(models),
        model_names=listed(model_names),
        published=published,
        partial=partial,
        ranks=ranks,
        sort=sort,
        base=base,
        zero_shot=zero_shot,
        decimals=decimals,
        command="angle_bench.leaderboard",
        layout=TableLayout.of(columns, "all" if marks else "none", transpose, caption, label),
    )
    warn(board.warnings)
    return board


def arranged(
    paths: Sequence[Path],
    *,
    tasks: list[str],
    models: list[str],
    model_names: list[str],
    published: bool,
    partial: bool,
    ranks: bool | Literal["tasks"],
    sort: str,
    base: str,
    zero_shot: bool,
    decimals: int,
    command: str,
    layout: "TableLayout",
) -> Leaderboard:
    """The leaderboard with the command that its files say made them; as `leaderboard` else."""
    from angle_bench.reporting.tables.arrange import LeaderboardOptions, arrange, ordered
    from angle_bench.reporting.tables.published_rows import one_row_a_model, published_rows
    from angle_bench.reporting.tables.stored_rows import model_rows
    from angle_bench.results.find.selected_models import every_model, models_of
    from angle_bench.suites.select import select

    if not 0 <= decimals <= MOST_DECIMALS:
        raise UsageError(
            f"--decimals {decimals} is not between 0 and {MOST_DECIMALS}.", "--decimals 2"
        )
    suite = select(tasks)
    found = _found(paths, model_names)
    warnings = list(found.warnings)
    every = models_of(found.folders)
    chosen = _typed(every, models, tasks, warnings) if models else every_model(every)
    rows = model_rows(suite, chosen, warnings)
    if not rows:
        raise ResultsError(
            "\n".join([f"no model here has a result for {suite.name}.", *warnings]),
            "-t TASKS that were run, or first angle-bench run",
        )
    if published:
        from angle_bench.suites.published import shipped

        every_row = [*rows, *published_rows(suite, shipped())]
        rows = one_row_a_model(suite, every_row, warnings)
    # columns that are known later than the others
    later = [
        *(["rank"] if ranks else []),
        *(["zero-shot", "zero_shot", "seen"] if zero_shot else []),
    ]
    by_later = sort.casefold() in later
    wishes = LeaderboardOptions("" if by_later else sort, base, partial, decimals, command, layout)
    if layout.columns == "languages":
        from angle_bench.reporting.by_language.language_means import with_languages

        rows = with_languages(suite, rows)
    board = arrange(suite, rows, wishes, warnings)
    if zero_shot:
        from angle_bench.reporting.zero_shot.board_trained_on import with_trained_on

        board = with_trained_on(board)
    if ranks:
        board = _ranked(board, over_tasks=ranks == "tasks")
    return Leaderboard(ordered(board, sort) if by_later else board)


def _ranked(board: "Found", *, over_tasks: bool) -> "Found":
    from angle_bench.reporting.comparison.leaderboard_ranks import with_ranks
    from angle_bench.reporting.comparison.task_ranking import with_task_ranks

    return with_task_ranks(board) if over_tasks else with_ranks(board)


def _found(paths: Sequence[Path], names: list[str]) -> "Collected":
    from angle_bench.results.find.collect import collect

    found = collect(paths, names)
    if found.folders:
        return found
    places = ", ".join(str(path) for path in paths)
    if found.nameless:
        raise ResultsError("\n".join(found.warnings), f"--model-name {found.nameless[0]}=NAME")
    raise ResultsError(
        "\n".join([f"there are no result files in {places}.", *found.warnings]),
        "angle-bench leaderboard RESULTS, or first angle-bench run",
    )


def _typed(
    models: "list[SelectedModel]", words: list[str], tasks: list[str], warnings: list[str]
) -> "list[SelectedResults]":
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_rows
    from angle_bench.results.find.stored_models import StoredModel

    stored = [StoredModel.of(model) for model in models]
    return find_rows(words, stored, LoadOptions(), ",".join(tasks), warnings)
