"""Prompt tokens left out of the pooling: in training, from the folder, and in its own library."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import angle_bench
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.resolve import resolve
from angle_bench.training.data.collate import Collator
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.model.grouping import whole
from angle_bench.training.model.student import load_student
from angle_bench.training.recipe.starting_point import starting_point
from tests.checkpoints import build_tiny
from tests.training.checkpoint_vectors import TEXTS, assert_equal, theirs
from tests.training.trainings import assert_same_weights, recipe_of, trained

PROMPTS = {"query": "query say of: {text}", "document": "passage: {text}"}
CPU = torch.device("cpu")


def recipe(folder: Path, start: Path, **sections: Any) -> Any:
    model = {"include_prompt": False, "dropout": 0.0, **sections.pop("model", {})}
    return recipe_of(folder, start, "B", model=model, prompts=PROMPTS, **sections)


def live(asked: Any, start: Path, resumed: Path | None = None) -> tuple[Any, list[str], Any]:
    """What the module in training gives of two rows, and their texts."""
    student = load_student(
        asked, starting_point(asked, LoadOptions()), CheckpointPaths(start), CPU, resumed
    )
    rows = load_rows(asked)
    batch = Collator(student.tokenizer, student.settings)([rows[0], rows[1]])
    inputs = (batch[name] for name in ("input_ids", "attention_mask", "prompts"))
    with torch.inference_mode():
        found = student.module.eval()(*inputs, whole(4, batch["input_ids"].shape[1]))
    return found.vectors.numpy(), [text for row in (rows[0], rows[1]) for text in row.texts], batch


@pytest.mark.process
@pytest.mark.parametrize("architecture", ["bert", "llama"])
@pytest.mark.parametrize("pooling", ["mean", "cls_max"])
def test_trained_saved_and_loaded_alike(tmp_path: Path, architecture: str, pooling: str) -> None:
    start = build_tiny(tmp_path / "start", architecture)
    asked = recipe(tmp_path, start, model={"pooling": pooling}, train={"epochs": 1})
    done, _ = trained(asked, tmp_path / "out")
    vectors, texts, batch = live(asked, start, done.folder / "checkpoint-3")
    assert len(set(batch["prompts"].tolist())) == 2
    assert (batch["prompts"] > 0).all()
    with angle_bench.load(str(done.folder)) as encoder:
        assert not resolve(str(done.folder)).required_settings().include_prompt
        for role, places in (("query", [0, 2]), ("document", [1, 3])):
            found = encoder.encode([texts[at] for at in places], role=role)
            assert_equal(found, vectors[places])
            assert_equal(encoder.encode(TEXTS, role=role), theirs(done.folder, prompt_name=role))
    other, _, _ = live(recipe(tmp_path, start, model={"include_prompt": True}), start)
    same, _, _ = live(recipe(tmp_path, start), start)
    assert np.abs(other - same).max() > 1e-3


def test_with_gradient_caching_the_weights_are_the_same(tmp_path: Path, tiny_bert: Path) -> None:
    found = []
    for chunk in (None, 64):
        asked = recipe(tmp_path, tiny_bert, train={"chunk_tokens": chunk})
        found.append(trained(asked, tmp_path / f"out{chunk}")[0].folder)
    assert_same_weights(*found, atol=1e-6)
    whole_prompt = recipe(tmp_path, tiny_bert, model={"include_prompt": True})
    other = trained(whole_prompt, tmp_path / "other")[0].folder
    with pytest.raises(AssertionError):
        assert_same_weights(found[0], other, atol=1e-4)


def test_a_teacher_pools_as_it_says(tmp_path: Path, tiny_bert: Path) -> None:
    """The model itself teaches what it gives already; one that pools prompts teaches otherwise."""
    teacher = {"model": "self", "weight": 1.0}
    asked = recipe(tmp_path, tiny_bert, teacher=teacher, train={"epochs": 1})
    _, seen = trained(asked, tmp_path / "self")
    assert seen.parts[0]["teacher"] == pytest.approx(0, abs=1e-6)
    teacher = {"model": str(tiny_bert), "pooling": "mean", "weight": 1.0}
    asked = recipe(tmp_path, tiny_bert, teacher=teacher, train={"epochs": 1})
    _, seen = trained(asked, tmp_path / "other")
    assert seen.parts[0]["teacher"] > 1e-6


@pytest.mark.process
def test_other_processes_know_where_the_prompt_ends(tmp_path: Path, tiny_bert: Path) -> None:
    given: Any = {"pooling": "mean", "prompt": "query: {text}", "include_prompt": False}
    texts = TEXTS[:8]
    with angle_bench.load(str(tiny_bert), **given) as encoder:
        want = encoder.encode(texts)
    with angle_bench.load(str(tiny_bert), device="cpu:2", **given) as encoder:
        assert_equal(encoder.encode(texts), want)
    with angle_bench.load(str(tiny_bert), **given | {"include_prompt": True}) as encoder:
        assert np.abs(encoder.encode(texts) - want).max() > 1e-3
