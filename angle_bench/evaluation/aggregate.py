"""Aggregate tasks, such as CQADupstackRetrieval: the mean of stored parts."""

from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.results import TaskResult

from angle_bench.evaluation.data import Located
from angle_bench.evaluation.scoring import Scored, build
from angle_bench.evaluation.verify import Verification
from angle_bench.results.layout import ModelFolder
from angle_bench.results.suites import Task


def combine(folder: ModelFolder, task: Task, located: Located) -> Scored:
    """The aggregate's result from the result files of its parts."""
    aggregate = build(task, located)
    if not isinstance(aggregate, AbsTaskAggregate):
        raise TypeError(f"{task.name} has parts but is no aggregate in mteb")
    parts = [TaskResult.from_disk(folder.result(name)) for name in task.parts]
    verification = Verification("hub" if located.origin == "hub" else "no reference")
    return Scored(aggregate.combine_task_results(parts), (), verification)
