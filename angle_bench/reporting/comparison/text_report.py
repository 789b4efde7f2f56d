"""A comparison as plain text: notes, a table of candidates, and what it means in sentences."""

import math
from collections.abc import Mapping

from angle_bench.reporting.comparison.changes import changes, groups
from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.seen import FEWEST_SEEN, Seen
from angle_bench.reporting.comparison.sentences import counts, sentences
from angle_bench.reporting.comparison.verdict import DifferenceVerdict, signed, with_interval
from angle_bench.reporting.tables.aligned import aligned
from angle_bench.reporting.tables.table import ABSENT

_CUT = 60  # characters of a text in the list of changes


def text(comparison: ComparisonTable, by: str | None = None, shown_changes: int = 0) -> str:
    """Everything there is to say.

    Args:
        comparison: What was compared.
        by: `task` or `subset` for a table of these.
        shown_changes: How many of the pairs that moved most are listed for each candidate.
    """
    notes = [f"! {line}" for line in comparison_notes(comparison)]
    blocks = ["\n".join(notes), _table(comparison)]
    for row in comparison.rows:
        if comparison.how.seen:
            blocks.append(_seen_block(row))
        if by is not None and row.verdict is not None:
            blocks.append(_by(row, by))
        if shown_changes and row.verdict is not None:
            blocks.append(_changes_block(row, shown_changes))
    blocks += [_over_tasks(comparison), sentences(comparison)]
    return "\n".join(block for block in blocks if block)


def comparison_notes(
    comparison: ComparisonTable,
    why: str = "; shown because of --allow-different",
    advice: str = "; --seen reports seen and unseen pairs separately",
) -> list[str]:
    """What to know before the numbers, a line each.

    Args:
        comparison: What was compared.
        why: What follows settings that differ.
        advice: What follows pairs that training saw.
    """
    base = comparison.base.label
    lines = [
        f"{side.label}: checkpoint selected on {', '.join(side.selected_on_test)}"
        for side in (comparison.base, *(row.pairing.side for row in comparison.rows))
        if side.selected_on_test
    ]
    for row in comparison.rows:
        pairing = row.pairing
        if pairing.same:
            lines.append(f"{row.label}: the same checkpoint under the same settings as {base}")
        if pairing.differing:
            used = "; ".join(pairing.differing)
            shown = why if pairing.items is not None else ""
            lines.append(f"{row.label}: {used}{shown}")
        if pairing.left_out:
            reasons = [f"{task} ({reason})" for task, reason in pairing.left_out.items()]
            lines.append(f"{row.label}: not compared: {', '.join(reasons)}")
        if row.seen is not None and not comparison.how.seen:
            lines.append(
                f"{row.label}: {row.seen.count:,} of these pairs are in the training data of "
                f"{row.seen.whose}{advice}"
            )
        if row.full is not None and row.full.over == "sentences, pairs twice":
            lines.append(
                f"{row.label}: a variance over shared sentences came out negative; an upper bound, "
                "which counts each pair under both sentences, was used instead"
            )
    return lines


def _table(comparison: ComparisonTable) -> str:
    judged = [(row, row.verdict) for row in comparison.rows if row.verdict is not None]
    if not judged:
        return ""
    heads = {mean_of(row) for row, _ in judged}
    lines = [
        [
            row.label,
            with_interval(verdict.estimate),
            verdict.p_text,
            judgement(row, verdict, single=len(heads) == 1),
        ]
        for row, verdict in judged
    ]
    header = ["", heads.pop() if len(heads) == 1 else "difference", "", "verdict"]
    return aligned(header, lines)


def mean_of(row: ComparedRow) -> str:
    """What the number is the mean of."""
    pairing = row.pairing
    count = row.judged_tasks
    asked = len(pairing.tasks) + len(pairing.left_out)
    asked += len({task for tasks in pairing.missing.values() for task in tasks})
    if count == asked == 1:
        what = pairing.tasks[0].header
    else:
        what = f"mean of {count}" + (f" of {asked}" if count < asked else "")
    return f"{what}, unseen pairs" if row.headline_unseen else what


