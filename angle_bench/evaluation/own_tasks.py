"""Tasks of this project that mteb does not have, as mteb tasks."""

from mteb.abstasks import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata

from angle_bench.results.suites import Task


def own_sts(task: Task, description: str) -> AbsTaskSTS:
    """An STS task over pairs `sentence1`, `sentence2`, `score` from 0 to 5."""
    metadata = TaskMetadata(
        name=task.name,
        description=description,
        type="STS",
        category="t2t",
        modalities=["text"],
        eval_splits=list(task.splits),
        eval_langs=["eng-Latn"],
        main_score=task.metric,
        dataset={"path": task.dataset, "revision": task.revision},
    )
    kind = type(task.name, (AbsTaskSTS,), {"metadata": metadata, "min_score": 0, "max_score": 5})
    made: AbsTaskSTS = kind()
    return made
