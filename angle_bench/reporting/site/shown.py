"""Everything the pages show: leaderboard, comparisons, failures, variants, curves, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from angle_bench.reporting.comparison.common_items import TextNumbers
from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import ComparisonTable
from angle_bench.reporting.comparison.leaderboard_ranks import HOW, sides_of, with_ranks
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.site.facts import ModelFacts, model_facts
from angle_bench.reporting.site.pairs_shown import StoredPairs, stored_pairs
from angle_bench.reporting.site.trajectories import Trajectory, trajectories
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import TableRow
from angle_bench.reporting.zero_shot.board_trained_on import Stored, with_trained_on
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import SIDE
from angle_bench.results.result_file import read_object

MOST_BASES = 8  # every two models are compared, whichever is the base; of more, one is


@dataclass(frozen=True)
class FailedTask:
    """A task that failed when it was last run.

    Attributes:
        label: The row.
        task: Its name.
        what: What went wrong.
        file: Where its traceback is.
    """

    label: str
    task: str
    what: str
    file: Path


@dataclass(frozen=True)
class Variant:
    """A row that is a variant of a model; None is the last layer, or all dimensions."""

    label: str
    layer: int | None
    size: int | None
    precision: str = "float32"


@dataclass(frozen=True)
class Exhibit:
    """What a site is made of.

    Attributes:
        board: With rank intervals, and a base wherever there is a row.
        comparisons: Of the others with a base, by the base's label.
        failures: In the order of the rows.
        variants: Rows that differ in layer, size or precision alone, by the model they are of.
        trajectories: Trainings whose saved steps are rows.
        commands: What runs a row's model again, by its label.
        warnings: What was left out beside what the board says, a line each.
        facts: What is known of a row's model, by its label.
        pairs: Every stored pair of the rows that were compared.
    """

    board: Board
    comparisons: Mapping[str, ComparisonTable] = field(default_factory=dict)
    failures: Sequence[FailedTask] = ()
    variants: Mapping[str, Sequence[Variant]] = field(default_factory=dict)
    trajectories: Sequence[Trajectory] = ()
    commands: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, ModelFacts] = field(default_factory=dict)
    pairs: StoredPairs = field(default_factory=StoredPairs)

    @property
    def base(self) -> TableRow:
        """The row that differences are to at first."""
        return self.board.base or self.board.rows[0]


def exhibit(board: Board) -> Exhibit:
    """Read what else is stored of the rows, and compare those with predictions.

    Args:
        board: With at least one row.

    Raises:
        ResultsError: Two rows were scored on other items of the same data.
    """
    warnings: list[str] = []
    sides, numbers = sides_of(board.rows, warnings), TextNumbers()
    read = read_sides(sides, board.suite, [])
    judged = [side for side in sides if all(read[name].usable for name in side.named())]
    if len(judged) < 2:
        judged = []
    base = (board.base or board.rows[0]).label
    bases = [each for each in judged if len(judged) <= MOST_BASES or each.label == base]
    comparisons = {
        each.label: compare(
            each, [side for side in judged if side is not each], board.suite, HOW, read, numbers
        )
        for each in bases
    }
    models = {row.label: () for row in board.rows} | {side.label: side.models for side in sides}
    ranked = board
    if judged and board.intervals is None:  # verdicts on the base have a table of their own
        ranked = replace(with_ranks(replace(board, base=None), sides, read), base=board.base)
    return Exhibit(
        _trained_on(ranked, sides),
        comparisons,
        [failure for row in board.rows for failure in _failures(row, board)],
        _variants(models),
        trajectories(board, models),
        {label: [model.run_words() for model in found] for label, found in models.items()},
        tuple(warnings),
        {row.label: model_facts(row, models[row.label]) for row in board.rows},
        stored_pairs(judged, board.suite, read, numbers),
    )


def _trained_on(board: Board, sides: Sequence[Side]) -> Board:
    """With what models were trained on, asked for or not, where anything is known of any."""
    if board.trained_on is not None:
        return board
    found = with_trained_on(
        board, {each.label: Stored(each.models, each.training) for each in sides}
    )
    known = any(each.known for each in (found.trained_on or {}).values())
    return found if known else board


def _failures(row: TableRow, board: Board) -> list[FailedTask]:
    found = []
    for model in row.models:
        for folder in model.folders:
            for task in board.suite.task:
                place = folder.path / SIDE / f"{task.name}.error.json"
                if folder.own and place.is_file():
                    said = read_object(place).get("error", "it says no reason")
                    found.append(FailedTask(row.label, task.name, str(said), place))
    return found


def _variants(models: Mapping[str, Sequence[StoredModel]]) -> dict[str, list[Variant]]:
    groups: dict[str, list[Variant]] = {}
    for label, found in models.items():
        if len(found) == 1 and (settings := found[0].record.get("settings")):
            whole = f"{found[0].name}@{found[0].short_revision}"
            precision = settings.get("precision") or "float32"
            made = Variant(label, settings.get("layer"), settings.get("size"), precision)
            groups.setdefault(f"{whole} {_others(settings)}".strip(), []).append(made)
    return {
        name: variants
        for name, variants in groups.items()
        if len({(each.layer, each.size, each.precision) for each in variants}) > 1
    }


def _others(settings: Mapping[str, Any]) -> str:
    """What tells grids of one model apart: the pooling."""
    return str(settings.get("pooling", ""))
