"""A comparison as one HTML file: verdict, forest plot, changes; no scripts, nothing fetched."""

from html import escape

from angle_bench.reporting.changes import changes, groups
from angle_bench.reporting.compare import Comparison, Row
from angle_bench.reporting.compare_text import text
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.reporting.verdict import points, signed, with_interval

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
pre { background: #f5f5f5; padding: 1em; overflow-x: auto }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left }
td { vertical-align: top } td.number { text-align: right; white-space: nowrap }
"""
_COLUMNS = ("moved", "task", "gold", "base_score", "candidate_score", "length", "text1", "text2")
_WIDTH, _LEFT, _RIGHT, _LINE = 900, 260, 230, 24  # of the plot, in pixels


def page(comparison: Comparison, by: str | None = None, shown_changes: int = 0) -> str:
    """The page as HTML."""
    title = f"{comparison.base.label}: {', '.join(row.label for row in comparison.rows)}"
    blocks = [f"<h1>{escape(title)}</h1>", f"<pre>{escape(text(comparison, by))}</pre>"]
    if plot := _forest(comparison):
        blocks += ["<h2>Difference to the base, 95 % intervals</h2>", plot]
    if shown_changes:
        blocks += [_changes(row, shown_changes) for row in comparison.rows]
    body = "\n".join(block for block in blocks if block)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _forest(comparison: Comparison) -> str:
    """The mean and the tasks of every candidate, with the margin as a band."""
    lines = [line for row in comparison.rows for line in _lines(row)]
    if not lines:
        return ""
    margin = comparison.how.margin
    ends = [end for _, estimate, _ in lines for end in estimate.interval()]
    low, high = min(*ends, -margin), max(*ends, margin)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low) if high > low else 0.0

    def across(value: float) -> float:
        return _LEFT + scale * (value - low)

    height = _LINE * (len(lines) + 1)
    drawn = [
        f'<rect x="{across(-margin):.1f}" y="0" width="{2 * margin * scale:.1f}" '
        f'height="{height}" fill="#eef3ee"><title>±{points(margin)}</title></rect>',
        f'<line x1="{across(0):.1f}" x2="{across(0):.1f}" y1="0" y2="{height}" stroke="#888"/>',
    ]
    for at, (name, estimate, strong) in enumerate(lines):
        y = _LINE * (at + 0.75)
        left, right = (across(end) for end in estimate.interval())
        weight = ' font-weight="bold"' if strong else ""
        drawn += [
            f'<text x="0" y="{y + 5:.1f}"{weight}>{escape(name)}</text>',
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#246"/>',
            f'<circle cx="{across(estimate.difference):.1f}" cy="{y:.1f}" '
            f'r="{5 if strong else 3}" fill="#246"/>',
            f'<text x="{_WIDTH - _RIGHT + 12}" y="{y + 5:.1f}"{weight}>'
            f"{with_interval(estimate)}</text>",
        ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" font-size="14" role="img">'
        f"{''.join(drawn)}</svg>"
    )


def _lines(row: Row) -> list[tuple[str, Estimate, bool]]:
    if row.verdict is None:
        return []
    tasks = [(f"  {name}", verdict.estimate, False) for name, verdict in row.by_task.items()]
    return [(row.label, row.verdict.estimate, True), *(tasks if len(tasks) > 1 else [])]


def _changes(row: Row, count: int) -> str:
    table = changes(row.pairing)
    if table.num_rows == 0:
        return ""
    heads = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in _COLUMNS)
    lines = [
        "<tr>" + "".join(_cell(pair[name]) for name in _COLUMNS) + "</tr>"
        for pair in table.slice(0, count).to_pylist()
    ]
    means = [
        f"<tr><td>{group.by} {escape(group.name)}</td>{_cell(group.pairs)}{_cell(group.moved)}</tr>"
        for group in groups(table)
    ]
    return (
        f"<h2>{escape(row.label)}: pairs whose rank error moved most</h2>\n"
        "<p>Rank errors go from 0 to 100; negative is better.</p>\n"
        f"<table><tr><th></th><th>pairs</th><th>mean</th></tr>{''.join(means)}</table>\n"
        f"<table><tr>{heads}</tr>\n" + "\n".join(lines) + "</table>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{signed(value / 100) if value < 0 else f"{value:.2f}"}</td>'
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{escape(str(value))}</td>"
