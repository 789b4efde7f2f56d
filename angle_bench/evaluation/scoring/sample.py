"""A smoke run's share of a task: a few samples, spread over the whole of it."""

from collections.abc import Sequence
from typing import Any

import datasets
import mteb
from mteb.abstasks import AbsTaskClassification, AbsTaskClustering, AbsTaskRetrieval

from angle_bench.evaluation.user_tasks.task_types import OwnData


def keep_some(mteb_task: mteb.AbsTask, splits: Sequence[str], count: int) -> None:
    """Cut a loaded task to `count` samples a split; what is left says whether it runs, no more.

    Samples are taken at even distances, so that sorted labels are all met. Of retrieval, `count`
    queries stay with what is relevant to them and as many other documents. Classification trains
    once instead of ten times, a protocol of this project in two folds on a few texts; clustering
    clusters all that is left.
    """
    if isinstance(mteb_task, OwnData):
        mteb_task.asked = mteb_task.asked.model_copy(update={"folds": 2})
        splits = mteb_task.asked.reads
    if isinstance(mteb_task, AbsTaskRetrieval):
        mteb_task.convert_v1_dataset_format_to_v2(num_proc=None)
    if isinstance(mteb_task, AbsTaskClassification):
        mteb_task.n_experiments = 1
    if isinstance(mteb_task, AbsTaskClustering):
        mteb_task.max_fraction_of_documents_to_embed = None
        mteb_task.max_document_to_embed = None
    whole: Any = mteb_task.dataset
    holders = [whole, *(part for part in whole.values() if isinstance(part, dict))]
    for holder in holders:
        for split in splits:
            if split in holder:
                holder[split] = _cut(holder[split], count)


def _cut(data: Any, count: int) -> Any:
    if isinstance(data, datasets.Dataset):
        return _rows(data, count)
    queries = _rows(data["queries"], count)
    kept = set(queries["id"])
    relevant = {key: docs for key, docs in data["relevant_docs"].items() if key in kept}
    ranked = data.get("top_ranked")
    ranked = None if not ranked else {key: docs for key, docs in ranked.items() if key in kept}
    wanted = {doc for docs in relevant.values() for doc in docs}
    wanted |= {doc for docs in (ranked or {}).values() for doc in docs}
    wanted |= set(_rows(data["corpus"], count)["id"])
    places = [at for at, name in enumerate(data["corpus"]["id"]) if name in wanted]
    return {
        "queries": queries,
        "corpus": data["corpus"].select(places),
        "relevant_docs": relevant,
        "top_ranked": ranked,
    }


def _rows(rows: datasets.Dataset, count: int) -> datasets.Dataset:
    """`count` rows at even distances; where one row holds all samples in lists, these are cut."""
    if len(rows) == 1 and any(isinstance(value, list) for value in rows[0].values()):
        (whole,) = rows
        return datasets.Dataset.from_list(
            [{key: _spread(value, count) for key, value in whole.items()}]
        )
    return rows.select(_places(len(rows), count))


def _spread(value: Any, count: int) -> Any:
    return [value[at] for at in _places(len(value), count)] if isinstance(value, list) else value


def _places(total: int, count: int) -> list[int]:
    kept = min(total, count)
    return [at * total // kept for at in range(kept)]
