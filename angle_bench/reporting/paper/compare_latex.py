"""A comparison as a LaTeX table that can be printed as it is."""

import re
from collections.abc import Iterator, Mapping

from angle_bench.errors import printable
from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.sentences import basis, method
from angle_bench.reporting.comparison.text_report import comparison_notes, mean_of
from angle_bench.reporting.comparison.verdict import (
    DifferenceVerdict,
    p_text,
    points,
    signed,
    with_interval,
)
from angle_bench.reporting.paper.tex_table import TexBlock, TexTable
from angle_bench.reporting.paper.tex_text import comments, escape, mark, number
from angle_bench.reporting.tables.table import ABSENT
from angle_bench.reporting.tables.table_notes import slug

MADE_BY = "% Made by angle-bench compare: "
_HEADS = ("", r"$\Delta$", r"95\,\% CI", "$p$", "verdict")
_SIGNIFICANT = "*"


def table(
    comparison: ComparisonTable,
    by: str | None = None,
    caption: str = "",
    label: str = "",
    command: str = "",
) -> str:
    """Difference, interval, p value and verdict of each candidate, and how they were found.

    Args:
        comparison: What was compared.
        by: `task` or `subset` for the verdicts on these, too.
        caption: Empty says what is compared on what.
        label: What a document refers to it by; empty is made from the suite's name.
        command: That made it.
    """
    blocks = [TexBlock(tuple(_line(row) for row in comparison.rows)), *_by(comparison, by)]
    widths = [max(map(len, column)) for column in zip(*_plain(blocks), strict=True)]
    made = TexTable(
        heads=_HEADS,
        blocks=tuple(blocks),
        align="lrrrl",
        caption=number(caption or _caption(comparison)),
        label=label or f"tab:{slug(comparison.suite.name)}-compared",
        notes=tuple(_notes(comparison, by)),
        width=sum(widths) + 2 * len(widths),
    )
    lacking = [
        f"{name} has no scores of {', '.join(tasks)}" for name, tasks in comparison.missing.items()
    ]
    said = comments([*lacking, *comparison.warnings])
    return made.document([*said, f"{MADE_BY}{printable(command)}"])


def is_ours(text: str) -> bool:
    """Whether a file is one that this made."""
    return re.search(rf"^{MADE_BY}", text, re.MULTILINE) is not None


def _plain(blocks: list[TexBlock]) -> Iterator[tuple[str, ...]]:
    """Rows without what prints nothing, for their width."""
    for block in blocks:
        for row in block.rows:
            yield tuple(re.sub(r"\\[a-z]+|[{}$\\]", "", cell) for cell in row)


def _caption(comparison: ComparisonTable) -> str:
    heads = {mean_of(row) for row in comparison.rows if row.verdict is not None}
    what = heads.pop() if len(heads) == 1 else "tasks"
    return f"{comparison.suite.title}: differences to {comparison.base.label}, {what}."


def _line(row: ComparedRow) -> tuple[str, ...]:
    if row.verdict is not None:
        return _judged(row.label, row.verdict, same=row.pairing.same)
    found = row.pairing.over_tasks
    if found is None:
        return (escape(row.label), *([escape(ABSENT)] * 3), "not compared")
    low, high = found.interval
    interval = number(f"[{signed(low)}, {signed(high)}]")
    said = number(signed(found.difference))
    return (escape(row.label), said, interval, escape(ABSENT), "over tasks alone")


def _judged(label: str, verdict: DifferenceVerdict, *, same: bool = False) -> tuple[str, ...]:
    estimate = verdict.estimate
    if verdict.refusal:
        said = number(with_interval(estimate))
        word = "the same checkpoint" if same else verdict.word
        return (escape(label), said, escape(ABSENT), escape(ABSENT), word)
    low, high = estimate.interval()
    star = mark(_SIGNIFICANT) if verdict.significant else ""
    word = verdict.word
    if word == "not significant":
        word = f"{word} ({points(estimate.resolves())})"  # type: ignore[assignment]
    elif verdict.within and verdict.significant:
        word = f"{word}, by less than {points(verdict.margin)}"  # type: ignore[assignment]
    return (
        escape(label),
        f"{number(signed(estimate.difference))}{star}",
        number(f"[{signed(low)}, {signed(high)}]"),
        escape(p_text(verdict.p).removeprefix("p ").removeprefix("= ")),
        escape(word),
    )


def _named(row: ComparedRow, by: str | None) -> Mapping[str, DifferenceVerdict]:
    return {"task": row.by_task, "subset": row.by_subset}.get(by or "", {})


def _by(comparison: ComparisonTable, by: str | None) -> list[TexBlock]:
    """The tasks or subsets of each candidate, under its label."""
    found = ((row.label, _named(row, by)) for row in comparison.rows)
    return [
        TexBlock(tuple(_judged(name, one) for name, one in named.items()), escape(label))
        for label, named in found
        if named
    ]


def _notes(comparison: ComparisonTable, by: str | None) -> Iterator[tuple[str, str]]:
    judged = [row for row in comparison.rows if row.verdict is not None]
    shown = [row.verdict for row in judged if row.verdict is not None]
    shown += [one for row in judged for one in _named(row, by).values()]
    base = comparison.base.label
    yield "", number(f"Δ: difference to {base} in points (×100); positive is better.")
    if any(one.significant for one in shown):
        over = "over the candidates"
        over += f", within a candidate over its {by}s" if by else ""
        yield _SIGNIFICANT, number(f"p < .05, two-sided, by Holm {over}.")
    if any(one.word == "not significant" for one in shown):
        yield "", "In parentheses: the smallest difference found with 80\\,\\% power, in points."
    if any(row.pairing.over_tasks is not None for row in comparison.rows):
        yield "", "Over tasks alone: no predictions are stored; the interval resamples tasks."
    for line in comparison_notes(comparison, why="", advice=""):
        yield "", number(f"{line}.")
    measured = [row for row in judged if not row.pairing.same]
    for line in dict.fromkeys(basis(row, comparison) for row in measured):
        yield "", number(line)
    if measured:
        yield "", number(method(comparison))
