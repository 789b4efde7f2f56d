"""The table of the first page: columns, cells as they are shown, facts of models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from angle_bench.reporting.site.facts import ModelFacts
from angle_bench.reporting.site.payload import shared_difference
from angle_bench.reporting.site.scatter import short_number
from angle_bench.reporting.site.shown import Exhibit
from angle_bench.reporting.tables.leaderboard import TRAINING, Board, Column
from angle_bench.reporting.tables.table import ABSENT, TableRow
from angle_bench.reporting.tables.view import ShownTable, view
from angle_bench.reporting.zero_shot.trained_on import NOTHING_KNOWN

MOST_CELLS = 3000  # of tasks in the page itself; of more, the script makes them when asked for


@dataclass(frozen=True)
class FactColumn:
    """A column of facts.

    Attributes:
        key: Of the fact.
        header: What the table shows.
        shown: Its text, empty where it is unknown.
    """

    key: str
    header: str
    shown: Callable[[ModelFacts], str]


FACTS = (
    FactColumn("parameters", "parameters", lambda facts: _number(facts.parameters)),
    FactColumn("disk", "size on disk", lambda facts: _size(facts.disk)),
    FactColumn("dimensions", "dimensions", lambda facts: _number(facts.dimensions)),
    FactColumn("max_tokens", "max tokens", lambda facts: _plain(facts.max_tokens)),
    FactColumn("dtype", "dtype", lambda facts: facts.dtype or ""),
    FactColumn("licence", "licence", lambda facts: facts.licence or ""),
    FactColumn("base", "made from", lambda facts: facts.base or ""),
    FactColumn("speed", "texts/s", lambda facts: _number(facts.speed)),
)


@dataclass(frozen=True)
class SiteRow:
    """A line of the table.

    Attributes:
        label: The model.
        page: The file of its page.
        marks: Signs behind the label.
        published: Whether its scores were published and not measured.
        difference: To the base, `base` for that itself.
        cells: Of the columns that are in the page.
        facts: Of its model, by the table's columns of facts.
        coverage: How many tasks have a score.
        trained: The tasks that it was trained on, as declared.
    """

    label: str
    page: str
    marks: str
    published: bool
    difference: str
    cells: tuple[ShownTable, ...]
    facts: tuple[str, ...]
    coverage: str
    trained: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SiteTable:
    """The table.

    Attributes:
        columns: Those in the page, the rank first where there is one, then the headline.
        facts: Facts that are known of any row.
        rows: In the order of the board.
        later: Whether the columns of tasks are not in the page.
        languages: Of the tasks, where there are several.
    """

    columns: tuple[Column, ...]
    facts: tuple[FactColumn, ...]
    rows: tuple[SiteRow, ...]
    later: bool
    languages: tuple[str, ...]

    @property
    def places(self) -> set[str]:
        """Which of best and second there are."""
        return {cell.place for row in self.rows for cell in row.cells if cell.place}

    @property
    def trained(self) -> bool:
        """Whether any model was trained on any of the tasks, as declared."""
        return any(row.trained for row in self.rows)

    @property
    def types(self) -> list[str]:
        """The task types that have a mean of their own."""
        return [each.key.removeprefix("type:") for each in self.columns if each.kind == "type"]


class SiteViews:
    """What a board shows on its pages, computed once for all of them.

    Differences stand in a column of their own and verdicts in a table of theirs, so no cell
    repeats them.
    """

    def __init__(self, shown: Exhibit, pages: dict[str, str]) -> None:
        self._shown = shown
        self._pages = pages
        self.board = replace(shown.board, base=None, better=frozenset())

    @cached_property
    def lines(self) -> dict[str, list[tuple[str, ShownTable]]]:
        """Every row's values with their headers, by its label."""
        columns = self.board.every
        lines = view(self.board, columns).lines
        return {
            row.label: [(each.header, cell) for each, cell in zip(columns, line[1:], strict=True)]
            for row, line in zip(self.board.rows, lines, strict=True)
        }

    @cached_property
    def table(self) -> SiteTable:
        """The table of the first page."""
        columns, later = _columns(self.board)
        facts = [self._shown.facts[row.label] for row in self.board.rows]
        known = tuple(each for each in FACTS if any(map(each.shown, facts)))
        at = [self.board.every.index(column) for column in columns]
        rows = tuple(self._row(row, at, known) for row in self.board.rows)
        said = sorted({each for task in self.board.suite.task for each in task.languages})
        languages = tuple(said) if len(said) > 1 else ()
        return SiteTable(tuple(columns), known, rows, later, languages)

    def _row(self, row: TableRow, at: Sequence[int], known: Sequence[FactColumn]) -> SiteRow:
        line, facts = self.lines[row.label], self._shown.facts[row.label]
        return SiteRow(
            row.label,
            self._pages[row.label],
            view_marks(self.board, row),
            row.source is not None and row.source.kind == "published",
            difference_text(self.board, row, self._shown.base),
            tuple(line[place][1] for place in at),
            tuple(each.shown(facts) or ABSENT for each in known),
            self.board.coverage(row),
            frozenset((self.board.trained_on or {}).get(row.label, NOTHING_KNOWN).declared),
        )


def view_marks(board: Board, row: TableRow) -> str:
    """The signs behind a row's label."""
    return view(replace(board, rows=(row,)), []).lines[0][0].marks


def difference_text(board: Board, row: TableRow, base: TableRow) -> str:
    """The difference to the base with the share of tasks that it is over, if not all."""
    if row.label == base.label:
        return "base"
    difference, share = shared_difference(board, row, base)
    if difference is None:
        return ABSENT
    text = f"{difference:+.{board.decimals}f}".replace("-", "−")
    text = text if float(text.replace("−", "-")) else text[1:]
    return f"{text} ({share})" if share else text


def _columns(board: Board) -> tuple[list[Column], bool]:
    """The columns in the page, the rank and the headline first, and whether tasks come later."""
    tasks = [column for column in board.every if column.kind == "task"]
    means = [column for column in board.every if column.kind != "task"]
    several = len({column.kind for column in means} & {"type"}) > 0
    later = several or len(tasks) * len(board.rows) > MOST_CELLS
    chosen = means if later and len(tasks) > 1 else [*means, *tasks]
    first = [*(each for each in chosen if each.kind == "rank"), board.headline]
    rest = [each for each in chosen if each not in first]
    last = ("borda", *TRAINING)
    rest.sort(key=lambda each: last.index(each.kind) if each.kind in last else -1)
    return [*first, *rest], later and len(tasks) > 1


def _number(value: float | None) -> str:
    return short_number(value) if value else ""


def _plain(value: int | None) -> str:
    return str(value) if value else ""


def _size(value: int | None) -> str:
    """Bytes in decimal units, three digits.

    >>> _size(90868376), _size(1340616616), _size(999_999_999), _size(12), _size(None)
    ('90.9 MB', '1.34 GB', '1 GB', '12 B', '')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value and value >= 0.9995 * size:  # what rounds to a whole unit is one
            return f"{value / size:.3g} {unit}"
    return f"{value} B" if value else ""
