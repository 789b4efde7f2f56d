"""The rows of loaded tasks, whose columns are read at once."""

from types import SimpleNamespace
from typing import Any

import datasets
import mteb
import pytest

from angle_bench.evaluation.scoring.loaded_rows import read_columns_at_once
from tests.checkpoints import sts_rows
from tests.evaluation.small_tasks import classification, sts

ASKED: Any = SimpleNamespace(splits=("test",))


def several_subsets() -> Any:
    task = mteb.get_task("STS17", hf_subsets=["en-en", "es-es"])
    task.dataset = {
        subset: datasets.DatasetDict({"test": datasets.Dataset.from_list(sts_rows(8, seed=seed))})
        for seed, subset in enumerate(task.hf_subsets)
    }
    return task


@pytest.mark.parametrize("make", [sts, several_subsets])
def test_columns_are_lists_of_the_same_values(make: Any) -> None:
    task, other = make(), make()
    read_columns_at_once(task, ASKED)
    for subset in task.hf_subsets:
        rows, plain = (
            each.dataset["test"] if make is sts else each.dataset[subset]["test"]
            for each in (task, other)
        )
        assert rows.features == plain.features
        assert rows[3] == plain[3]
        for name in plain.column_names:
            assert type(rows[name]) is list
            assert rows[name] == plain[name][:]
            assert rows.select_columns(name).rename_column(name, "x")["x"] == plain[name][:]


def test_other_tasks_are_left_alone() -> None:
    task = classification()
    before = task.dataset["test"]
    read_columns_at_once(task, ASKED)
    assert task.dataset["test"] is before
