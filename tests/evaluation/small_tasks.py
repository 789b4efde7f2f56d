"""Small tasks of mteb with rows of the tests' own, for comparisons of encoders by score."""

import random
from typing import Any

import datasets
import mteb
import pytest
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

from tests.checkpoints import WORDS, sts_rows

CLOSE = 5e-5
# of the 10 times 30 predictions of `classification`: a text near a boundary falls on either side
# of it by the last bits of a vector, which are those of the processor and of the batch
TWO_PREDICTIONS = 2 / 300 + CLOSE


def sts() -> Any:
    """STSBenchmark with 24 pairs of word salad."""
    task = mteb.get_task("STSBenchmark")
    task.dataset = {"test": datasets.Dataset.from_list(sts_rows(24))}
    task.dataset_transform = lambda **_: None
    task.data_loaded = True
    return task


def retrieval() -> Any:
    """NFCorpus with 20 documents and 6 queries."""
    draw = random.Random(1)

    def salad(low: int, high: int) -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(low, high)))

    corpus = [{"id": f"d{n}", "title": "", "text": salad(5, 25)} for n in range(20)]
    queries = [{"id": f"q{n}", "text": salad(2, 6)} for n in range(6)]
    relevant = {
        query["id"]: {f"d{n}": draw.randint(1, 2) for n in draw.sample(range(20), 3)}
        for query in queries
    }
    task = mteb.get_task("NFCorpus")
    data = RetrievalSplitData(
        corpus=datasets.Dataset.from_list(corpus),
        queries=datasets.Dataset.from_list(queries),
        relevant_docs=relevant,
        top_ranked=None,
    )
    task.dataset, task.data_loaded = {"default": {"test": data}}, True
    return task


def classification() -> Any:
    """Banking77Classification with 3 classes, most of whose words are their own."""
    draw = random.Random(2)

    def salad(label: int) -> str:
        return " ".join([*draw.choices(WORDS[label::3], k=5), draw.choice(WORDS)])

    def rows(count: int) -> Any:
        return datasets.Dataset.from_list(
            [{"text": salad(number % 3), "label": number % 3} for number in range(count)]
        )

    task = mteb.get_task("Banking77Classification")
    task.dataset = datasets.DatasetDict({"train": rows(60), "test": rows(30)})
    task.dataset_transform = lambda **_: None
    task.data_loaded = True
    return task


def scores(model: Any, task: Any, **encode_kwargs: Any) -> dict[str, float]:
    """Every number that mteb gives for the task's only split and subset."""
    result = mteb.evaluate(
        model,
        task,
        cache=None,
        show_progress_bar=False,
        encode_kwargs={"show_progress_bar": False, **encode_kwargs},
        overwrite_strategy="always",
    )
    ((row,),) = [list(split) for split in result.task_results[0].scores.values()]
    return {key: value for key, value in row.items() if isinstance(value, float)}


def same_scores(found: dict[str, float], want: dict[str, float]) -> None:
    """Scores of two computations of the same vectors, which agree but for their last bits."""
    assert want
    assert found.keys() == want.keys()
    for metric, value in want.items():
        apart = CLOSE
        if "accuracy" in want:
            of_items = metric in ("accuracy", "recall_weighted", "main_score")
            apart = TWO_PREDICTIONS * (1 if of_items else 3)
        assert found[metric] == pytest.approx(value, abs=apart, rel=0, nan_ok=True), metric
