"""A comparison as one HTML file: verdict, forest plot, changes; no scripts, nothing fetched."""

from html import escape

from angle_bench.reporting.comparison.changes import changes, groups
from angle_bench.reporting.comparison.compare import ComparedRow, ComparisonTable
from angle_bench.reporting.comparison.text_report import text
from angle_bench.reporting.comparison.verdict import signed
from angle_bench.reporting.formats.content_policy import hash_of, policy
from angle_bench.reporting.formats.forest_plot import Line, forest

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
pre { background: #f5f5f5; padding: 1em; overflow-x: auto }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left }
td { vertical-align: top } td.number { text-align: right; white-space: nowrap }
"""
_POLICY = policy(style=hash_of(_STYLE))
_COLUMNS = ("moved", "task", "gold", "base_score", "candidate_score", "length", "text1", "text2")


def page(comparison: ComparisonTable, by: str | None = None, shown_changes: int = 0) -> str:
    """The page as HTML."""
    title = f"{comparison.base.label}: {', '.join(row.label for row in comparison.rows)}"
    blocks = [f"<h1>{escape(title)}</h1>", f"<pre>{escape(text(comparison, by))}</pre>"]
    if plot := forest_of(comparison):
        blocks += ["<h2>Difference to the base, 95 % intervals</h2>", plot]
    if shown_changes:
        blocks += [_changes(row, shown_changes) for row in comparison.rows]
    body = "\n".join(block for block in blocks if block)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def forest_of(comparison: ComparisonTable) -> str:
    """The mean and the tasks of every candidate, with the margin as a band."""
    lines = [line for row in comparison.rows for line in _lines(row)]
    return forest(lines, comparison.how.margin) if lines else ""


def _lines(row: ComparedRow) -> list[Line]:
    if row.verdict is None:
        return []
    tasks = [
        Line(f"  {name}", verdict.estimate, strong=False) for name, verdict in row.by_task.items()
    ]
    return [Line(row.label, row.verdict.estimate), *(tasks if len(tasks) > 1 else [])]


def _changes(row: ComparedRow, count: int) -> str:
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
