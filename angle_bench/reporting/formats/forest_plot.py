"""Differences with their intervals as a picture: a forest plot in SVG, without a library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.verdict import points, with_interval
from angle_bench.reporting.statistics.inference import Estimate

_PLOT, _LEFT, _RIGHT, _LINE, _LETTER = 410, 260, 230, 24, 8.2  # in pixels


@dataclass(frozen=True)
class Line:
    """A difference.

    Attributes:
        name: What differs.
        estimate: By how much, as a fraction.
        strong: Whether it is drawn larger than the others.
    """

    name: str
    estimate: Estimate
    strong: bool = True


def forest_of(comparison: ComparisonTable) -> str:
    """The mean and the tasks of every candidate, with the margin as a band; empty for none."""
    lines = [line for row in comparison.rows for line in _lines(row)]
    return forest(lines, comparison.how.margin) if lines else ""


def _lines(row: ComparedRow) -> list[Line]:
    if row.verdict is None:
        return []
    tasks = [
        Line(f"  {name}", verdict.estimate, strong=False) for name, verdict in row.by_task.items()
    ]
    return [Line(row.label, row.verdict.estimate), *(tasks if len(tasks) > 1 else [])]


def forest(lines: Sequence[Line], margin: float) -> str:
    """The plot as an SVG element: a line for each, zero, and the margin as a band.

    Args:
        lines: At least one.
        margin: Within which a difference counts as none, as a fraction.
    """
    lines = [line for line in lines if not math.isnan(line.estimate.difference)]
    ends = [end for line in lines for end in _ends(line.estimate)]
    low, high = min(*ends, -margin), max(*ends, margin)
    scale = _PLOT / (high - low) if high > low else 0.0
    start = max(_LEFT, _LETTER * max(len(line.name) for line in lines))
    width = start + _PLOT + _RIGHT

    def across(value: float) -> float:
        return start + scale * (value - low)

    height = _LINE * (len(lines) + 1)
    drawn = [
        f'<rect x="{across(-margin):.1f}" y="0" width="{2 * margin * scale:.1f}" '
        f'height="{height}" fill="#eef3ee"><title>±{points(margin)}</title></rect>',
        f'<line x1="{across(0):.1f}" x2="{across(0):.1f}" y1="0" y2="{height}" stroke="#888"/>',
    ]
    for at, line in enumerate(lines):
        y = _LINE * (at + 0.75)
        left, right = (across(end) for end in _ends(line.estimate))
        weight = ' font-weight="bold"' if line.strong else ""
        drawn += [
            f'<text x="0" y="{y + 5:.1f}"{weight}>{escape(line.name)}</text>',
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#246"/>',
            f'<circle cx="{across(line.estimate.difference):.1f}" cy="{y:.1f}" '
            f'r="{5 if line.strong else 3}" fill="#246"/>',
            f'<text x="{width - _RIGHT + 12:.0f}" y="{y + 5:.1f}"{weight}>'
            f"{with_interval(line.estimate)}</text>",
        ]
    return (
        f'<svg viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" font-size="14" role="img">'
        f"{''.join(drawn)}</svg>"
    )


def _ends(estimate: Estimate) -> tuple[float, float]:
    """Of its interval; without one, the difference twice."""
    if estimate.refusal:
        return estimate.difference, estimate.difference
    return estimate.interval()


def standalone(plot: str) -> str:
    """A plot as a file of its own, on white, whatever the page around it is."""
    named = plot.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = named.partition(">")
    font = ' font-family="system-ui, sans-serif"'
    return f'{head}{font}><rect width="100%" height="100%" fill="#fff"/>{rest}\n'
