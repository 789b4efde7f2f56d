"""Batches in which no text stands twice."""

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from pydantic import ValidationError

from angle_bench.errors import UsageError
from angle_bench.training.data.apart import apart, meeting
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.data.order import sampler_of, sharing
from tests.checkpoints import write_rows
from tests.conftest import Cli
from tests.training.trainings import Seen, assert_same_weights, recipe_of, trained


def rows(queries: int, each: int) -> list[dict[str, Any]]:
    """Each query with several positives; a passage of every query is one of the next, too."""
    return [
        {"query": f"the query {q}", "positive": f"the passage {q * (each - 1) + number}"}
        for q in range(queries)
        for number in range(each)
    ]


@pytest.mark.parametrize(("queries", "each", "size"), [(20, 3, 8), (9, 4, 8), (3, 9, 8)])
def test_full_batches_are_those_of_sentence_transformers(
    queries: int, each: int, size: int
) -> None:
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

    given = rows(queries, each)
    sampler = NoDuplicatesBatchSampler(
        datasets.Dataset.from_list(given),
        batch_size=size,
        drop_last=False,
        generator=torch.Generator(),
        seed=3,
    )
    order = torch.randperm(len(given), generator=torch.Generator().manual_seed(3)).tolist()
    found = apart(order, lambda row: given[row].values(), size)
    assert sorted(found) == list(range(len(given)))
    full = [batch for batch in sampler if len(batch) == size]
    ours = [found[start : start + size] for start in range(0, len(found), size)]
    same = [one for one, other in zip(ours, full, strict=False) if one == other]
    assert len(same) >= len(full) - 2  # rows that were left over may have changed places
    met = meeting(found, lambda row: given[row].values(), size)
    assert (met > 0) == (queries < size)  # three queries cannot fill eight places


def test_a_training_keeps_them_apart(tmp_path: Path, tiny_bert: Path) -> None:
    place = tmp_path / "rows.jsonl"
    write_rows(place, rows(16, 3))
    data = {"train": [{"path": str(place)}]}
    train = {"batch_size": 8, "save_steps": 1, "keep": 99}
    recipe = recipe_of(
        tmp_path, tiny_bert, data=data, train={**train, "batch_sampler": "no_duplicates"}
    )
    plain = recipe_of(tmp_path, tiny_bert, data=data, train=train)
    there = load_rows(recipe)
    assert sharing(there, recipe) == 0
    assert sharing(there, plain) > 0
    orders = []
    for epoch in (0, 1):
        sampler = sampler_of(there, recipe)
        sampler.set_epoch(epoch)
        orders.append([index % len(there) for index in sampler])
        assert sorted(orders[-1]) == list(range(48))
    assert orders[0] != orders[1]
    whole, _ = trained(recipe, tmp_path / "whole")
    out = tmp_path / "out"
    trained(recipe, out, Seen(stop_after=4))
    done, _ = trained(recipe, out, resume=True)
    assert_same_weights(done.folder, whole.folder)
    # the order was made for batches of 8
    other = recipe.train.model_copy(update={"batch_size": 4, "accumulation": 2})
    stopped = tmp_path / "stopped"
    trained(recipe, stopped, Seen(stop_after=4))
    with pytest.raises(UsageError, match="for batches of 8, and now they would be of 4"):
        trained(recipe.model_copy(update={"train": other}), stopped, resume=True)


def test_a_dry_run_counts_those_that_meet(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", rows(3, 9))
    place = tmp_path / "r.toml"
    place.write_text(
        f'[model]\nname = "{tiny_bert}"\npooling = "mean"\n[[data.train]]\npath = "rows.jsonl"\n'
        '[train]\nbatch_size = 9\nbatch_sampler = "no_duplicates"\n'
    )
    ended = cli("train", place, "-n")
    assert (ended.code, ended.errors) == (0, [])
    assert "27 rows share a text with a row of their batch" in ended.err


@pytest.mark.parametrize(
    ("data", "said"),
    [({"streaming": True}, "has to see all rows"), ({"shuffle": False}, "orders rows itself")],
)
def test_what_keeps_an_order_is_refused(
    data: dict[str, Any], said: str, tmp_path: Path, tiny_bert: Path
) -> None:
    given = {**data, "train": [{"path": "rows.jsonl"}]}
    train = {"batch_sampler": "no_duplicates", "max_steps": 1}
    with pytest.raises(ValidationError, match=said):
        recipe_of(tmp_path, tiny_bert, data=given, train=train)
