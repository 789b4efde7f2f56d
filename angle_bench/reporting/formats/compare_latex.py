"""A comparison as a LaTeX table with booktabs."""

from angle_bench.reporting.comparison.compare import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.sentences import method
from angle_bench.reporting.comparison.verdict import signed
from angle_bench.reporting.formats.latex import escape
from angle_bench.reporting.tables.table import ABSENT

_HEAD = r" & $\Delta$ & 95\,\% CI & $p$ & verdict \\"


def table(comparison: ComparisonTable) -> str:
    """Difference, interval, p value and verdict of each candidate; the method as a comment."""
    judged = [row for row in comparison.rows if row.verdict is not None]
    said = [f"% differences in points to {escape(comparison.base.label)}"]
    said += [f"% {method(comparison)}"] if judged else []
    return "\n".join(
        [
            r"\begin{tabular}{lrrrl}",
            r"\toprule",
            _HEAD,
            r"\midrule",
            *(rf"{_line(row)} \\" for row in comparison.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *said,
            "",
        ]
    )


def _line(row: ComparedRow) -> str:
    if row.verdict is None:
        cells = [row.label, ABSENT, ABSENT, ABSENT, "not compared item by item"]
    elif row.verdict.refusal:
        said = signed(row.verdict.estimate.difference)
        cells = [row.label, said, ABSENT, ABSENT, row.verdict.word]
    else:
        low, high = row.verdict.estimate.interval()
        p = row.verdict.p_text.removeprefix("p ").removeprefix("= ")
        difference = signed(row.verdict.estimate.difference)
        cells = [row.label, difference, f"[{signed(low)}, {signed(high)}]", p, row.verdict.word]
    return " & ".join(map(escape, cells))
