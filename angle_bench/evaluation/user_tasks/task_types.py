"""The types of tasks that mteb does not have, as mteb tasks that read rows of files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
from mteb.abstasks import (
    AbsTask,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
)
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

from angle_bench.evaluation.task_data import Located
from angle_bench.evaluation.user_tasks import task_rows
from angle_bench.evaluation.user_tasks.fields import TaskPart, part_of
from angle_bench.evaluation.user_tasks.task_rows import Columns
from angle_bench.results.predictions import ClassPredictions
from angle_bench.suites.task import Task


class OwnData(AbsTask):
    """Reads the rows of its data itself, checks them and calls its columns as mteb does.

    Attributes:
        asked: The task as it was asked for.
        located: Where its data is.
    """

    asked: Task
    located: Located

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        """Read the data.

        Raises:
            DataError: It is not what the task needs.
        """
        if self.data_loaded:
            return
        loaded = {subset: self.read(subset) for subset in self.asked.subsets}
        self.dataset = loaded if self._by_subset() else loaded["default"]
        self.data_loaded = True

    def _by_subset(self) -> bool:
        return bool(self.metadata.is_multilingual)

    def read(self, subset: str) -> Any:
        """The splits of a subset."""
        raise NotImplementedError

    def part(self, subset: str, split: str) -> TaskPart:
        """The rows of a split."""
        return part_of(self.asked, self.located, subset, split)

    def rows_by_split(self, subset: str, columns: Callable[[TaskPart], Columns]) -> Any:
        """The splits of a subset as mteb has them, each read in the same way."""
        return as_splits({s: columns(self.part(subset, s)) for s in self.asked.reads})

    def predictions(self, folder: Path) -> list[ClassPredictions]:
        """Per-item predictions beyond those that mteb's own tasks leave in a folder."""
        return []

    def texts_of(self, rows: Any) -> list[str]:
        """All texts of a split, for its counts."""
        names = [name for name, kind in rows.features.items() if name in _TEXTS]
        return [text for name in names for text in rows[name]]

    def _calculate_descriptive_statistics_from_split(
        self, split: str, *, hf_subset: str | None = None, **_: Any
    ) -> Any:
        """The counts that a run record keeps; mteb's statistics need more than that."""
        data: Any = self.dataset
        rows = (data[hf_subset] if hf_subset else data)[split]
        characters = sum(len(text) for text in self.texts_of(rows))
        return {"num_samples": len(rows), "number_of_characters": characters}


_TEXTS = ("text", "sentences", "sentence1", "sentence2")


def as_splits(splits: Mapping[str, Columns]) -> Any:
    """Columns by split as mteb takes them."""
    made = {split: datasets.Dataset.from_dict(columns) for split, columns in splits.items()}
    return datasets.DatasetDict(made)


class OwnSTS(OwnData, AbsTaskSTS):
    """Pairs with a score on any scale: ranks do not depend on it."""

    def read(self, subset: str) -> Any:
        """The pairs of a subset."""
        return self.rows_by_split(subset, task_rows.scored_pairs)


class OwnPairClassification(OwnData, AbsTaskPairClassification):
    """Pairs with a label of 0 or 1."""

    def read(self, subset: str) -> Any:
        """The pairs of a subset."""
        return self.rows_by_split(subset, task_rows.labelled_pairs)


class OwnClustering(OwnData, AbsTaskClustering):
    """Texts with a label; all of them are clustered, where mteb's tasks take a part."""

    max_fraction_of_documents_to_embed = None
    max_document_to_embed = None

    def read(self, subset: str) -> Any:
        """The texts of a subset."""
        return self.rows_by_split(subset, _clustered)


def _clustered(part: TaskPart) -> Columns:
    columns = task_rows.labelled(part, ["text"])
    # mteb leaves out what has the number -1 as its label
    return {"sentences": columns["text"], "labels": [str(label) for label in columns["label"]]}


class OwnClassification(OwnData, AbsTaskClassification):
    """Texts with a label, by mteb's way: ten times 8 texts of each label to learn from."""

    fields: tuple[str, ...] = ("text",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names: dict[str, list[str]] = {}  # the labels of each subset

    def read(self, subset: str) -> Any:
        """The texts of a subset, their labels numbered in order."""
        splits = {
            split: task_rows.labelled(self.part(subset, split), self.fields)
            for split in self.asked.reads
        }
        self.names[subset] = task_rows.label_codes(splits)
        task_rows.refuse_unseen(self.asked, splits, self.names[subset])
        self.check(splits, self.names[subset])
        return as_splits(splits)

    def check(self, splits: Mapping[str, Columns], names: Sequence[str]) -> None:
        """What a protocol needs beyond that."""


class OwnRetrieval(OwnData, AbsTaskRetrieval):
    """A corpus, queries, and which documents answer which query."""

    def _by_subset(self) -> bool:
        return True

    def read(self, subset: str) -> Any:
        """The one split there is."""
        corpus = task_rows.documents(self.part(subset, "corpus"))
        asked = task_rows.queries(self.part(subset, "queries"))
        judged = task_rows.judgements(self.part(subset, "qrels"), corpus, asked)
        wanted = [place for place, name in enumerate(asked["id"]) if name in judged]
        return {
            split: RetrievalSplitData(
                corpus=datasets.Dataset.from_dict(corpus),
                queries=datasets.Dataset.from_dict(asked).select(wanted),
                relevant_docs=judged,
                top_ranked=None,
            )
            for split in self.asked.splits
        }

    def _calculate_descriptive_statistics_from_split(
        self, split: str, *, hf_subset: str | None = None, **_: Any
    ) -> Any:
        data: Any = self.dataset
        found = data[hf_subset or "default"][split]
        texts = [*found["corpus"]["title"], *found["corpus"]["text"], *found["queries"]["text"]]
        samples = len(found["corpus"]) + len(found["queries"])
        return {"num_samples": samples, "number_of_characters": sum(map(len, texts))}


class OwnReranking(OwnRetrieval):
    """Queries, each with texts that answer it and texts that do not."""

    def read(self, subset: str) -> Any:
        """The splits of a subset."""
        return {
            split: _reranked(task_rows.candidates(self.part(subset, split)))
            for split in self.asked.splits
        }


def _reranked(rows: list[tuple[str, list[str], list[str]]]) -> RetrievalSplitData:
    corpus: Columns = {"id": [], "title": [], "text": []}
    judged: dict[str, dict[str, int]] = {}
    ranked: dict[str, list[str]] = {}
    for number, (_, positive, negative) in enumerate(rows):
        query = f"q{number}"
        texts = [*positive, *negative]
        ids = [f"{query}-{place:05}" for place in range(len(texts))]
        corpus["id"] += ids
        corpus["title"] += [""] * len(texts)
        corpus["text"] += texts
        judged[query] = {id_: int(place < len(positive)) for place, id_ in enumerate(ids)}
        ranked[query] = ids
    asked = {"id": list(judged), "text": [query for query, _, _ in rows]}
    return RetrievalSplitData(
        corpus=datasets.Dataset.from_dict(corpus),
        queries=datasets.Dataset.from_dict(asked),
        relevant_docs=judged,
        top_ranked=ranked,
    )
