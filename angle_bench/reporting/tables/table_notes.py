"""What is said under a leaderboard: its marks, how it was made, what is doubtful."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import digits

from angle_bench.errors import some
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.published_rows import MARK as PUBLISHED
from angle_bench.reporting.tables.signature import NO_COMMIT, revision_words
from angle_bench.reporting.tables.table import LEGEND, MARKS, TableRow
from angle_bench.reporting.zero_shot.training_notes import training_notes
from angle_bench.suites import averages
from angle_bench.suites.private_tasks import private_line

OTHER_REVISION = "°"
BETTER = "*"
UNLIKE = "‡"


@dataclass(frozen=True)
class TableNote:
    """A line under a table.

    Attributes:
        text: What is said.
        mark: The sign that it explains; empty where it explains none.
        doubt: Whether it is a warning, about what was left out or may be wrong.
    """

    text: str
    mark: str = ""
    doubt: bool = False

    @property
    def line(self) -> str:
        """As plain text."""
        return f"{self.mark} {self.text}" if self.mark else self.text


def caption(board: Board) -> str:
    """What stands above the table: what was typed, or what the scores are."""
    if board.layout.caption:
        return board.layout.caption
    suite, count = board.suite, len(averages.counted(board.suite))
    if count == 1:
        return f"{suite.task[0].name}: main score (×100)."
    what = "main scores (×100)"
    if len(averages.types(suite)) > 1 and board.layout.columns != "tasks":
        what = "means of the main scores (×100)"
    return f"{suite.title}: {what} over {count} tasks."


def label(board: Board) -> str:
    """What a document refers to the table by."""
    return board.layout.label or f"tab:{slug(board.suite.name)}"


def slug(name: str) -> str:
    """A name as a label of a document.

    >>> slug("MTEB(eng, v2)")
    'mteb-eng-v2'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "table"


def table_notes(board: Board) -> list[TableNote]:
    """The marks that occur, then how the numbers were made, then what is doubtful."""
    signs = [*_data(board), *_other_revisions(board.rows), *_unlike(board), *_published(board)]
    signs += _better(board)
    return [
        *(signs if board.layout.marks else []),
        *_made(board),
        *(TableNote(line, doubt=True) for line in board.warnings),
    ]


def notes(board: Board) -> list[str]:
    """The same as lines."""
    return [note.line for note in table_notes(board)]


def signatures(board: Board) -> list[str]:
    """A line of model, settings, versions and data for every row."""
    return [f"{row.label}: {row.signature}" for row in board.rows if row.signature]


def _data(board: Board) -> list[TableNote]:
    cells = [cell for row in board.rows for cell in row.cells if cell.score is not None]
    used = {MARKS[cell.data] for cell in cells}
    return [TableNote(meaning, mark) for mark, meaning in LEGEND.items() if mark in used]


def _other_revisions(rows: Sequence[TableRow]) -> list[TableNote]:
    """How many scores of a row are not of its main revision, of which they are instead."""
    found: dict[str, list[str]] = {}
    for row in rows:
        origins = [cell.origin for cell in row.cells if cell.origin is not None]
        others = [origin.revision for origin in origins if not origin.main]
        for revision in dict.fromkeys(others):
            share = f"{others.count(revision)} of {len(origins)} scores of {row.label}"
            found.setdefault(revision_words(revision), []).append(share)
    return [
        TableNote(f"{', '.join(shares)} {words}", OTHER_REVISION) for words, shares in found.items()
    ]


def _unlike(board: Board) -> list[TableNote]:
    return [TableNote(f"{label}: {why}", UNLIKE) for label, why in board.unlike.items()]


def _published(board: Board) -> list[TableNote]:
    """Who published which rows."""
    by_source: dict[str, list[str]] = {}
    for row in board.rows:
        if row.source is not None and row.source.kind == "published":
            name = row.label.removesuffix(f" {PUBLISHED}")
            by_source.setdefault(row.source.said, []).append(name)
    return [
        TableNote(f"published, {said}: {', '.join(labels)}", PUBLISHED)
        for said, labels in by_source.items()
    ]


def _better(board: Board) -> list[TableNote]:
    if not board.better or board.base is None:
        return []
    text = (
        f"significantly better than {board.base.label}: two-sided t test on the difference of the "
        "mean, clustered on sentences, p < .05 by Holm over the rows"
    )
    return [TableNote(text, BETTER)]


def _made(board: Board) -> list[TableNote]:
    said = _runs(board.rows)
    if board.base is not None:
        said.append(f"in parentheses: difference to {board.base.label}")
    said += [*_revisions(board.rows), *_ranked(board), *training_notes(board), *_other_data(board)]
    said += filter(None, [private_line(board.suite)])
    return [TableNote(text) for text in said]


def _runs(rows: Sequence[TableRow]) -> list[str]:
    """What rows of several runs are made of: one line, however many they are."""
    several = [(row.label, [run.label for run in row.runs]) for row in rows if row.runs]
    if len(several) == 1:
        ((label, names),) = several
        return [f"{label}: mean ± standard deviation over {some(names)}"]
    over = "; ".join(_numbered(names) for _, names in several)
    return [f"mean ± standard deviation over runs: {over}"] if several else []


def _numbered(names: list[str]) -> str:
    """Names, those that differ by a number at the end as `seed1, 2, 3`."""
    stem = names[0].rstrip(digits)
    ends = [name.removeprefix(stem) for name in names]
    if stem and all(name.startswith(stem) for name in names) and all(map(str.isdecimal, ends)):
        return f"{stem}{', '.join(ends)}"
    return some(names)


def _revisions(rows: Sequence[TableRow]) -> list[str]:
    """Rows whose main revision is none, in words."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.source is not None and row.source.kind == "public":
            found.setdefault(row.source.revision, []).append(row.label)
    return [
        f"the scores of {', '.join(labels)} {revision_words(revision)}"
        for revision, labels in found.items()
        if revision in NO_COMMIT
    ]


def _ranked(board: Board) -> list[str]:
    """What a rank is, and what it means that ranks overlap."""
    if not board.intervals:
        return []
    how = "two-sided t tests clustered on sentences"
    if board.ranked_by == "tasks":
        how = "paired t tests over tasks, which say nothing of the sentences in them"
    elif board.ranked_over:
        how += f", {board.ranked_over} tasks"
    said = (
        "rank: from 1 + the models significantly better to all − the models significantly worse "
        f"({how}; p < .05 by Holm over all pairs)"
    )
    return [said, *_overlapping([*board.intervals.values()])]


def _overlapping(intervals: Sequence[tuple[int, int]]) -> list[str]:
    known = sorted(intervals)
    if all(one[1] < other[0] for one, other in pairwise(known)):
        return []
    best, worst = max(known, key=lambda each: each[1] - each[0])
    return [
        f"ranks overlap where the test does not settle the order: {best}–{worst} means that "
        f"{_models(best - 1)} significantly better and {_models(len(known) - worst)} significantly "
        "worse, so any of these ranks may be the true one, whatever the order of the scores"
    ]


def _models(count: int) -> str:
    return {0: "no model is", 1: "1 model is"}.get(count, f"{count} models are")


def _other_data(board: Board) -> list[str]:
    """One line on scores over another commit of their data than the suite names."""
    marked = [
        task.header
        for at, task in enumerate(board.suite.task)
        for row in board.rows
        if (origin := row.cells[at].origin) is not None and origin.other_data
    ]
    if not marked:
        return []
    tasks = some(list(dict.fromkeys(marked)))
    return [
        f"{len(marked)} scores by mteb are over another commit of their data than "
        f"{board.suite.signature} names: {tasks}"
    ]
