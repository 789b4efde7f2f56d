"""The cells of a sweep beside the checkpoint that they started from: one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from angle_bench.reporting.comparison.common_items import TextNumbers
from angle_bench.reporting.comparison.compare import compare, read_sides, verdicts
from angle_bench.reporting.comparison.comparison_table import How
from angle_bench.reporting.comparison.pairing import Read, Side
from angle_bench.reporting.comparison.ranking import over_some, ranks
from angle_bench.reporting.comparison.text_report import comparison_notes
from angle_bench.reporting.comparison.verdict import DifferenceVerdict, points, with_interval
from angle_bench.reporting.formats.compare_json import verdict_json
from angle_bench.reporting.statistics.difference import Difference
from angle_bench.reporting.tables.aligned import aligned
from angle_bench.reporting.tables.table import ABSENT, Table
from angle_bench.suites import averages
from angle_bench.suites.task import Suite

HOW = How(allow_different=True)  # settings that differ are what was swept; notes name them
_CUT = 24  # characters of a setting


@dataclass(frozen=True)
class SweepEntry:
    """A cell, or a checkpoint that cells started from.

    Attributes:
        side: Its checkpoints, one for each seed.
        settings: What it has of the swept settings, by dotted key.
        start: The label of what a cell started from; None of a start.
        folders: Where its checkpoints are; none of a start.
    """

    side: Side
    settings: Mapping[str, Any]
    start: str | None = None
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class SweptRow:
    """One line of the table.

    Attributes:
        entry: What it is about.
        score: The suite's average as a fraction, of several seeds their mean; None where a task
            has no score.
        spread: The standard deviation over seeds; None of one.
        verdict: On the difference to the start, adjusted over all cells; None of a start, and
            without per-item predictions.
        rank: The best and the worst rank among the cells; None likewise.
    """

    entry: SweepEntry
    score: float | None
    spread: float | None
    verdict: DifferenceVerdict | None
    rank: tuple[int, int] | None


@dataclass(frozen=True)
class SweepTable:
    """Cells and their starts, the best score first.

    Attributes:
        suite: What they were scored on.
        keys: The swept settings.
        rows: The cells, and what they started from.
        failed: Why others have no row, by name.
        notes: What to know of the numbers, a line each.
    """

    suite: Suite
    keys: tuple[str, ...]
    rows: tuple[SweptRow, ...]
    failed: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def best(self) -> SweepEntry | None:
        """The cell of the best score."""
        cells = [row.entry for row in self.rows if row.entry.start is not None]
        return cells[0] if cells else None

    def text(self) -> str:
        """The table, and what stands under it."""
        headers = ["rank", *_short(self.keys), self._score_header, "to the start", "", "verdict"]
        align = ["left", *(["right"] * (len(self.keys) + 1)), "left", "left", "left"]
        rows = [self._line(row) for row in self.rows]
        lines = aligned(headers, rows, align).splitlines() if rows else []
        lines += [f"failed: {name}: {why}" for name, why in self.failed.items()]
        return "\n".join([*lines, *self.notes])

    def as_json(self) -> dict[str, Any]:
        """The same for scripts; scores as fractions, differences ×100."""
        return {
            "suite": self.suite.signature,
            "settings": list(self.keys),
            "margin": 100 * HOW.margin,
            "rows": [_row_json(row) for row in self.rows],
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }

    @property
    def _score_header(self) -> str:
        if len(self.suite.task) == 1:
            return self.suite.name
        return f"{self.suite.name}, {Table(self.suite, ()).average_header}"

    def _line(self, row: SweptRow) -> list[str]:
        settings = [_shown(row.entry.settings.get(key)) for key in self.keys]
        score = ABSENT if row.score is None else points(row.score)
        if row.spread is not None:
            score += f" ± {points(row.spread)}"
        if row.entry.start is None:
            return ["start", *settings, score, "", "", ""]
        rank = ABSENT if row.rank is None else "–".join(map(str, dict.fromkeys(row.rank)))
        if row.verdict is None:
            return [rank, *settings, score, ABSENT, "", "no per-item predictions to compare"]
        verdict = row.verdict
        difference = [with_interval(verdict.estimate), verdict.p_text, verdict.text()]
        return [rank, *settings, score, *difference]


def sweep_table(
    keys: Sequence[str],
    starts: Sequence[SweepEntry],
    cells: Sequence[SweepEntry],
    suite: Suite,
    failed: Mapping[str, str],
) -> SweepTable:
    """Compare every cell with what it started from, and the cells with one another.

    The verdicts are adjusted over all cells (Holm), the ranks over all pairs of cells.

    Args:
        keys: The dotted keys of the swept settings.
        starts: The checkpoints that cells started from.
        cells: The cells, under labels of their own.
        suite: What all of them were scored on.
        failed: Why other cells have no scores, by name.

    Raises:
        ResultsError: Two were scored on other items of the same data.
    """
    warnings: list[str] = []
    read = read_sides([entry.side for entry in (*starts, *cells)], suite, warnings)
    judged, notes = _judged(starts, cells, suite, read)
    ranking = ranks([cell.side for cell in cells], suite, read)
    rows = [_row(each, suite, read, judged, ranking.intervals) for each in (*cells, *starts)]
    rows.sort(key=lambda row: -1.0 if row.score is None else row.score, reverse=True)
    said = [f"! {line}" for line in dict.fromkeys([*notes, *over_some(suite, ranking), *warnings])]
    said += _method(cells, suite, judged) if cells else []
    return SweepTable(suite, tuple(keys), tuple(rows), dict(failed), tuple(said))


def _judged(
    starts: Sequence[SweepEntry], cells: Sequence[SweepEntry], suite: Suite, read: Read
) -> tuple[dict[str, DifferenceVerdict], list[str]]:
    """The verdict on each cell by its label, adjusted over all of them, and notes on the numbers.

    A side holds no record of training texts here: the pairs of this suite are in every record,
    since they chose the checkpoint.
    """
    numbers, notes = TextNumbers(), []
    found: dict[str, Difference] = {}
    for start in starts:
        own = [cell.side for cell in cells if cell.start == start.side.label]
        fixed = replace(start.side, fixed=True)  # cells are draws, what they start from is none
        comparison = compare(fixed, own, suite, HOW, read, numbers)
        notes += comparison_notes(comparison, why="")
        found |= {row.label: row.full for row in comparison.rows if row.full is not None}
    adjusted = verdicts(list(found.values()), HOW.margin)
    return dict(zip(found, adjusted, strict=True)), notes


def _row(
    entry: SweepEntry,
    suite: Suite,
    read: Read,
    judged: Mapping[str, DifferenceVerdict],
    intervals: Mapping[str, tuple[int, int]],
) -> SweptRow:
    scores = [_average(name, suite, read) for name in entry.side.named()]
    known = [score for score in scores if score is not None]
    whole = len(known) == len(scores)
    label = entry.side.label
    return SweptRow(
        entry,
        fmean(known) if whole else None,
        stdev(known) if whole and len(known) > 1 else None,
        judged.get(label) if entry.start is not None else None,
        intervals.get(label) if entry.start is not None else None,
    )


def _average(name: str, suite: Suite, read: Read) -> float | None:
    answers = read[name].answers
    scores = [answers[task.name].score if task.name in answers else None for task in suite.task]
    return averages.overall(suite, scores)


def _method(
    cells: Sequence[SweepEntry], suite: Suite, judged: Mapping[str, DifferenceVerdict]
) -> list[str]:
    seeds = max(len(cell.side.models) for cell in cells)
    of_what = (
        "one training seed a cell: this is about these checkpoints, not their settings"
        if seeds == 1
        else f"{seeds} training seeds a cell"
    )
    return [
        f"to the start: 95 % interval, clustered on sentences, Holm over {len(judged)} cells; "
        f"{of_what}",
        f"{suite.name} chose these checkpoints, and would choose the cell: the best of "
        f"{len(cells)} looks better than it is. A test suite decides.",
    ]


def _short(keys: Sequence[str]) -> list[str]:
    """The last word of a key, or all of it where others end so."""
    last = [key.rpartition(".")[2] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    text = ", ".join(map(_shown, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _CUT else f"{text[: _CUT - 1]}…"


def _row_json(row: SweptRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "label": entry.side.label,
        "settings": dict(entry.settings),
        "start": entry.start,
        "folders": list(entry.folders),
        "seeds": len(entry.side.models),
        "score": row.score,
        "standard_deviation": row.spread,
        "rank": None if row.rank is None else list(row.rank),
        "to_start": None if row.verdict is None else verdict_json(row.verdict),
    }
