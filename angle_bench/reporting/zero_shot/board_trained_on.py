"""A leaderboard with what its models were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import TableRow
from angle_bench.reporting.zero_shot.declared_by_name import declaration
from angle_bench.reporting.zero_shot.seen_by_text import SeenItems
from angle_bench.reporting.zero_shot.trained_on import TaskTraining, TrainedOn
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.training_texts import TrainingTexts, recorded_texts
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.task import Suite


@dataclass(frozen=True)
class Stored:
    """What is stored of a row.

    Attributes:
        models: What it was read from; none of a published row.
        training: The records of their training texts, of those that have one.
    """

    models: Sequence[StoredModel] = ()
    training: Sequence[TrainingTexts] = ()


def stored_of(rows: Sequence[TableRow], warnings: list[str]) -> dict[str, Stored]:
    """What is stored of rows, by label.

    Args:
        rows: Under labels that differ.
        warnings: Takes a line for each record that cannot be read, which is left out.
    """
    models = {row.label: [StoredModel.of(model) for model in row.models] for row in rows}
    return {label: Stored(each, recorded_texts(each, warnings)) for label, each in models.items()}


def with_trained_on(board: Board, stored: Mapping[str, Stored] | None = None) -> Board:
    """The leaderboard with both kinds of facts for every row.

    Args:
        board: The leaderboard.
        stored: What is stored of its rows, where that is known.
    """
    warnings: list[str] = []
    known = stored_of(board.rows, warnings) if stored is None else stored
    items = SeenItems(warnings)
    found = {
        row.label: _of_row(row, board.suite, known.get(row.label, Stored()), items)
        for row in board.rows
    }
    said = tuple(dict.fromkeys([*board.warnings, *warnings]))
    return replace(board, trained_on=found, warnings=said)


def _of_row(row: TableRow, suite: Suite, stored: Stored, items: SeenItems) -> TrainedOn:
    declared = declaration(row, stored.models)
    cells = (row.runs[0] if row.runs else row).cells  # which have the same items
    told = {}
    for task, cell in zip(suite.task, cells, strict=True):
        by_name = None
        if declared.tasks is not None and not task.path and task.name in catalogue()["tasks"]:
            by_name = task.name in declared.tasks
        told[task.name] = TaskTraining(by_name, items.share(task, cell, stored.training))
    return TrainedOn(told, declared.bases)
