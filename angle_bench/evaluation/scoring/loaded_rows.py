"""The rows of a task whose data is loaded, whatever layout mteb loaded them from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import datasets
import mteb
from mteb.abstasks import AbsTaskPairClassification, AbsTaskSTS
from mteb.abstasks.retrieval import AbsTaskRetrieval

from angle_bench.suites.task import Task

PairTask = AbsTaskSTS | AbsTaskPairClassification


@dataclass(frozen=True)
class PairColumns:
    """The names of a pair's two texts and of what annotators say of it."""

    first: str
    second: str
    gold: str


class ListColumns(datasets.Dataset):  # type: ignore[misc]  # it has no types
    """Rows whose columns are lists: mteb goes through scores once for each encoder.

    Row by row, as a column is otherwise read, that takes longer than everything else it does.
    """

    def __getitem__(self, key: Any) -> Any:
        found: Any = super().__getitem__(key)
        return found[:] if isinstance(key, str) else found


def read_columns_at_once(mteb_task: mteb.AbsTask, task: Task) -> None:
    """Give a loaded STS task of texts rows whose columns are lists; of others nothing changes."""
    if not isinstance(mteb_task, AbsTaskSTS) or mteb_task.modalities != ["text"]:
        return
    for subset, split in parts(mteb_task, task):
        splits = splits_of(mteb_task, subset)
        rows = splits[split]
        splits[split] = ListColumns.from_dict(rows[:], features=rows.features)


def parts(mteb_task: mteb.AbsTask, task: Task) -> Iterator[tuple[str, str]]:
    """Every subset and split that counts."""
    for subset in mteb_task.hf_subsets:
        for split in task.splits:
            yield subset, split


def pair_columns(mteb_task: PairTask) -> PairColumns:
    """The columns of a task that compares pairs."""
    if isinstance(mteb_task, AbsTaskSTS):
        first, second = mteb_task.column_names
        return PairColumns(str(first), str(second), "score")
    return PairColumns(
        str(mteb_task.input1_column_name),
        str(mteb_task.input2_column_name),
        mteb_task.label_column_name,
    )


def pair_rows(mteb_task: PairTask, subset: str, split: str) -> datasets.Dataset:
    """The pairs of a subset and split, one a row.

    Old sets of pair classification have a single row that holds lists.
    """
    rows = splits_of(mteb_task, subset)[split]
    single = isinstance(mteb_task, AbsTaskPairClassification) and len(rows) == 1
    if single and all(isinstance(value, list) for value in rows[0].values()):
        return datasets.Dataset.from_dict(rows[0])
    return rows


def retrieval_data(mteb_task: AbsTaskRetrieval, subset: str, split: str) -> Any:
    """Corpus, queries, judgements and candidates of a subset and split."""
    mteb_task.convert_v1_dataset_format_to_v2(num_proc=None)
    return mteb_task.dataset[subset][split]


def splits_of(mteb_task: mteb.AbsTask, subset: str) -> Any:
    """The splits of a subset, by name; a task with one subset may hold them without its name."""
    loaded: Any = mteb_task.dataset
    return loaded if subset not in loaded and subset == "default" else loaded[subset]
