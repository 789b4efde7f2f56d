"""Aggregate tasks, such as CQADupstackRetrieval: the mean of stored parts."""

from typing import get_args

from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.results import TaskResult

from angle_bench.evaluation.scoring.score import ScoredTask, build
from angle_bench.evaluation.scoring.verify import Verdict, Verification
from angle_bench.evaluation.task_data import Located
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import read_record
from angle_bench.suites.task import Task


def combine(folder: ModelFolder, task: Task, located: Located) -> ScoredTask:
    """The aggregate's result from the result files of its parts, its data as good as the worst."""
    aggregate = build(task, located)
    if not isinstance(aggregate, AbsTaskAggregate):
        raise TypeError(f"{task.name} has parts but is no aggregate in mteb")
    parts = [TaskResult.from_disk(folder.result(name)) for name in task.parts]
    verdicts = [read_record(folder, name)["data"]["verification"]["verdict"] for name in task.parts]
    worst = max(verdicts, key=get_args(Verdict).index)
    return ScoredTask(aggregate.combine_task_results(parts), (), Verification(worst))
