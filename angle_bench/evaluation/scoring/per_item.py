"""What mteb knows of each item while it scores a task, as this project keeps it."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mteb
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskClusteringLegacy,
    AbsTaskMultilabelClassification,
    AbsTaskSummarization,
)
from mteb.abstasks.retrieval import AbsTaskRetrieval
from sklearn.model_selection import KFold

from angle_bench.evaluation.mteb_internals import calculate_retrieval_scores
from angle_bench.evaluation.scoring.cluster_predictions import (
    Drawn,
    clustered_sets,
    clusterings,
    recording,
)
from angle_bench.evaluation.scoring.label_predictions import bitext, label_sets, summaries
from angle_bench.evaluation.scoring.loaded_rows import pair_columns, pair_rows, parts, splits_of
from angle_bench.evaluation.scoring.per_query import (
    INSTRUCTION_CHANGE,
    MAX_OVER_SUBQUERIES,
    instruction_changes,
    merged,
    per_query,
)
from angle_bench.evaluation.user_tasks.task_types import OwnData
from angle_bench.results.predictions import (
    ClassPredictions,
    Experiment,
    PairPredictions,
    Predictions,
    QueryPredictions,
    has_predictions,
)
from angle_bench.results.ranked_documents import RankedDocuments
from angle_bench.suites.task import Task

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]

# what mteb dumps of a pair, by the metric's name; distances are turned to "larger is more alike"
PAIR_SCORES = {
    "cosine": ("cosine_scores", 1),
    "similarity": ("similarity_scores", 1),
    "dot": ("dot_scores", 1),
    "euclidean": ("euclidean_distances", -1),
    "manhattan": ("manhattan_distances", -1),
}


@dataclass
class KeptPredictions:
    """The per-item values of one task, filled while it evaluates itself.

    Attributes:
        folder: Where mteb shall dump predictions; None where they are not needed.
        queries: The queries of each subset and split of retrieval.
        ranked: The documents that were found for them.
        drawn: What clustering drew.
    """

    mteb_task: mteb.AbsTask
    task: Task
    folder: Path | None = None
    queries: list[QueryPredictions] = field(default_factory=list)
    ranked: list[RankedDocuments] = field(default_factory=list)
    drawn: Drawn = field(default_factory=Drawn)

    def predictions(self, scores: Scores) -> Sequence[Predictions]:
        """The predictions by subset and split.

        Args:
            scores: mteb's scores by split and subset.
        """
        if self.folder is None:
            return self.queries
        if isinstance(self.mteb_task, OwnData) and (own := self.mteb_task.predictions(self.folder)):
            return own
        dump = self.folder / self.mteb_task.prediction_file_name
        saved = json.loads(dump.read_text(encoding="utf-8"))
        return [
            self._dumped(subset, split, saved, scores)
            for subset, split in parts(self.mteb_task, self.task)
        ]

    def _dumped(self, subset: str, split: str, saved: Any, scores: Scores) -> Predictions:
        """The predictions of one subset and split from what mteb dumped of all."""
        mteb_task = self.mteb_task
        if isinstance(mteb_task, AbsTaskBitextMining):
            return bitext(mteb_task, subset, split, saved)
        own = saved[subset][split]
        if isinstance(mteb_task, AbsTaskClustering):
            return clusterings(mteb_task, (subset, split), own, self.drawn.parts[subset, split])
        if isinstance(mteb_task, AbsTaskClusteringLegacy):
            rows = splits_of(mteb_task, subset)[split]
            return clustered_sets(mteb_task, (subset, split), rows, own)
        if isinstance(mteb_task, AbsTaskSummarization):
            return summaries(mteb_task, subset, split, own, self.task.metric)
        if isinstance(mteb_task, AbsTaskMultilabelClassification):
            return label_sets(mteb_task, subset, split, own)
        if isinstance(mteb_task, AbsTaskClassification):
            return _classes(mteb_task, subset, split, own)
        return _pairs(mteb_task, self.task, subset, split, own, scores)


@contextmanager
def kept_predictions(mteb_task: mteb.AbsTask, task: Task) -> Iterator[KeptPredictions]:
    """Keep what mteb knows of each item while the block lasts.

    Retrieval goes through mteb's hook for task-specific scores, which is given every query's
    values; its dump of 1,000 documents for each query is never written. Other types dump what was
    predicted, and clustering draws from a generator that keeps what it gave.
    """
    kept = KeptPredictions(mteb_task, task)
    if not has_predictions(task):
        yield kept
    elif isinstance(mteb_task, AbsTaskRetrieval):
        changed: Any = mteb_task
        hook = mteb_task.task_specific_scores

        def listening(
            scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
        ) -> dict[str, float]:
            with instruction_changes() as changes:
                found = hook(scores, qrels, results, hf_split=hf_split, hf_subset=hf_subset)
            if task.metric == INSTRUCTION_CHANGE:
                own = QueryPredictions(hf_subset, hf_split, task.metric, changes)
            else:
                own = _queries(mteb_task, task, hf_subset, hf_split, scores, qrels, results)
            kept.queries.append(own)
            kept.ranked.append(RankedDocuments.of(hf_subset, hf_split, results))
            return found

        changed.task_specific_scores = listening
        try:
            yield kept
        finally:
            del changed.task_specific_scores  # the class has it still
    else:
        with ExitStack() as stack:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="angle-bench-"))
            kept.folder = Path(made)
            if isinstance(mteb_task, AbsTaskClustering):
                kept.drawn = stack.enter_context(recording(mteb_task))
            yield kept


def _queries(
    mteb_task: AbsTaskRetrieval,
    task: Task,
    subset: str,
    split: str,
    scores: Any,
    qrels: Any,
    results: Any,
) -> QueryPredictions:
    if task.metric.startswith(MAX_OVER_SUBQUERIES):
        qrels, results = merged(qrels, results)
        scores, *_ = calculate_retrieval_scores(results, qrels, mteb_task.k_values)
    return QueryPredictions(
        subset, split, task.metric, per_query(task.metric, scores, qrels, results)
    )


def _pairs(
    mteb_task: Any, task: Task, subset: str, split: str, saved: Any, scores: Scores
) -> PairPredictions:
    rows, columns = pair_rows(mteb_task, subset, split), pair_columns(mteb_task)
    key, sign = PAIR_SCORES[_similarity(task.metric, scores[split][subset])]
    return PairPredictions(
        subset=subset,
        split=split,
        text1=rows[columns.first][:],
        text2=rows[columns.second][:],
        gold=[float(value) for value in rows[columns.gold][:]],
        score=[sign * value for value in saved[key]],
    )


def _similarity(metric: str, scores: Mapping[str, Any]) -> str:
    """Which similarity the main score is about; `max_ap` and the like are the best one's."""
    prefix, _, measure = metric.partition("_")
    if prefix == "max":
        return max(PAIR_SCORES, key=lambda name: float(scores[f"{name}_{measure}"]))
    return prefix if prefix in PAIR_SCORES else "similarity"


def _classes(mteb_task: Any, subset: str, split: str, saved: Any) -> ClassPredictions:
    """Labels as text; `index` is the row of the data as mteb loads it, subsampling included."""
    rows = splits_of(mteb_task, subset)[split]
    tested: Sequence[Sequence[int]] = [range(len(rows))] * len(saved)
    if mteb_task.is_cross_validation:
        folds = KFold(n_splits=mteb_task.n_splits, shuffle=True, random_state=mteb_task.seed)
        tested = [held_out.tolist() for _, held_out in folds.split(range(len(rows)))]
    return ClassPredictions(
        subset=subset,
        split=split,
        text=rows[mteb_task.input_column_name][:],
        gold=[str(label) for label in rows[mteb_task.label_column_name][:]],
        experiments=[
            Experiment(index, [str(label) for label in predicted])
            for index, predicted in zip(tested, saved, strict=True)
        ],
    )
