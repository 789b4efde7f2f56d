"""Adapters: LoRA and BiLLM on tiny decoders, and quantised bases where they can run."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.errors import UsageError
from angle_bench.training.data.collate import Collator
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.model.student import load_student
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.starting_point import starting_point
from tests.adapters import build_switched
from tests.checkpoints import build_lora, build_tiny
from tests.training.checkpoint_vectors import assert_equal, ours
from tests.training.trainings import assert_same_weights, recipe_of, trained, weights

CPU = torch.device("cpu")
ARCHITECTURES = (
    "llama",
    pytest.param("mistral", marks=pytest.mark.long),
    pytest.param("qwen2", marks=pytest.mark.long),
)


def recipe(folder: Path, model: Path, start: int | None, **more: object) -> Recipe:
    return recipe_of(
        folder,
        model,
        "A",
        model={"pooling": "last", "bidirectional_start": start, "dropout": 0.0},
        prompts={},
        lora={"r": 4, "alpha": 8, "dropout": 0.0},
        train={"epochs": 12, "learning_rate": 5e-3, "warmup": 0},
        **more,
    )


@pytest.mark.parametrize("start", [None, 0, 2], ids=["causal", "billm-0", "billm-2"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_falls_and_the_adapter_comes_back(
    architecture: str, start: int | None, tmp_path: Path
) -> None:
    model = build_tiny(tmp_path / architecture, architecture)
    done, seen = trained(recipe(tmp_path, model, start), tmp_path / "out")
    assert np.mean(seen.losses[-3:]) < np.mean(seen.losses[:3])
    found = weights(done.folder)
    assert all("lora_" in name for name in found)
    assert all(weight.any() for name, weight in found.items() if "lora_B" in name)
    # what training had in memory is what comes back from the disk
    asked = recipe(tmp_path, model, start)
    spec = starting_point(asked, LoadOptions())
    student = load_student(asked, spec, CheckpointPaths(model), CPU, done.folder / "checkpoint-36")
    rows = load_rows(asked)
    batch = Collator(student.tokenizer, student.settings)([rows[0], rows[1]])
    student.module.eval()
    with torch.inference_mode():
        inputs = (batch[name] for name in ("input_ids", "attention_mask", "prompts"))
        live = student.module.group(*inputs).vectors
    texts = [text for row in (rows[0], rows[1]) for text in row.texts]
    assert_equal(live.numpy(), ours(done.folder, texts))


def test_gradients_reach_the_adapter_alone(tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "llama", "llama")
    asked = recipe(tmp_path, model, 1)
    student = load_student(asked, starting_point(asked, LoadOptions()), CheckpointPaths(model), CPU)
    rows = load_rows(asked)
    batch = Collator(student.tokenizer, student.settings)([rows[0], rows[1]])
    inputs = (batch[name] for name in ("input_ids", "attention_mask", "prompts"))
    found = student.module.train().group(*inputs)
    found.vectors.square().sum().backward()
    for name, weight in student.module.named_parameters():
        assert (weight.grad is not None) is ("lora_" in name), name


def test_an_adapter_is_trained_further(tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "llama", "llama", head=True)
    adapter = build_lora(tmp_path / "adapter", base, head=True)
    asked = recipe_of(
        tmp_path, adapter, "B", model={"pooling": "last", "base": str(base)}, prompts={}
    )
    done, _ = trained(asked, tmp_path / "out")
    before, after = weights(adapter), weights(done.folder)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(UsageError, match="an adapter already"):
        trained(asked.model_copy(update={"lora": recipe(tmp_path, base, 0).lora}), tmp_path / "no")


def test_chosen_layers_get_the_adapter(tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "llama", "llama")
    asked = recipe_of(
        tmp_path,
        model,
        model={"pooling": "last"},
        prompts={},
        lora={"r": 2, "targets": ["q_proj"]},
    )
    done, _ = trained(asked, tmp_path / "out")
    assert all("q_proj" in name for name in weights(done.folder))
    again, _ = trained(asked, tmp_path / "again")
    assert_same_weights(done.folder, again.folder)


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="the extra `kbit` is not installed"
)
@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_a_quantised_base_is_trained_on(quantization: str, tmp_path: Path) -> None:
    model = build_tiny(tmp_path / "llama", "llama")
    asked = recipe_of(
        tmp_path,
        model,
        model={"pooling": "last"},
        prompts={},
        lora={"r": 4, "quantization": quantization},
    )
    done, seen = trained(asked, tmp_path / "out")
    assert len(seen.losses) == done.steps
    assert all("lora_" in name for name in weights(done.folder))


@pytest.mark.parametrize("name", ["resized", "saved-embedding", "bias-all", "saved-modules"])
def test_what_an_adapter_brings_beside_its_layers_is_saved_again(name: str, tmp_path: Path) -> None:
    """Trained further, it comes back from the disk as it was in memory."""
    base = build_tiny(tmp_path / "bert", "bert")
    model = build_switched(tmp_path / name, base, name)
    asked = recipe_of(
        tmp_path, model, "A", model={"pooling": "mean"}, prompts={}, train={"epochs": 1}
    )
    done, _ = trained(asked, tmp_path / "out")
    before, after = weights(model), weights(done.folder)
    assert before.keys() == after.keys()
    part = "bias" if name == "bias-all" else "word_embeddings.weight"
    still = {key for key in before if key.endswith(part)}
    assert bool(still) is (name != "saved-modules")
    assert all(torch.equal(before[key], after[key]) for key in still)
    assert any(not torch.equal(before[key], after[key]) for key in before.keys() - still)
