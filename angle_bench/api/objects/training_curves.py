"""The curves of trainings whose saved steps were scored by `angle-bench run --checkpoints`."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from angle_bench.checkpoints.folder.saved_steps import SavedTraining
    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.reporting.tables.curve import Curve
    from angle_bench.reporting.tables.table import Table


def curves(
    trainings: "Sequence[SavedTraining]", outcomes: "Sequence[ModelOutcome]", table: "Table"
) -> "Iterator[Curve]":
    """A curve for each training that has two steps or more in a table.

    Args:
        trainings: Those that were typed.
        outcomes: What the rows of the table are of.
        table: Over one suite.
    """
    from angle_bench.reporting.tables.curve import Curve, Point

    tasks = table.suite.task
    what = tasks[0].header if len(tasks) == 1 else table.average_header
    scores = {
        outcome.spec.folder: table.average(row)
        for outcome, row in zip(outcomes, table.rows, strict=True)
    }
    for training in trainings:
        points = [
            Point(each.step, scores[each.place], each.loss)
            for each in training.saved
            if each.place in scores
        ]
        if len(points) > 1:
            yield Curve(training.label, what, points)


def step_json(trainings: "Sequence[SavedTraining]", outcome: "ModelOutcome") -> dict[str, Any]:
    """Training, step and loss of a model; all null where it is no step of any."""
    for training in trainings:
        for each in training.saved:
            if each.place == outcome.spec.folder:
                loss = each.loss if each.loss is not None and isfinite(each.loss) else None
                return {"training": str(training.folder), "step": each.step, "loss": loss}
    return {"training": None, "step": None, "loss": None}