def judgement(row: ComparedRow, verdict: DifferenceVerdict, *, single: bool) -> str:
    """The verdict with its tasks; not `single`: with what it is the mean of."""
    said = "the same checkpoint" if row.pairing.same else verdict.text()
    if not single:
        said += f" ({mean_of(row)})"
    if verdict.significant and len(row.by_task) > 1:
        said += f" ({counts(row, zeros=False)})"
    return said


def _by(row: ComparedRow, by: str) -> str:
    """A table of tasks or subsets; p values are adjusted within the candidate."""
    verdicts: Mapping[str, DifferenceVerdict] = row.by_task if by == "task" else row.by_subset
    lines = [
        [name, with_interval(verdict.estimate), verdict.p_text, verdict.text()]
        for name, verdict in verdicts.items()
    ]
    return aligned([f"{row.label} by {by}", "", "", f"Holm over {len(lines)} {by}s"], lines)


def _seen_block(row: ComparedRow) -> str:
    if row.seen is None:
        return (
            f"{row.label}: neither it nor the base has a record of training data that holds any "
            "of these pairs"
        )
    lines = [
        [
            task.name,
            f"{task.seen:,} of {task.items:,} ({100 * task.seen / task.items:.0f} %)",
            _or_absent(task.on_seen, task.seen),
            _or_absent(task.on_unseen, task.items - task.seen),
        ]
        for task in row.seen.tasks
    ]
    theirs = f"pairs in the training data of {row.seen.whose}"
    table = aligned([row.label, theirs, "Δ seen", "Δ unseen"], lines)
    return "\n".join([table, *_unseen_lines(row, row.seen)])


def _or_absent(difference: float, pairs: int) -> str:
    if math.isfinite(difference):
        return signed(difference, 1)
    return f"fewer than {FEWEST_SEEN}" if 0 < pairs < FEWEST_SEEN else ABSENT


def _unseen_lines(row: ComparedRow, seen: Seen) -> list[str]:
    lines = []
    if row.headline_unseen and row.verdict is not None and row.full is not None:
        lines.append(
            f"{mean_of(row)} only: {with_interval(row.verdict.estimate)}  {row.verdict.word}"
        )
        lines.append(f"all pairs, seen ones included: {with_interval(row.full.estimate)}")
    if seen.concentrated:
        lines.append("Gains are concentrated on pairs seen in training.")
    return lines


def _changes_block(row: ComparedRow, count: int) -> str:
    table = changes(row.pairing)
    if table.num_rows == 0:
        return f"{row.label}: no pairs of an STS task with their texts to list"
    lines = [
        [
            signed(pair["moved"] / 100, 1),
            pair["task"],
            f"{pair['gold']:.1f}",
            f"{pair['base_score']:.2f} → {pair['candidate_score']:.2f}",
            str(pair["length"]),
            f"{_cut(pair['text1'])} | {_cut(pair['text2'])}",
        ]
        for pair in table.slice(0, count).to_pylist()
    ]
    header = [f"{row.label}: rank error", "task", "gold", "cosine", "length", "pair"]
    means = [f"{each.by} {each.name} {signed(each.moved / 100)}" for each in groups(table)]
    summary = f"mean change of rank error (0 to 100, negative is better): {', '.join(means)}"
    return f"{aligned(header, lines)}\n{summary}"


def _cut(words: str) -> str:
    return words if len(words) <= _CUT else f"{words[: _CUT - 1]}…"


def _over_tasks(comparison: ComparisonTable) -> str:
    """Models without predictions, never in the column of the others."""
    lines = []
    for row in comparison.rows:
        found = row.pairing.over_tasks
        if found is not None:
            low, high = found.interval
            lines.append(
                [
                    row.label,
                    f"{signed(found.difference)} [{signed(low)}, {signed(high)}]",
                    f"{100 * found.agree:.0f} % of resampled task lists agree",
                ]
            )
    if not lines:
        return ""
    return aligned(
        ["", "over tasks", "no predictions: would another choice of tasks agree?"], lines
    )
