"""Stored scores in the forms that the hub shows: model-index of a card, `.eval_results/*.yaml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from angle_bench.results.find.answers import StoredScore
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.result_file import read_result
from angle_bench.suites.task import Task

FOLDER = ".eval_results"
_SOURCE = "https://github.com/embeddings-benchmark/mteb/"
_HUB_DATA = ("hub", "equal")  # local files of equal counts are the hub's rows


@dataclass(frozen=True)
class HubScore:
    """A score as the hub has it.

    Attributes:
        task: What was scored.
        value: In points (×100), with the five digits that mteb gives.
        version: Of mteb.
        split: Empty for the mean over all of the task's splits and subsets.
        subset: Likewise.
    """

    task: Task
    value: float
    version: str
    split: str = ""
    subset: str = ""

    @property
    def notes(self) -> str:
        """Who scored it."""
        return f"Obtained using MTEB v{self.version}"


def hub_scores(model: StoredModel, tasks: Sequence[Task], warnings: list[str]) -> list[HubScore]:
    """The scores of a model that the hub can show: over data sets that are there.

    Args:
        model: The model.
        tasks: What is asked.
        warnings: Takes a line for each task that is left out.
    """
    answers = model.answers(tasks, warnings)
    found: list[HubScore] = []
    for task in tasks:
        answer = answers.get(task.name)
        if why := _refusal(task, answer):
            warnings.append(f"{task.name} is not put into the card: {why}")
        elif answer is not None:
            found += _scores(task, answer)
    return found


def _refusal(task: Task, answer: StoredScore | None) -> str:
    if answer is None:
        return "it has no stored score"
    if task.own:
        return "its data is not one of mteb's data sets"
    data = answer.record.get("data", {})
    if answer.folder.own and data.get("origin", "hub") != "hub":
        verdict = str(data.get("verification", {}).get("verdict", "no reference"))
        if verdict not in _HUB_DATA:
            return f"its local data is not known to be mteb's ({verdict})"
    return ""


def _scores(task: Task, answer: StoredScore) -> list[HubScore]:
    version = answer.mteb_version or "unknown"
    whole = HubScore(task, _points(answer.score), version)
    stored = None if answer.parts else read_result(answer.file, task.metric)
    if stored is None:
        return [whole]
    parts = [
        HubScore(task, _points(stored.scores[split][subset]), version, split, subset)
        for split in task.splits
        for subset in task.subsets
    ]
    return [*parts, whole]


def _points(fraction: float) -> float:
    return round(100 * fraction, 5)


def model_index(name: str, scores: Sequence[HubScore]) -> list[dict[str, Any]]:
    """The key `model-index` of a card's head, one result for each split and subset."""
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    results = [
        EvalResult(
            task_type=each.task.type,
            dataset_type=each.task.dataset,
            dataset_name=f"MTEB {each.task.name} ({each.subset})",
            dataset_config=each.subset,
            dataset_split=each.split,
            dataset_revision=each.task.revision,
            metric_type=each.task.metric,
            metric_name=each.task.metric,
            metric_value=each.value,
            source_name=each.notes,
            source_url=_SOURCE,
        )
        for each in scores
        if each.split
    ]
    found: list[dict[str, Any]] = eval_results_to_model_index(name, results)
    return found


def result_files(scores: Sequence[HubScore]) -> Mapping[str, str]:
    """The text of each file by its path, one for each task."""
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    by_task: dict[str, list[EvalResultEntry]] = {}
    for each in scores:
        place = f"_{each.subset}_{each.split}" if each.split else ""
        entry = EvalResultEntry(
            dataset_id=each.task.dataset,
            task_id=f"{each.task.name}{place}",
            value=each.value,
            dataset_revision=each.task.revision,
            source_url=_SOURCE,
            source_name=each.notes,
            notes=each.notes,
        )
        by_task.setdefault(each.task.name, []).append(entry)
    return {
        f"{FOLDER}/{name}.yaml": yaml.safe_dump(
            eval_result_entries_to_yaml(entries), sort_keys=False
        )
        for name, entries in by_task.items()
    }
