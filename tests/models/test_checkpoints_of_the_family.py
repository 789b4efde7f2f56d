"""Every architecture, with and without an adapter: equal to plain transformers, text by text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

import angle_bench
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.loading.pooling import pool
from angle_bench.checkpoints.spec import Settings
from angle_bench.encoding.encoder import Encoder
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from tests.checkpoints import ARCHITECTURES, DECODERS, build_lora, build_tiny
from tests.encoding.encoders import varied_texts

TEXTS = varied_texts(40, seed=3)
TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}


def settings_of(architecture: str, dtype: str = "float32", **more: Any) -> Settings:
    pooling = "last" if architecture in DECODERS else "cls"
    return Settings(pooling=pooling, max_length=64, dtype=dtype, normalize=True, **more)


def encode(place: CheckpointPaths, settings: Settings) -> np.ndarray[Any, Any]:
    backbone = load_backbone(place, settings, torch.device("cpu"))
    worker = InlineWorker(Forward(backbone, settings))
    encoder = Encoder(lambda: backbone.tokenizer, settings, 32, lambda: worker, 256)
    return encoder.encode(TEXTS)


@torch.inference_mode()
def one_by_one(model: Any, folder: Path, settings: Settings) -> np.ndarray[Any, Any]:
    """Plain transformers and the definition of the pooling, a text at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    vectors = []
    for text in TEXTS:
        inputs = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        hidden = model(**inputs).last_hidden_state.float()
        vector = pool(hidden, inputs["attention_mask"], settings.pooling)[0]
        vectors.append((vector / vector.norm()).numpy())
    return np.stack(vectors)


@pytest.mark.parametrize(
    ("side", "dtype"),
    [
        ("right", "float32"),
        ("left", "float32"),
        ("left", "bfloat16"),
        pytest.param("right", "bfloat16", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equal_to_transformers_text_by_text(
    tmp_path: Path, architecture: str, side: str, dtype: str
) -> None:
    folder = build_tiny(tmp_path / "model", architecture, side)
    settings = settings_of(architecture, dtype)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    expected = one_by_one(model, folder, settings)
    found = encode(CheckpointPaths(folder), settings)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize(
    ("side", "dtype", "merge"),
    [
        ("right", "float32", False),
        ("left", "bfloat16", False),
        ("left", "float32", True),
        pytest.param("left", "float32", False, marks=pytest.mark.long),
        pytest.param("right", "bfloat16", False, marks=pytest.mark.long),
        pytest.param("right", "float32", True, marks=pytest.mark.long),
        pytest.param("right", "bfloat16", True, marks=pytest.mark.long),
        pytest.param("left", "bfloat16", True, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adapter_equals_peft_text_by_text(
    tmp_path: Path, architecture: str, side: str, dtype: str, merge: bool
) -> None:
    from peft import PeftModel

    base = build_tiny(tmp_path / "base", architecture, side)
    adapter = build_lora(tmp_path / "adapter", base)
    settings = settings_of(architecture, dtype, merge_adapter=merge)
    plain = AutoModel.from_pretrained(base, dtype=torch.float32)
    bare = one_by_one(plain.eval(), base, settings)
    adapted = PeftModel.from_pretrained(plain, adapter).eval()
    expected = one_by_one(adapted, base, settings)
    assert np.abs(bare - expected).max() > 0.1  # or the comparison would show nothing
    found = encode(CheckpointPaths(adapter, base), settings)
    tolerance = 2 * TOLERANCE[dtype] if dtype == "bfloat16" else TOLERANCE[dtype]
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("architecture", DECODERS)
def test_an_adapter_that_was_trained_with_the_head(tmp_path: Path, architecture: str) -> None:
    """Its weights name the layers as the model with a head has them; none may be lost."""
    from peft import PeftModel

    base = build_tiny(tmp_path / "base", architecture, head=True)
    adapter = build_lora(tmp_path / "adapter", base, head=True)
    settings = settings_of(architecture)
    whole = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(whole, adapter).eval()
    expected = one_by_one(adapted.base_model.model.model, base, settings)
    backbone = load_backbone(CheckpointPaths(adapter, base), settings, torch.device("cpu"))
    assert backbone.warnings == []
    assert not any("lm_head" in name for name, _ in backbone.model.named_modules())
    np.testing.assert_allclose(
        encode(CheckpointPaths(adapter, base), settings), expected, atol=1e-5, rtol=0
    )


@pytest.mark.process
def test_an_adapter_that_changes_nothing_is_told(tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "base", "llama")
    adapter = build_lora(tmp_path / "adapter", base, zero=True)
    encoder = angle_bench.load(str(adapter), pooling="last", prompt="none", device="cpu:1")
    with pytest.warns(UserWarning, match="changes nothing"):
        encoder.encode(["a dog"])
    encoder.close()


def test_bidirectional_and_adapted_at_once(tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "base", "llama")
    adapter = build_lora(tmp_path / "adapter", base)
    causal = encode(
        CheckpointPaths(adapter, base), settings_of("llama").with_changes(pooling="mean")
    )
    both = settings_of("llama", bidirectional_start=1).with_changes(pooling="mean")
    assert np.abs(encode(CheckpointPaths(adapter, base), both) - causal).max() > 1e-3


@pytest.mark.process
@torch.inference_mode()
def test_all_tokens_of_every_text(tmp_path: Path) -> None:
    folder = build_tiny(tmp_path / "m", "bert")
    encoder = angle_bench.load(str(folder), pooling="all", device="cpu:2", batch_tokens=128)
    found = encoder.encode(TEXTS)
    single = encoder.encode(TEXTS[0])
    assert encoder.encode([]) == []
    encoder.close()
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(found) == len(TEXTS)
    for text, vectors in zip(TEXTS, found, strict=True):
        inputs = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        expected = model(**inputs).last_hidden_state[0].numpy()
        np.testing.assert_allclose(vectors, expected, atol=1e-5, rtol=0)
    np.testing.assert_allclose(single, found[0], atol=1e-5, rtol=0)
