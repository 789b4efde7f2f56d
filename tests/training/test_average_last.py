"""`train.average_last`: the candidate is the average of its last checkpoints."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import UsageError
from angle_bench.training.preview.preview import preview
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.steps import saved_steps
from tests.training.checkpoint_vectors import assert_equal, ours, theirs
from tests.training.trainings import (
    Seen,
    assert_same_weights,
    dev_mirror,
    recipe_of,
    trained,
    weights,
)


def recipe(folder: Path, start: Path, **sections: Any) -> Recipe:
    """Three epochs of three steps."""
    train = {"epochs": 3, "average_last": 2, **sections.pop("train", {})}
    return recipe_of(folder, start, train=train, **sections)


def test_it_is_numpys_average_of_the_last(tmp_path: Path, tiny_bert: Path) -> None:
    done, seen = trained(recipe(tmp_path, tiny_bert), tmp_path / "out")
    assert done.averaged == (6, 9)
    assert seen.saved_at == ["checkpoint-3", "checkpoint-6", "checkpoint-9"]
    assert sorted(place.name for place in done.folder.glob("checkpoint-*")) == [
        "checkpoint-6",
        "checkpoint-9",
    ]
    one, two, found = (
        load_file(place / "model.safetensors")
        for place in (done.folder / "checkpoint-6", done.folder / "checkpoint-9", done.folder)
    )
    for name, tensor in found.items():
        np.testing.assert_allclose(tensor, (one[name] + two[name]) / 2, atol=1e-7)
    assert any(not np.array_equal(found[name], two[name]) for name in found)
    assert_equal(theirs(done.folder), ours(done.folder))
    said = json.loads((done.folder / "merge.json").read_text())
    assert [part["label"] for part in said["parts"]] == ["checkpoint-6", "checkpoint-9"]
    assert json.loads((done.folder / "training.json").read_text())["averaged"] == [6, 9]
    assert not list(done.folder.glob(".average*"))
    again, _ = trained(recipe(tmp_path, tiny_bert), tmp_path / "out", resume=True)
    assert again.averaged == (6, 9)


@pytest.mark.process
def test_of_adapters(tmp_path: Path, tiny_bert: Path) -> None:
    done, _ = trained(recipe(tmp_path, tiny_bert, lora={"r": 4}), tmp_path / "out")
    found = weights(done.folder)
    each = [weights(done.folder / f"checkpoint-{step}") for step in done.averaged]
    name = next(name for name in found if "lora_A" in name)
    other = name.replace("lora_A", "lora_B")
    expected = sum(mine[other] @ mine[name] for mine in each) / 2
    torch.testing.assert_close(found[other] @ found[name], expected)
    assert found[name].shape[0] == 8
    assert_equal(theirs(done.folder), ours(done.folder))


def test_an_interrupt_and_evaluations_change_nothing(tmp_path: Path, tiny_bert: Path) -> None:
    """Their checkpoints are not among those that are averaged."""
    mirror = dev_mirror(tmp_path / "mirror")
    asked = recipe(tmp_path, tiny_bert)
    whole, _ = trained(asked, tmp_path / "whole")
    chosen = recipe(tmp_path, tiny_bert, select={"suite": "STSB-dev", "steps": 1})
    trained(chosen, tmp_path / "stopped", Seen(7), mirror=mirror)
    ended, seen = trained(chosen, tmp_path / "stopped", mirror=mirror, resume=True)
    assert ended.averaged == (6, 9)
    assert_same_weights(whole.folder, ended.folder)
    assert ended.score is not None
    assert -1 <= ended.score <= 1
    singles = [score for _, score, _ in seen.scores]
    assert all(ended.score != score for score in singles)


def test_its_score_is_that_of_the_saved_folder(tmp_path: Path, tiny_bert: Path) -> None:
    """Trained on from the average with a rate that moves nothing, the first score is the same."""
    mirror = dev_mirror(tmp_path / "mirror")
    chosen = recipe(tmp_path, tiny_bert, select={"suite": "STSB-dev"})
    done, _ = trained(chosen, tmp_path / "out", mirror=mirror)
    still = {"epochs": 1, "learning_rate": 1e-30}
    more = recipe_of(tmp_path, done.folder, train=still, select={"suite": "STSB-dev"})
    again, _ = trained(more, tmp_path / "again", mirror=mirror)
    assert again.score == pytest.approx(done.score, abs=1e-6)


def test_more_than_there_will_be(tmp_path: Path, tiny_bert: Path) -> None:
    asked = recipe(tmp_path, tiny_bert, train={"average_last": 4})
    for attempt in (
        lambda: trained(asked, tmp_path / "out"),
        lambda: preview(asked, LoadOptions()),
    ):
        with pytest.raises(UsageError, match="in 9 steps 3 checkpoints are due") as caught:
            attempt()
        assert caught.value.fix == "--set train.save_steps=2"


@pytest.mark.parametrize(
    ("train", "rows", "expected"),
    [
        ({"epochs": 2}, 24, [3, 6]),
        ({"epochs": 1.5}, 24, [3, 5]),
        ({"epochs": 2, "save_steps": 4}, 24, [4, 6]),
        ({"epochs": 2, "accumulation": 2}, 24, [2, 4]),
        ({"max_steps": 7}, 24, [3, 6, 7]),
        ({"max_steps": 7}, None, [7]),
        ({"max_steps": 6, "save_steps": 2}, None, [2, 4, 6]),
    ],
)
def test_when_checkpoints_are_due(
    tmp_path: Path, train: dict[str, Any], rows: int | None, expected: list[int]
) -> None:
    asked = recipe_of(tmp_path, tmp_path, train=train)
    assert saved_steps(asked, rows) == expected
