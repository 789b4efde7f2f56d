"""A sweep from the command line: its cells are trained, and the last command prints their table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from angle_bench.cli.output.values import print_json
from angle_bench.cli.training.trainings import (
    INTERRUPTED,
    TrainingJobs,
    first,
    launched,
    line,
    next_line,
    stopped,
    train_all,
    train_each_launched,
)
from angle_bench.errors import some
from angle_bench.sweeps.sweep_scores import Scoring, scored_table

if TYPE_CHECKING:
    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep
    from angle_bench.sweeps.sweep_table import SweepTable
    from angle_bench.training.loop.trained import Trained


def train_sweep(
    sweep: "Sweep",
    every: "Sequence[PlannedTraining]",
    asked: TrainingJobs,
    scoring: Scoring,
    processes: int,
    as_json: bool,
) -> int:
    """Train this command's part of a sweep; where all parts have ended, print the table.

    Args:
        sweep: The grid.
        every: All of its trainings.
        asked: Those of this command.
        scoring: How the cells are scored.
        processes: How many train each.
        as_json: Whether for scripts.

    Returns:
        The exit code: 1 where a cell failed.
    """
    failed: dict[Path, str] = {}
    if processes > 1 and not launched():
        shards = {each.folder: f"{at}/{len(every)}" for at, each in enumerate(every, 1)}
        done, code = train_each_launched(asked, shards, processes, scoring.device, failed)
        if code:
            return code
    else:
        done = train_all(asked, scoring.quiet or not first(), failed)
    if launched() and (processes > 1 or not first()):  # the command that launched this one goes on
        return INTERRUPTED if stopped(done) and first() else 0
    if not as_json and not stopped(done):
        for each in done:
            typer.echo(line(each))
    table = None if stopped(done) else _table(sweep, every, scoring)
    if as_json:
        print_json(_json(done, failed, table))
    elif table is not None:
        typer.echo("\n" * bool(done) + table.text())
    if stopped(done):
        return INTERRUPTED
    if not scoring.quiet and (said := _next(sweep, every, done, scoring, table)):
        typer.echo(said, err=True)
    return 1 if failed or (table is not None and table.failed) else 0


def _json(
    done: "Sequence[Trained]", failed: dict[Path, str], table: "SweepTable | None"
) -> dict[str, Any]:
    return {
        "trained": [each.to_dict() for each in done],
        "failed": {str(folder): why for folder, why in failed.items()},
        "table": None if table is None else table.as_json(),
    }


def _table(
    sweep: "Sweep", every: "Sequence[PlannedTraining]", scoring: Scoring
) -> "SweepTable | None":
    """The table, once every training of the grid has ended; else a line says why there is none."""
    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.sweeps.state import failure_of, state_of

    if scoring.suite is None:
        _say(scoring, "there is no table of the cells: the recipe has no select.suite")
        return None
    states = {each.name: state_of(each.folder, each.recipe) for each in every}
    if left := [name for name, state in states.items() if state == "open"]:
        ended = len(states) - len(left)
        _say(
            scoring,
            f"{ended:,} of {len(states):,} trainings have ended; the last one's command prints "
            f"the table; left: {some(left)}",
        )
        return None
    failed = {each.name: failure_of(each.folder) for each in every if states[each.name] == "failed"}
    finished = [each for each in every if states[each.name] == "finished"]
    return scored_table(sweep, finished, scoring, failed, watcher(scoring.quiet, scoring.debug))


def _next(
    sweep: "Sweep",
    every: "Sequence[PlannedTraining]",
    done: "Sequence[Trained]",
    scoring: Scoring,
    table: "SweepTable | None",
) -> str:
    """What to type next: the best cell on a test suite, or without a suite all of them."""
    if table is not None:
        if table.best is None:
            return "next: what the errors say, then the same command with --resume"
        name, folders = table.best.side.label, table.best.folders
        recipe = next(cell.recipe for cell in sweep.cells if cell.name == name)
        return next_line(recipe, {"best": folders}, scoring.access.mirror)
    if scoring.suite is not None or not done:
        return ""
    here = {each.folder for each in done}
    sides = {
        f"cell-{number}": [
            each.folder for each in every if each.cell is cell and each.folder in here
        ]
        for number, cell in enumerate(sweep.cells, 1)
    }
    sides = {label: places for label, places in sides.items() if places}
    return next_line(sweep.cells[0].recipe, sides, scoring.access.mirror)


def _say(scoring: Scoring, text: str) -> None:
    if not scoring.quiet:
        typer.echo(text, err=True)
