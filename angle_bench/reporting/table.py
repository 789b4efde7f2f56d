"""A table of scores: models as rows, tasks as columns, an average that says what it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import tabulate

from angle_bench.results.suites import Suite

ABSENT = "–"

tabulate.MIN_PADDING = 0  # it makes columns two wider than their headers

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
class Cell:
    """One score as a fraction, None where there is none, and the verdict on its data."""

    score: float | None
    data: str = "hub"

    def text(self, decimals: int = 2) -> str:
        """The score ×100 with its mark."""
        if self.score is None:
            return ABSENT
        return f"{100 * self.score:.{decimals}f}{MARKS.get(self.data, '')}"


@dataclass(frozen=True)
class Row:
    """One model's scores in the order of the suite's tasks, and its signature if it has any."""

    label: str
    cells: tuple[Cell, ...]
    signature: str

    @property
    def scores(self) -> list[float]:
        """The scores there are, as fractions."""
        return [cell.score for cell in self.cells if cell.score is not None]

    @property
    def mean(self) -> float | None:
        """The mean over all tasks as a fraction; None if one is missing."""
        scores = self.scores
        if not scores or len(scores) < len(self.cells):
            return None
        return math.fsum(scores) / len(scores)

    @property
    def coverage(self) -> str:
        """How many tasks have a score: `6 of 7`."""
        return f"{len(self.scores)} of {len(self.cells)}"


@dataclass(frozen=True)
class Table:
    """Rows over one suite.

    A model with missing tasks has no average: its cell says how many there are.
    """

    suite: Suite
    rows: tuple[Row, ...]

    def text(self, width: int) -> str:
        """The table as plain text, turned on its side where `width` columns are too few."""
        across = self._across()
        if _width(across) <= width:
            return across
        return min(across, self._down(), key=_width)

    def footer(self) -> str:
        """The marks in use, and a signature a row."""
        scored = [cell for row in self.rows for cell in row.cells if cell.score is not None]
        used = {MARKS.get(cell.data, "") for cell in scored}
        lines = [f"{mark} {meaning}" for mark, meaning in LEGEND.items() if mark in used]
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
            return f"mean of {len({task.type for task in self.suite.task})} types"
        return f"mean of {len(self.suite.task)}"

    def average(self, row: Row) -> float | None:
        """The suite's average as a fraction: over tasks, or over the means of its task types.

        None if a task is missing.
        """
        if row.mean is None or self.suite.average == "tasks":
            return row.mean
        by_type: dict[str, list[float]] = {}
        for task, score in zip(self.suite.task, row.scores, strict=True):
            by_type.setdefault(task.type, []).append(score)
        return math.fsum(math.fsum(s) / len(s) for s in by_type.values()) / len(by_type)

    def _average_text(self, row: Row) -> str:
        average = self.average(row)
        return row.coverage if average is None else f"{100 * average:.2f}"

    def _across(self) -> str:
        headers = [task.header for task in self.suite.task]
        lines = [[cell.text() for cell in row.cells] for row in self.rows]
        if len(self.suite.task) > 1:
            headers += ["│", self.average_header]
            lines = [
                [*line, "│", self._average_text(row)]
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
            lines.append([self.average_header, *(self._average_text(row) for row in self.rows)])
        return plain(headers, lines, labelled=True)


def _width(text: str) -> int:
    return max(len(line) for line in text.splitlines())


def plain(headers: Sequence[str], lines: Sequence[Sequence[str]], *, labelled: bool) -> str:
    """Lines of cells as aligned text, numbers to the right, labels to the left."""
    align = ["right"] * len(headers)
    if labelled:
        align[0] = "left"
    table = tabulate.tabulate(
        lines,
        headers=headers,
        tablefmt="plain",
        colalign=align,
        headersglobalalign="right",
        disable_numparse=True,
    )
    return "\n".join(line.rstrip() for line in table.splitlines())
