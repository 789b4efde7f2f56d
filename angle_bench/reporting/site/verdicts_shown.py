"""What pages show of a comparison: sentences, a forest plot as a table, tasks, what was seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from angle_bench.reporting.comparison import sentences, text_report
from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.seen import FEWEST_SEEN, SeenTask
from angle_bench.reporting.comparison.verdict import (
    WORDS,
    DifferenceVerdict,
    points,
    signed,
    with_interval,
)
from angle_bench.reporting.site.axes import Axis
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.tables.table import ABSENT

MOST_SENTENCES = 4  # of more candidates the sentences are folded behind one that counts them


@dataclass(frozen=True)
class Strip:
    """A difference with its interval, drawn along an axis, in percent."""

    at: float
    low: float
    high: float
    word: str


@dataclass(frozen=True)
class ForestRow:
    """A line of the forest plot.

    Attributes:
        label: The candidate.
        of: What the difference is the mean of.
        difference: With its interval, in points.
        p: The p value in words.
        word: The verdict.
        said: The same as a reader sees it.
        strip: None where there is no difference to draw.
        tasks: The same of each task, in the order of the forest's tasks; None where there is none.
    """

    label: str
    of: str
    difference: str
    p: str
    word: str
    said: str
    strip: Strip | None
    tasks: tuple["ForestCell | None", ...] = ()


@dataclass(frozen=True)
class ForestCell:
    """A task of a candidate: the difference, the same with its interval and verdict, the strip."""

    difference: str
    said: str
    strip: Strip | None


@dataclass(frozen=True)
class ShownVerdict:
    """A comparison as a page shows it.

    Attributes:
        base: The base's label.
        lead: One sentence that counts the verdicts.
        sentences: One for each candidate, significant ones first.
        basis: What the verdicts are about, and how they were reached.
        notes: What to know before the numbers.
        rows: The forest plot; empty where nothing was compared item by item.
        tasks: Headers of the tasks that candidates were compared on; empty for one task.
        axis: Of the means, with the margin around 0.
        task_axis: Of the tasks.
        margin: In points.
        over_tasks: Candidates without predictions: label, difference, share of task lists.
        seen: Of each candidate, what training saw.
    """

    base: str
    lead: str
    sentences: tuple[str, ...]
    basis: tuple[str, ...]
    notes: tuple[str, ...]
    rows: tuple[ForestRow, ...]
    tasks: tuple[str, ...]
    axis: Axis
    task_axis: Axis
    margin: float
    over_tasks: tuple[tuple[str, str, str], ...] = ()
    seen: tuple["ShownSeen", ...] = ()

    @property
    def folded(self) -> bool:
        """Whether the sentences are too many to stand on the first screen."""
        return len(self.sentences) > MOST_SENTENCES

    @property
    def margin_text(self) -> str:
        """The margin with two decimals."""
        return f"{self.margin:.2f}"


@dataclass(frozen=True)
class ShownSeen:
    """What training saw of a candidate's pairs: a line a task, and what follows from it."""

    label: str
    whose: str
    tasks: tuple[tuple[str, str, str, str], ...]
    lines: tuple[str, ...]


def shown_verdict(found: ComparisonTable) -> ShownVerdict:
    """A comparison as values for templates."""
    judged = [(row, row.verdict) for row in found.rows if row.verdict is not None]
    lines = sentences.sentences(found).splitlines()
    tasks = _tasks([row for row, _ in judged])
    margin = 100 * found.how.margin
    by_task = [each for row, _ in judged for each in row.by_task.values()]
    axis = _axis([verdict for _, verdict in judged], margin)
    task_axis = _axis(by_task, margin)
    return ShownVerdict(
        base=found.base.label,
        lead=_lead([verdict for _, verdict in judged], found),
        sentences=tuple(lines[: len(judged)]),
        basis=tuple(lines[len(judged) :]),
        notes=tuple(text_report.comparison_notes(found, why="", advice="")),
        rows=tuple(_row(row, verdict, tasks, axis, task_axis) for row, verdict in judged),
        tasks=tasks,
        axis=axis,
        task_axis=task_axis,
        margin=margin,
        over_tasks=tuple(_over_tasks(row) for row in found.rows if row.pairing.over_tasks),
        seen=tuple(_seen(row) for row in found.rows if row.seen and found.how.seen),
    )


def by_lines(
    verdicts: Mapping[str, DifferenceVerdict],
) -> list[tuple[str, str, str, str]]:
    """Name, difference, p and verdict of tasks or subsets."""
    return [
        (name, with_interval(verdict.estimate), verdict.p_text, verdict.text())
        for name, verdict in verdicts.items()
    ]


