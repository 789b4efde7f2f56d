"""The pages of a site as HTML: what the templates are given."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from angle_bench.reporting.comparison.changes import changes, groups
from angle_bench.reporting.comparison.comparison_table import ComparisonTable
from angle_bench.reporting.comparison.verdict import signed
from angle_bench.reporting.formats.content_policy import policy
from angle_bench.reporting.site.curves_drawn import drawn_curves
from angle_bench.reporting.site.payload import TRAINED, payload, script_json
from angle_bench.reporting.site.renderer import render
from angle_bench.reporting.site.scatter import scatter_plots
from angle_bench.reporting.site.shown import Exhibit
from angle_bench.reporting.site.table_shown import SiteViews
from angle_bench.reporting.site.trajectories import Trajectory
from angle_bench.reporting.site.variant_grid import variant_grid
from angle_bench.reporting.site.verdicts_shown import by_lines, shown_verdict
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import ABSENT, TableRow
from angle_bench.reporting.tables.table_notes import notes, signatures
from angle_bench.reporting.zero_shot.trained_on import (
    NOT_DECLARED,
    NOT_RECORDED,
    NOTHING_KNOWN,
    share_text,
)

ON_PAGE = 20  # how many changed pairs are shown on a model's page
_DECLARED = {True: "trained on", False: "not trained on", None: NOT_DECLARED}
POLICY = policy("'self' file:", "'self' file:")  # files beside it, from disk or a server


def index_page(shown: Exhibit, views: SiteViews, date: str, folder: str) -> str:
    """The first page.

    Args:
        shown: What it shows.
        views: The same board as cells.
        date: When the site was made, as ISO 8601.
        folder: The folder of the other files, as a link has it.
    """
    board, pages = shown.board, page_names(shown.board)
    labels = [row.label for row in board.rows]
    return render(
        "index.html",
        policy=POLICY,
        board=board,
        date=date,
        folder=folder,
        table=views.table,
        verdicts=[
            (labels.index(found.base.label), shown_verdict(found))
            for found in shown.comparisons.values()
        ],
        base=shown.base.label,
        notes=list(map(without_advice, notes(views.board))),
        signatures=signatures(board),
        missing=[(row.label, _missing(board, row)) for row in board.rows if _missing(board, row)],
        failures=shown.failures,
        pages=pages,
        plots=scatter_plots(board, shown.facts),
        grids=[(name, variant_grid(shown, each)) for name, each in shown.variants.items()],
        curves=[_steps(board, each) for each in shown.trajectories],
        drawing=drawn_curves(shown.trajectories, board.decimals, _limit(shown)),
        pairs=shown.pairs,
        trained=TRAINED,
        data=script_json(payload(shown, pages)),
    )


def model_page(shown: Exhibit, views: SiteViews, row: TableRow, date: str, index: str) -> str:
    """The page of one row.

    Args:
        shown: What the site shows.
        views: The same board as cells.
        row: The row.
        date: When the site was made.
        index: The first page, as a link has it.
    """
    board = shown.board
    base = shown.comparisons.get(shown.base.label)
    facts = shown.facts[row.label]
    return render(
        "model.html",
        policy=POLICY,
        board=board,
        row=row,
        date=date,
        index=index,
        base=shown.base.label,
        facts=[(each.header, text) for each in views.table.facts if (text := each.shown(facts))],
        device=facts.device,
        values=[(header, cell.plain) for header, cell in views.lines[row.label]],
        cells=list(zip(board.suite.task, row.cells, strict=True)),
        training=_training(board, row),
        bases=", ".join((board.trained_on or {}).get(row.label, NOTHING_KNOWN).bases),
        by_task=_by_task(base, row),
        changed=_changed(base, ON_PAGE, row.label),
        failures=[failure for failure in shown.failures if failure.label == row.label],
        commands=[_command(board, words) for words in shown.commands[row.label]],
        unlike=board.unlike.get(row.label, ""),
    )


def _training(board: Board, row: TableRow) -> list[tuple[str, str, str]]:
    """Of each task, what is declared and what was measured; none where it is not known."""
    told = (board.trained_on or {}).get(row.label, NOTHING_KNOWN)
    return [
        (
            task.header,
            _DECLARED[found.declared],
            NOT_RECORDED if found.seen is None else share_text(found.seen),
        )
        for task in board.suite.task
        if (found := told.tasks.get(task.name)) is not None and told.known
    ]


def without_advice(line: str) -> str:
    """A line without a sentence at its end that is an option: readers of a page have only the page.

    >>> without_advice("2 results in a say no model; left out. --model-name a=NAME says it")
    '2 results in a say no model; left out'
    """
    return re.sub(r"\. --[a-z].*$", "", line)


def page_names(board: Board) -> dict[str, str]:
    """The file of every row's page, by its label: a number and what is harmless of the label."""
    names = {}
    for number, row in enumerate(board.rows, 1):
        harmless = re.sub(r"[^a-z0-9]+", "-", row.label.casefold()).strip("-")[:60]
        names[row.label] = f"model-{number}-{harmless or 'row'}.html"
    return names


def _missing(board: Board, row: TableRow) -> list[str]:
    return [
        task.header
        for task, cell in zip(board.suite.task, row.cells, strict=True)
        if cell.score is None
    ]


def _by_task(base: ComparisonTable | None, row: TableRow) -> list[tuple[str, str, str, str]]:
    found = [each for each in base.rows if each.label == row.label] if base else []
    return [line for each in found for line in by_lines(each.by_task)]


def _changed(found: ComparisonTable | None, count: int, label: str) -> list[Any]:
    """A row's pairs that moved most; none where texts are not stored.

    These are tasks other than STS, and results that were passed on with hashes alone.
    """
    rows = [] if found is None else found.rows
    return [
        moved_pairs(row.label, table, count)
        for row in rows
        if label == row.label and not row.pairing.same and (table := changes(row.pairing)).num_rows
    ]


def moved_pairs(label: str, table: pa.Table, count: int) -> dict[str, Any]:
    """Of a table of changes the first pairs, and the means by length, gold score and subset."""
    pairs = table.slice(0, count).to_pylist()
    return {
        "label": label,
        "pairs": [{**pair, "moved": signed(pair["moved"] / 100, 1)} for pair in pairs],
        "groups": [
            (f"{group.by} {group.name}", group.pairs, signed(group.moved / 100))
            for group in groups(table)
        ],
    }


def _limit(shown: Exhibit) -> float | None:
    """The base's score in points, where it is no step of a curve."""
    value = shown.board.value(shown.base, shown.board.headline)
    steps = {label for each in shown.trajectories for label in each.labels}
    if value.score is None or value.partial or shown.base.label in steps:
        return None
    return 100 * value.score


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
