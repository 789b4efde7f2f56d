"""The pages as HTML: what the templates are given. Jinja2 escapes every name and text."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from angle_bench.errors import printable
from angle_bench.reporting.comparison import sentences, text_report
from angle_bench.reporting.comparison.changes import changes, groups
from angle_bench.reporting.comparison.compare import ComparisonTable
from angle_bench.reporting.comparison.verdict import signed, with_interval
from angle_bench.reporting.formats.content_policy import policy
from angle_bench.reporting.site.payload import payload, script_json
from angle_bench.reporting.site.shown import Exhibit
from angle_bench.reporting.site.trajectories import Trajectory
from angle_bench.reporting.tables.leaderboard import Board, Column
from angle_bench.reporting.tables.table import ABSENT, TableRow
from angle_bench.reporting.tables.table_notes import notes, signatures
from angle_bench.reporting.tables.view import view

ON_INDEX, ON_PAGE = 5, 20  # how many changed pairs are shown
POLICY = policy("'self' file:", "'self' file:")  # files beside it, from disk or a server


def index_page(shown: Exhibit, date: str, folder: str) -> str:
    """The first page.

    Args:
        shown: What it shows.
        date: When the site was made, as ISO 8601.
        folder: The folder of the other files, as a link has it.
    """
    board = shown.board
    base = shown.comparisons.get(shown.base.label)
    return _render(
        "index.html",
        board=board,
        date=date,
        folder=folder,
        table=_table(shown),
        verdicts=[_verdict(board, found) for found in shown.comparisons.values()],
        base=shown.base.label,
        changed=_changed(base, ON_INDEX),
        notes=notes(board),
        signatures=signatures(board),
        missing=[(row.label, _missing(board, row)) for row in board.rows if _missing(board, row)],
        failures=shown.failures,
        pages=page_names(board),
        grids=list(shown.variants),
        curves=[_steps(board, each) for each in shown.trajectories],
        data=script_json(payload(shown)),
    )


def model_page(shown: Exhibit, row: TableRow, date: str, index: str) -> str:
    """The page of one row.

    Args:
        shown: What the site shows.
        row: The row.
        date: When the site was made.
        index: The first page, as a link has it.
    """
    board = shown.board
    base = shown.comparisons.get(shown.base.label)
    return _render(
        "model.html",
        board=board,
        row=row,
        date=date,
        index=index,
        base=shown.base.label,
        values=[
            (column.header, cell.plain)
            for column, cell in zip(board.every, _line(board, row), strict=True)
        ],
        cells=list(zip(board.suite.task, row.cells, strict=True)),
        by_task=_by_task(base, row),
        changed=_changed(base, ON_PAGE, row.label),
        failures=[failure for failure in shown.failures if failure.label == row.label],
        commands=[_command(board, words) for words in shown.commands[row.label]],
        unlike=board.unlike.get(row.label, ""),
    )


def page_names(board: Board) -> dict[str, str]:
    """The file of every row's page, by its label: a number and what is harmless of the label."""
    names = {}
    for number, row in enumerate(board.rows, 1):
        harmless = re.sub(r"[^a-z0-9]+", "-", row.label.casefold()).strip("-")[:60]
        names[row.label] = f"model-{number}-{harmless or 'row'}.html"
    return names


def asset(name: str) -> str:
    """A file of the site that is the same for all: `site.css` or `site.js`."""
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = printable
    return environment.get_template(template).render(values, policy=POLICY)


def _table(shown: Exhibit) -> dict[str, Any]:
    board = shown.board
    columns = [column for column in board.columns if column.kind != "task"]
    tasks = [column for column in board.columns if column.kind == "task"]
    if not columns:  # one task is its own mean
        columns, tasks = tasks, []
    left, right = (view(_without_base(board), each) for each in (columns, tasks))
    pages = page_names(board)
    rows = [
        {
            "label": row.label,
            "page": pages[row.label],
            "mark": label.marks,
            "coverage": board.coverage(row),
            "scored": sum(score is not None for score in row.scores),
            "kind": row.source.kind if row.source else "own",
            "left": list(zip(cells, _numbers(board, row, columns), strict=True)),
            "right": list(zip(others, _numbers(board, row, tasks), strict=True)),
        }
        for row, (label, *cells), (_, *others) in zip(
            board.rows, left.lines, right.lines, strict=True
        )
    ]
    return {"left": columns, "right": tasks, "rows": rows}


def _without_base(board: Board) -> Board:
    """Differences stand in a column of their own, so no cell repeats them."""
    return replace(board, base=None)


def _numbers(board: Board, row: TableRow, columns: Sequence[Column]) -> list[float | None]:
    """What rows are sorted by; nothing for what cannot be compared."""
    values = [board.value(row, column) for column in columns]
    return [None if value.partial else value.score for value in values]


def _line(board: Board, row: TableRow) -> list[Any]:
    at = [each.label for each in board.rows].index(row.label)
    return list(view(_without_base(board), board.every).lines[at][1:])


def _missing(board: Board, row: TableRow) -> list[str]:
    return [
        task.header
        for task, cell in zip(board.suite.task, row.cells, strict=True)
        if cell.score is None
    ]


def _verdict(board: Board, found: ComparisonTable) -> dict[str, Any]:
    judged = [(row, row.verdict) for row in found.rows if row.verdict is not None]
    return {
        "base": found.base.label,
        "number": [row.label for row in board.rows].index(found.base.label),
        "sentences": sentences.sentences(found).splitlines(),
        "notes": text_report.comparison_notes(found, why=""),
        "rows": [
            {
                "label": row.label,
                "difference": with_interval(verdict.estimate),
                "p": verdict.p_text,
                "mean": text_report.mean_of(row),
                "said": text_report.judgement(row, verdict, single=True),
            }
            for row, verdict in judged
        ],
    }


def _by_task(base: ComparisonTable | None, row: TableRow) -> list[tuple[str, str, str, str]]:
    found = [each for each in base.rows if each.label == row.label] if base else []
    return [
        (name, with_interval(verdict.estimate), verdict.p_text, verdict.text())
        for each in found
        for name, verdict in each.by_task.items()
    ]


def _changed(found: ComparisonTable | None, count: int, label: str | None = None) -> list[Any]:
    """The pairs that moved most, of every row or of one; rows whose texts are not stored have none.

    These are rows of other tasks than STS, and results that were passed on with hashes alone.
    """
    rows = [] if found is None else found.rows
    return [
        _moved(row.label, table, count)
        for row in rows
        if label in (None, row.label)
        and not row.pairing.same
        and (table := changes(row.pairing)).num_rows
    ]


def _moved(label: str, table: pa.Table, count: int) -> dict[str, Any]:
    pairs = table.slice(0, count).to_pylist()
    return {
        "label": label,
        "pairs": [{**pair, "moved": signed(pair["moved"] / 100, 1)} for pair in pairs],
        "groups": [
            (f"{group.by} {group.name}", group.pairs, signed(group.moved / 100))
            for group in groups(table)
        ],
    }


def _steps(board: Board, shown: Trajectory) -> dict[str, Any]:
    """The steps of a training as lines of a table."""
    curve = shown.curve
    lines = []
    for label, point in zip(shown.labels, curve.points, strict=True):
        score = ABSENT if point.score is None else f"{100 * point.score:.{board.decimals}f}"
        lines.append((point.step, label, score, point is curve.best))
    return {"training": curve.label, "what": curve.what, "lines": lines}


def _command(board: Board, words: Sequence[str]) -> str:
    suites = board.suite.name.replace("+", ",")  # the name of several, as they were typed
    return shlex.join(["angle-bench", "run", *words, "-t", suites])
