"""What is used of mteb that it does not document: names that begin with `_`, and what they hold.

No other module of this package names one of them; a test holds each to the installed mteb.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mteb import AbsTask
from mteb._create_dataloaders import create_dataloader as create_dataloader
from mteb._evaluators import retrieval_metrics
from mteb._evaluators.retrieval_metrics import (
    calculate_retrieval_scores as calculate_retrieval_scores,
)
from mteb._evaluators.retrieval_metrics import mrr as mrr
from mteb.abstasks.abstask import _multilabel_subsampling as multilabel_subsampling

__all__ = [
    "calculate_retrieval_scores",
    "class_scores",
    "create_dataloader",
    "descriptive_statistics",
    "mean_scores",
    "mrr",
    "multilabel_subsampling",
    "pmrr_replaced",
    "save_predictions",
    "set_top_k",
    "subset_evaluation_replaced",
    "summary_metrics",
]

Run = dict[str, dict[str, float]]
Pmrr = Callable[[Run, Run, dict[str, list[str]]], float]


def descriptive_statistics(mteb_task: AbsTask, split: str, subset: str | None) -> Any:
    """What mteb counts of loaded data; `subset` is None of a task that has no subsets."""
    return mteb_task._calculate_descriptive_statistics_from_split(split, hf_subset=subset)


def summary_metrics(mteb_task: Any, scores: Any) -> Any:
    """The correlations of summaries, from what annotators and a model give them."""
    evaluator = mteb_task.evaluator
    return evaluator._calculate_metrics(evaluator, scores)


def class_scores(mteb_task: Any, gold: Any, predicted: Any) -> Any:
    """Accuracy, F1 and the other metrics of a classification."""
    return mteb_task._calculate_scores(gold, predicted)


def mean_scores(mteb_task: Any, each: Sequence[Any]) -> Any:
    """The means of these over several classifiers, and what each of them has."""
    return mteb_task._calculate_avg_scores(each)


def save_predictions(
    mteb_task: AbsTask, predicted: Any, model: Any, folder: Path, split: str, subset: str
) -> None:
    """Write predictions where mteb's own tasks write theirs."""
    mteb_task._save_task_predictions(predicted, model, folder, split, subset)


def set_top_k(mteb_task: Any, count: int) -> None:
    """How many documents of a query a retrieval task keeps and scores."""
    mteb_task._top_k = count


@contextmanager
def pmrr_replaced(by: Callable[[Pmrr], Pmrr]) -> Iterator[None]:
    """Within it mteb computes p-MRR by what `by` makes of its own function."""
    compute = retrieval_metrics.calculate_pmrr
    retrieval_metrics.calculate_pmrr = by(compute)  # type: ignore[assignment]
    try:
        yield
    finally:
        retrieval_metrics.calculate_pmrr = compute


@contextmanager
def subset_evaluation_replaced(
    mteb_task: Any, by: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """Within it a task evaluates a subset by what `by` makes of its own method."""
    mteb_task._evaluate_subset = by(mteb_task._evaluate_subset)
    try:
        yield
    finally:
        del mteb_task._evaluate_subset  # the class has it still
