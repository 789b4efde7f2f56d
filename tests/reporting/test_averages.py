"""What is averaged, and what is not."""

import random
from typing import Literal

import polars as pl
import pytest

from angle_bench.suites import averages
from angle_bench.suites.task import Suite
from tests.reporting.boards import suite, task

TYPES = suite("A", "B", "Retrieval:C")


@pytest.mark.parametrize(
    ("scores", "partial", "tasks", "types"),
    [
        ([0.1, 0.3, 0.8], False, 0.4, 0.5),
        ([0.1, None, 0.8], False, None, None),
        ([0.1, None, 0.8], True, 0.45, 0.45),
        ([0.1, 0.3, None], True, 0.2, 0.2),  # of the types that have any score
        ([None, None, None], True, None, None),
        ([0.0, 0.0, 0.0], False, 0.0, 0.0),
    ],
)
def test_means_of_tasks_and_of_types(
    scores: list[float | None], partial: bool, tasks: float | None, types: float | None
) -> None:
    assert averages.mean_of_tasks(TYPES, scores, partial=partial) == pytest.approx(tasks)
    assert averages.mean_of_types(TYPES, scores, partial=partial) == pytest.approx(types)


def test_parts_of_an_aggregate_in_the_suite_do_not_count() -> None:
    tasks = (task("P", "Retrieval"), task("All", "Retrieval", ("P", "Q")), task("STS12"))
    made = Suite(name="S", version="1", task=tasks)
    assert averages.mean_of_tasks(made, [0.9, 0.4, 0.6]) == pytest.approx(0.5)
    assert averages.of_type(made, [0.9, 0.4, 0.6], "Retrieval") == [0.4]
    assert averages.coverage(made, [0.9, None, 0.6]) == "1 of 2"
    alone = Suite(name="S", version="1", task=tasks[:1])
    assert averages.mean_of_tasks(alone, [0.9]) == 0.9


def test_types_are_in_the_order_of_their_names() -> None:
    assert averages.types(suite("STS:A", "Retrieval:B", "Clustering:C")) == [
        "Clustering",
        "Retrieval",
        "STS",
    ]


@pytest.mark.parametrize(
    ("rows", "ranks"),
    [
        ([[0.9, 0.9], [0.5, 0.5], [0.1, 0.1]], [1, 2, 3]),
        ([[0.1, 0.9], [0.9, 0.1]], [1, 1]),
        ([[0.5, 0.5], [0.5, 0.5], [0.9, 0.9]], [2, 2, 1]),
        ([[0.9, None], [0.5, 0.5], [0.1, 0.1]], [None, 1, 2]),  # nor counted by the others
        ([[None, 0.9]], [None]),
        ([], []),
    ],
)
def test_borda(rows: list[list[float | None]], ranks: list[int | None]) -> None:
    assert averages.borda(suite("A", "B"), rows) == ranks


def test_borda_is_mtebs_where_nothing_is_missing() -> None:
    from mteb.benchmarks._create_table import _borda_rank_from_long

    drawn = random.Random(7)
    rows = [[drawn.randint(0, 6) / 10 for _ in range(9)] for _ in range(12)]  # many ties
    names = [f"T{at}" for at in range(9)]
    long = [
        {"model_name": str(model), "task_name": name, "score": score}
        for model, row in enumerate(rows)
        for name, score in zip(names, row, strict=True)
    ]
    theirs = {
        row["model_name"]: row["Rank (Borda)"]
        for row in _borda_rank_from_long(pl.DataFrame(long)).to_dicts()
    }
    assert averages.borda(suite(*names), rows) == [theirs[str(at)] for at in range(12)]


@pytest.mark.parametrize("average", ["tasks", "types"])
def test_the_overall_mean_is_the_one_that_the_suite_says(
    average: Literal["tasks", "types"],
) -> None:
    asked = TYPES.model_copy(update={"average": average})
    right = {"tasks": averages.mean_of_tasks, "types": averages.mean_of_types}[average]
    for scores in ([0.1, 0.3, 0.8], [0.1, None, 0.8]):
        for partial in (True, False):
            found = averages.overall(asked, scores, partial=partial)
            assert found == right(asked, scores, partial=partial)
