"""Learning rates and weight decay of each weight, as the optimizer has them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import get_scheduler

from angle_bench.training.model.layer_decay import below
from tests.training.trainings import Seen, assert_same_weights, recipe_of, trained


def groups(folder: Path) -> list[dict[str, Any]]:
    """Of the last checkpoint's optimizer, with the names of their weights."""
    (place,) = folder.glob("checkpoint-*")
    state = torch.load(place / "optimizer.pt", weights_only=True)
    found: list[dict[str, Any]] = state["param_groups"]
    return found


def test_layers_below_the_last_are_counted() -> None:
    names = ["embeddings.word.weight", "layer.0.w", "layer.1.w", "layer.2.w", "norm.weight"]
    assert list(below(names).values()) == [3, 2, 1, 0, 0]
    assert list(below(["dense.weight", "dense.bias"]).values()) == [0, 0]
    after = ["transformer.layer.0.w", "transformer.layer.1.w", "dense.0.0.weight"]
    assert list(below(after).values()) == [1, 0, 0]
    assert list(below(["shared.weight", "encoder.block.0.layer.1.w"]).values()) == [1, 0]


def test_each_layer_has_its_rate_and_norms_do_not_decay(tmp_path: Path, tiny_bert: Path) -> None:
    train = {
        "learning_rate": 1e-3,
        "layer_decay": 0.5,
        "weight_decay": 0.1,
        "schedule": "constant",
        "warmup": 0,
    }
    recipe = recipe_of(tmp_path, tiny_bert, train=train)
    done, _ = trained(recipe, tmp_path / "out")
    seen = set()
    for group in groups(done.folder):
        for name in group["params"]:
            expected = 0.25 if "embeddings" in name else 0.5 if "layer.0" in name else 1.0
            assert group["lr"] == pytest.approx(1e-3 * expected), name
            plain = "bias" in name or "LayerNorm" in name
            assert group["weight_decay"] == (0.0 if plain else 0.1), name
            seen.add(expected)
    assert seen == {0.25, 0.5, 1.0}
    trained(recipe, tmp_path / "again", Seen(stop_after=4))
    again, _ = trained(recipe, tmp_path / "again", resume=True)
    assert_same_weights(done.folder, again.folder)


def test_a_decay_of_one_is_none(tmp_path: Path, tiny_bert: Path) -> None:
    one, _ = trained(recipe_of(tmp_path, tiny_bert, train={"layer_decay": 1.0}), tmp_path / "one")
    none, _ = trained(recipe_of(tmp_path, tiny_bert), tmp_path / "none")
    assert_same_weights(one.folder, none.folder)
    assert [group["weight_decay"] for group in groups(none.folder)] == [0.0, 0.0]


class Rates(Seen):
    """Keeps the learning rate of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def logged(self, step: int, parts: Any, learning_rate: float) -> None:
        self.rates.append(learning_rate)


@pytest.mark.parametrize(
    "schedule", ["constant_with_warmup", "cosine_with_restarts", "polynomial", "inverse_sqrt"]
)
def test_schedules_are_those_of_transformers(
    schedule: str, tmp_path: Path, tiny_bert: Path
) -> None:
    seen = Rates()
    recipe = recipe_of(tmp_path, tiny_bert, train={"schedule": schedule, "warmup": 2})
    trained(recipe, tmp_path / "out", seen)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    theirs = get_scheduler(schedule, optimizer, num_warmup_steps=2, num_training_steps=6)
    expected = []
    for _ in range(6):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert seen.rates == pytest.approx(expected)
