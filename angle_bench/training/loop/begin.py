"""See that a training can start."""

from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.tracking.trackers import check_trackers
from angle_bench.suites.task import Suite
from angle_bench.training.checkpoint.run_folder import RunFolder, absolute
from angle_bench.training.data.batches import announced
from angle_bench.training.loop.selection import refuse_test_splits, selection_suite
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.model import distributed, fsdp
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.starting_point import starting_point
from angle_bench.training.recipe.steps import refuse_idle_selection
from angle_bench.training.teachers.teaching import Teaching, teachings


@dataclass(frozen=True)
class Begun:
    """A training that can start.

    Attributes:
        suite: What its checkpoint is chosen by.
        marks: The test splits among that.
        spec: What it starts from.
        taught: Its teachers.
    """

    suite: Suite | None
    marks: tuple[str, ...]
    spec: ModelSpec
    taught: Sequence[Teaching] = ()


def begin(recipe: Recipe, request: TrainingRequest) -> Begun:
    """See that a training can start, and make its folder.

    Raises:
        UsageError: The recipe or the folder does not fit.
        ModelError: A teacher cannot teach so.
    """
    suite = request.suite or selection_suite(recipe.select.suite)
    marks = () if suite is None else refuse_test_splits(suite, request.select_on_test)
    if suite is None:
        refuse_idle_selection(recipe)
    check_trackers(request.track)
    spec = starting_point(recipe, request.access)
    taught = teachings(recipe, spec, request.access)
    fsdp.refuse_unfit(recipe)
    if distributed.is_main_process():
        processes = max(request.processes, announced())
        RunFolder(request.folder).begin(absolute(recipe), request.resume, processes)
    return Begun(suite, marks, spec, taught)
