"""What mteb knows of each item while it scores a task, as this project keeps it."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mteb
from mteb._evaluators.retrieval_metrics import calculate_retrieval_scores
from mteb.abstasks import AbsTaskClassification
from mteb.abstasks.retrieval import AbsTaskRetrieval
from sklearn.model_selection import KFold

from angle_bench.evaluation.own_kinds import OwnData
from angle_bench.evaluation.per_query import MAX_OVER_SUBQUERIES, merged, per_query
from angle_bench.evaluation.rows import pair_columns, pair_rows, parts, splits_of
from angle_bench.results.predictions import (
    ClassPredictions,
    Experiment,
    PairPredictions,
    Predictions,
    QueryPredictions,
    has_predictions,
)
from angle_bench.results.task import Task

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
class Kept:
    """The per-item values of one task, filled while it evaluates itself.

    Attributes:
        folder: Where mteb shall dump predictions; None where they are not needed.
    """

    mteb_task: mteb.AbsTask
    task: Task
    folder: Path | None = None
    queries: list[QueryPredictions] = field(default_factory=list)

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
        make = _classes if isinstance(self.mteb_task, AbsTaskClassification) else _pairs
        return [
            make(self.mteb_task, self.task, subset, split, saved[subset][split], scores)
            for subset, split in parts(self.mteb_task, self.task)
        ]


@contextmanager
def keeping(mteb_task: mteb.AbsTask, task: Task) -> Iterator[Kept]:
    """Keep what mteb knows of each item while the block lasts.

    Retrieval goes through mteb's hook for task-specific scores, which is given every query's
    values; its dump of 1,000 documents for each query is never written.
    """
    kept = Kept(mteb_task, task)
    if not has_predictions(task):
        yield kept
    elif isinstance(mteb_task, AbsTaskRetrieval):
        own: Any = mteb_task
        hook = mteb_task.task_specific_scores

        def listening(
            scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
        ) -> dict[str, float]:
            kept.queries.append(
                _queries(mteb_task, task, hf_subset, hf_split, scores, qrels, results)
            )
            return hook(scores, qrels, results, hf_split=hf_split, hf_subset=hf_subset)

        own.task_specific_scores = listening
        try:
            yield kept
        finally:
            del own.task_specific_scores  # the class has it still
    else:
        with tempfile.TemporaryDirectory(prefix="angle-bench-") as folder:
            kept.folder = Path(folder)
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


def _classes(
    mteb_task: Any, task: Task, subset: str, split: str, saved: Any, scores: Scores
) -> ClassPredictions:
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
