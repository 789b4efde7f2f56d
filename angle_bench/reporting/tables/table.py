"""A table of scores: models as rows, tasks as columns, an average that says what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from angle_bench.reporting.tables.aligned import aligned
from angle_bench.results.find.selected_models import SelectedModel
from angle_bench.suites import averages
from angle_bench.suites.private_tasks import private_line
from angle_bench.suites.task import Suite

ABSENT = "–"

# what a cell's mark means: whether the data of a score is MTEB's own text
MARKS = {
    "hub": "",
    "package": "",
    "file": "",
    "equal": "✓",
    "differs": "≠",
    "no reference": "?",
}
LEGEND = {
    "✓": "local data, as many samples and characters as mteb's own",
    "≠": "local data, whose samples or characters differ from mteb's own",
    "?": "local data, mteb has no counts to compare with",
}


@dataclass(frozen=True)
class Origin:
    """Where a stored score stands.

    Attributes:
        file: Its file; of an aggregate computed from its parts, that of the first part.
        revision: The model's revision, by its folder.
        main: Whether that is the row's main revision.
        dataset_revision: Of the data, as the file says.
        other_data: Whether that is a hub commit that the suite does not name.
        mteb_version: The version that scored it.
        parts: How many files an aggregate was computed from; 0 where it has its own.
    """

    file: str
    revision: str
    main: bool
    dataset_revision: str
    other_data: bool
    mteb_version: str | None
    parts: int = 0


@dataclass(frozen=True)
class TableCell:
    """One score as a fraction, None where there is none, the verdict on its data, its origin."""

    score: float | None
    data: str = "hub"
    origin: Origin | None = None

    def text(self, decimals: int = 2) -> str:
        """The score ×100 with its mark."""
        if self.score is None:
            return ABSENT
        return f"{100 * self.score:.{decimals}f}{MARKS.get(self.data, '')}"


@dataclass(frozen=True)
class LanguageScore:
    """The mean of one language.

    Attributes:
        mean: Over the scores that there are, a fraction; None where there is none.
        there: How many there are.
        asked: How many the suite asks for.
    """

    mean: float | None
    there: int
    asked: int


@dataclass(frozen=True)
class ScoreSource:
    """What a row is about.

    Attributes:
        kind: `own` results have run records, `public` ones were written by mteb, `published` ones
            stand in a paper or on a model card.
        model: The model's full name.
        revision: The main revision; empty where none is known.
        settings: The name of the settings' folder, where they are not the model's own.
        said: Who published it.
    """

    kind: Literal["own", "public", "published"]
    model: str
    revision: str = ""
    settings: str | None = None
    said: str = ""


@dataclass(frozen=True)
class TableRow:
    """One model's scores in the order of the suite's tasks.

    Attributes:
        label: What a table shows.
        signature: One line of model, settings, versions and data; empty if there is nothing to
            sign.
        stated: Averages as published, as fractions, by the key of their column.
        runs: The rows that this one is the mean of.
        models: What it was read from, one for each run.
        languages: The mean of each language, where tables by language were asked for.
    """

    label: str
    cells: tuple[TableCell, ...]
    signature: str
    source: ScoreSource | None = None
    stated: Mapping[str, float] = field(default_factory=dict)
    runs: tuple["TableRow", ...] = ()
    models: tuple[SelectedModel, ...] = ()
    languages: Mapping[str, LanguageScore] = field(default_factory=dict)

    @property
    def scores(self) -> list[float | None]:
        """The score of every task as a fraction, None where there is none."""
        return [cell.score for cell in self.cells]


@dataclass(frozen=True)
class Table:
    """Rows over one suite.

    A model with missing tasks has no average: its cell says how many there are.
    """

    suite: Suite
    rows: tuple[TableRow, ...]

    def text(self, width: int) -> str:
        """The table as plain text, turned on its side where `width` columns are too few."""
        across = self._across()
        if _width(across) <= width:
            return across
        return min(across, self._down(), key=_width)

    def footer(self) -> str:
        """The marks in use, what is private of the suite, and a signature a row."""
        scored = [cell for row in self.rows for cell in row.cells if cell.score is not None]
        used = {MARKS.get(cell.data, "") for cell in scored}
        lines = [f"{mark} {meaning}" for mark, meaning in LEGEND.items() if mark in used]
        lines += filter(None, [private_line(self.suite)])
        for row in self.rows:
            if row.signature:
                lines.append(
                    f"{row.label}: {row.signature}" if len(self.rows) > 1 else row.signature
                )
        return "\n".join(lines)

    @property
    def average_header(self) -> str:
        """What the average is over."""
        if self.suite.average == "types":
            return f"mean of {len(averages.types(self.suite))} types"
        return f"mean of {len(averages.counted(self.suite))}"

    def average(self, row: TableRow) -> float | None:
        """The suite's average as a fraction: over tasks, or over the means of its task types.

        None if a task is missing.
        """
        return averages.overall(self.suite, row.scores)

    def coverage(self, row: TableRow) -> str:
        """How many tasks have a score: `6 of 7`."""
        return averages.coverage(self.suite, row.scores)

    @property
    def _average_headers(self) -> list[str]:
        """What stands behind the tasks: the average, and that of the public tasks."""
        public = averages.public(self.suite)
        return [self.average_header, *([f"mean of {len(public)} public"] if public else [])]

    def _average_texts(self, row: TableRow) -> list[str]:
        texts = [_percent(self.average(row), self.coverage(row))]
        if public := averages.public(self.suite):
            share = averages.share([row.scores[at] for at in public])
            texts.append(_percent(averages.mean_of_public(self.suite, row.scores), share))
        return texts

    def _across(self) -> str:
        headers = [task.header for task in self.suite.task]
        lines = [[cell.text() for cell in row.cells] for row in self.rows]
        if len(self.suite.task) > 1:
            headers += ["│", *self._average_headers]
            lines = [
                [*line, "│", *self._average_texts(row)]
                for line, row in zip(lines, self.rows, strict=True)
            ]
        if len(self.rows) > 1:
            headers.insert(0, "")
            lines = [[row.label, *line] for line, row in zip(lines, self.rows, strict=True)]
        return plain(headers, lines, labelled=len(self.rows) > 1)

    def _down(self) -> str:
        headers = ["", *(row.label for row in self.rows)]
        lines = [
            [task.header, *(row.cells[place].text() for row in self.rows)]
            for place, task in enumerate(self.suite.task)
        ]
        if len(self.suite.task) > 1:
            texts = [self._average_texts(row) for row in self.rows]
            lines += [
                [header, *(each[at] for each in texts)]
                for at, header in enumerate(self._average_headers)
            ]
        return plain(headers, lines, labelled=True)


def _percent(fraction: float | None, otherwise: str) -> str:
    return otherwise if fraction is None else f"{100 * fraction:.2f}"


def _width(text: str) -> int:
    return max(len(line) for line in text.splitlines())


def plain(headers: Sequence[str], lines: Sequence[Sequence[str]], *, labelled: bool) -> str:
    """Lines of cells as aligned text, numbers to the right, labels to the left."""
    align = ["right"] * len(headers)
    if labelled:
        align[0] = "left"
    return aligned(headers, lines, align)