def _lead(verdicts: Sequence[DifferenceVerdict], found: ComparisonTable) -> str:
    """How many candidates have which verdict."""
    base = found.base.label
    if not verdicts:
        return ""
    said = {
        "better": f"better than {base}",
        "worse": f"worse than {base}",
        "equivalent": f"equivalent to it within ±{points(found.how.margin)}",
        "not significant": "not significantly different",
        "no verdict": "without a verdict",
    }
    counts = [(sum(each.word == word for each in verdicts), said[word]) for word in WORDS]
    parts = [f"{count} {what}" for count, what in counts if count]
    models = "model" if len(verdicts) == 1 else "models"
    return f"{len(verdicts)} {models} beside {base}: {', '.join(parts)}."


def _tasks(rows: Sequence[ComparedRow]) -> tuple[str, ...]:
    names = dict.fromkeys(name for row in rows for name in row.by_task)
    return tuple(names) if len(names) > 1 else ()


def _axis(verdicts: Sequence[DifferenceVerdict], margin: float) -> Axis:
    ends = [end for each in verdicts for end in _ends(each.estimate) if math.isfinite(end)]
    return Axis.over([0.0, -margin, margin, *ends])


def _row(
    row: ComparedRow,
    verdict: DifferenceVerdict,
    tasks: Sequence[str],
    axis: Axis,
    task_axis: Axis,
) -> ForestRow:
    return ForestRow(
        row.label,
        text_report.mean_of(row),
        with_interval(verdict.estimate),
        verdict.p_text,
        verdict.word,
        "the same checkpoint" if row.pairing.same else _short(verdict),
        _strip(verdict, axis),
        tuple(_cell(name, row.by_task.get(name), task_axis) for name in tasks),
    )


def _short(verdict: DifferenceVerdict) -> str:
    """The verdict in a few words; a sentence above has the rest."""
    if verdict.word == "equivalent":
        return f"equivalent within ±{points(verdict.margin)}"
    if verdict.significant and verdict.within:
        return f"{verdict.word}, by less than {points(verdict.margin)}"
    return verdict.word


def _cell(name: str, verdict: DifferenceVerdict | None, axis: Axis) -> ForestCell | None:
    if verdict is None:
        return None
    difference = verdict.estimate.difference
    return ForestCell(
        ABSENT if math.isnan(difference) else signed(difference),
        f"{name}: {with_interval(verdict.estimate)}, {verdict.text()}",
        _strip(verdict, axis),
    )


def _strip(verdict: DifferenceVerdict, axis: Axis) -> Strip | None:
    difference = 100 * verdict.estimate.difference
    if math.isnan(difference):
        return None
    low, high = _ends(verdict.estimate)
    return Strip(axis.at(difference), axis.at(low), axis.at(high), verdict.word)


def _ends(estimate: Estimate) -> tuple[float, float]:
    """Of the interval, in points; without one, the difference twice."""
    if estimate.refusal:
        return 100 * estimate.difference, 100 * estimate.difference
    low, high = estimate.interval()
    return 100 * low, 100 * high


def _over_tasks(row: ComparedRow) -> tuple[str, str, str]:
    found = row.pairing.over_tasks
    assert found is not None
    low, high = found.interval
    said = f"{signed(found.difference)} [{signed(low)}, {signed(high)}]"
    return row.label, said, f"{100 * found.agree:.0f} %"


def _seen(row: ComparedRow) -> ShownSeen:
    assert row.seen is not None
    lines = []
    if row.headline_unseen and row.verdict is not None and row.full is not None:
        unseen, whole = with_interval(row.verdict.estimate), with_interval(row.full.estimate)
        lines = [f"unseen pairs only: {unseen}; all pairs, seen ones included: {whole}"]
    if row.seen.concentrated:
        lines.append("Gains are concentrated on pairs seen in training.")
    tasks = tuple(_seen_task(task) for task in row.seen.tasks)
    return ShownSeen(row.label, row.seen.whose, tasks, tuple(lines))


def _seen_task(task: SeenTask) -> tuple[str, str, str, str]:
    share = f"{task.seen:,} of {task.items:,} ({100 * task.seen / task.items:.0f} %)"
    few = f"fewer than {FEWEST_SEEN}" if 0 < task.seen < FEWEST_SEEN else ABSENT
    on_seen = signed(task.on_seen, 1) if math.isfinite(task.on_seen) else few
    on_unseen = signed(task.on_unseen, 1) if math.isfinite(task.on_unseen) else ABSENT
    return task.name, share, on_seen, on_unseen
