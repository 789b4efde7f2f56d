"""Tasks that mteb does not have, this project's and users', as mteb tasks."""

from collections.abc import Mapping
from typing import Any

from mteb.abstasks import AbsTask, AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from angle_bench.evaluation.task_data import Located
from angle_bench.evaluation.user_tasks import task_types
from angle_bench.suites.task import Task

_INTO_CLASSES = ("Classification", "Clustering")
_KINDS: Mapping[str, type[AbsTask]] = {
    "STS": task_types.OwnSTS,
    "PairClassification": task_types.OwnPairClassification,
    "Classification": task_types.OwnClassification,
    "Clustering": task_types.OwnClustering,
    "Reranking": task_types.OwnReranking,
    "Retrieval": task_types.OwnRetrieval,
}


def own_task(task: Task, located: Located) -> AbsTask:
    """The mteb task of a task that mteb does not have; its data is read when it is loaded.

    Args:
        task: What a suite or a user's file says of it.
        located: Where its data is.
    """
    languages: Any = [task.language]
    if task.subsets != ("default",):
        languages = {subset: [task.language] for subset in task.subsets}
    metadata = TaskMetadata.model_validate(
        {
            "name": task.name,
            "description": f"{task.name}, which mteb does not have",
            "type": task.type,
            "category": "t2c" if task.type in _INTO_CLASSES else "t2t",
            "modalities": ["text"],
            "eval_splits": list(task.splits),
            "eval_langs": languages,
            "main_score": task.metric,
            "prompt": _instruction(task),
            "dataset": {"path": task.dataset, "revision": located.revision},
        }
    )
    kind = _kind(task)
    members = {"metadata": metadata, "asked": task, "located": located}
    made: AbsTask = type(task.name, (kind,), members)()
    return made


def _instruction(task: Task) -> Any:
    """The task's own, as mteb has it; None is that of its type."""
    if isinstance(task.instruction, tuple):
        return dict(task.instruction)
    return task.instruction or None


def _kind(task: Task) -> type[AbsTask]:
    if task.protocol:
        from angle_bench.evaluation.user_tasks.linear_probe import (
            LinearProbe,  # brings scikit-learn's linear models
        )

        return LinearProbe
    if task.type == "Retrieval" and not task.path:
        return AbsTaskRetrieval  # a data set that is laid out as mteb's are
    return _KINDS[task.type]
