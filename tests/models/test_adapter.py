"""Adapters that do not fit, and folders that say what is missing."""

import json
from pathlib import Path

import pytest

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder import adapter_patterns
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve, resolve_all
from angle_bench.checkpoints.spec import Settings, Trust
from angle_bench.errors import ModelError, UsageError
from tests.checkpoints import build_lora, build_tiny

LAST = Overrides(pooling="last", prompt="A")
SETTINGS = Settings(pooling="last", max_length=64)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return build_tiny(tmp_path / "base", "llama")


@pytest.fixture
def adapter(tmp_path: Path, base: Path) -> Path:
    return build_lora(tmp_path / "adapter", base)


def load(adapter: Path, base: Path) -> None:
    import torch

    load_backbone(CheckpointPaths(adapter, base), SETTINGS, torch.device("cpu"))


def change(place: Path, **values: object) -> None:
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}))


def test_the_recorded_base_is_found(adapter: Path, base: Path) -> None:
    spec = resolve(str(adapter), LAST)
    assert spec.base == str(base)
    assert spec.revision == f"sha256-{content_hash(adapter, base)[:16]}"
    assert spec.shape is not None
    assert (spec.shape.layers, spec.shape.width) == (3, 32)


def test_another_base_is_another_model(adapter: Path, base: Path, tmp_path: Path) -> None:
    other = build_tiny(tmp_path / "other", "llama", seed=5)
    first = resolve(str(adapter), LAST)
    second = resolve(str(adapter), LAST, LoadOptions(base=str(other)))
    assert second.base == str(other)
    assert first.revision != second.revision


def test_a_base_overwritten_in_place_is_another_model(adapter: Path, base: Path) -> None:
    before = resolve(str(adapter), LAST).revision
    build_tiny(base, "llama", seed=6)
    assert resolve(str(adapter), LAST).revision != before


def test_an_absent_base_says_what_to_type(adapter: Path) -> None:
    change(adapter / "adapter_config.json", base_model_name_or_path="nobody/llama")
    with pytest.raises(ModelError, match="adapter of nobody/llama, which is not here") as caught:
        resolve(str(adapter), LAST)
    assert "--base PATH" in caught.value.fix
    change(adapter / "adapter_config.json", base_model_name_or_path="/models/llama")
    with pytest.raises(ModelError, match="adapter of /models/llama, and there is no such folder"):
        resolve(str(adapter), LAST)


def test_an_adapter_that_names_no_base(adapter: Path) -> None:
    change(adapter / "adapter_config.json", base_model_name_or_path=None)
    with pytest.raises(ModelError, match="does not say what it was trained on"):
        resolve(str(adapter), LAST)


def test_the_base_comes_from_the_mirror(adapter: Path, tmp_path: Path) -> None:
    change(adapter / "adapter_config.json", base_model_name_or_path="org/llama")
    mirrored = build_tiny(tmp_path / "mirror/org/llama", "llama")
    assert resolve(str(adapter), LAST, LoadOptions(mirror=tmp_path / "mirror")).base == str(
        mirrored
    )


def test_a_base_for_a_whole_checkpoint_is_refused(tiny_bert: Path, base: Path) -> None:
    with pytest.raises(UsageError, match="none is named"):
        resolve_all([str(tiny_bert)], None, LoadOptions(base=str(base)))


def test_an_adapter_of_an_adapter_is_refused(adapter: Path, tmp_path: Path, base: Path) -> None:
    with pytest.raises(ModelError, match="is an adapter itself"):
        resolve(str(build_lora(tmp_path / "b", base)), LAST, LoadOptions(base=str(adapter)))


@pytest.mark.parametrize("architecture", ["bert", "qwen3", "wider"])
def test_the_wrong_base_is_an_error(adapter: Path, tmp_path: Path, architecture: str) -> None:
    if architecture == "wider":
        other = tmp_path / "wider"
        build_tiny(other, "llama")
        from transformers import LlamaConfig, LlamaModel

        config = LlamaConfig.from_pretrained(other, hidden_size=64)
        LlamaModel(config).save_pretrained(other)
    else:
        other = build_tiny(tmp_path / architecture, architecture)
    if architecture == "qwen3":  # of the same shapes: nothing can tell, but the names of its norms
        load(adapter, other)
        return
    with pytest.raises(ModelError, match="does not fit its base") as caught:
        load(adapter, other)
    assert "--base PATH" in caught.value.fix


def test_missing_pooling_and_prompt_say_what_to_type(adapter: Path) -> None:
    with pytest.raises(UsageError, match="LoRA adapter without recorded pooling or prompt") as both:
        resolve(str(adapter))
    assert both.value.fix == "--pooling last --prompt A --save-spec"
    with pytest.raises(UsageError, match="without recorded prompt") as one:
        resolve(str(adapter), Overrides(pooling="last"))
    assert one.value.fix == "--prompt A --save-spec"


def test_a_language_model_needs_them_too(base: Path) -> None:
    with pytest.raises(UsageError, match="a language model without recorded pooling or prompt"):
        resolve(str(base))
    assert resolve(str(base), LAST).required_settings().pooling == "last"


def test_an_adapter_of_an_encoder_needs_a_pooling(tmp_path: Path) -> None:
    bert = build_tiny(tmp_path / "bert", "bert")
    adapter = build_lora(tmp_path / "lora", bert)
    with pytest.raises(UsageError, match="without recorded pooling"):
        resolve(str(adapter))
    assert resolve(str(adapter), Overrides(pooling="mean")).base == str(bert)


def test_what_angle_emb_recorded_counts(adapter: Path) -> None:
    (adapter / "angle_config.json").write_text('{"pooling_strategy": "last", "max_length": 48}')
    spec = resolve(str(adapter), Overrides(prompt="A"))
    assert (spec.required_settings().pooling, spec.required_settings().max_length) == ("last", 48)


def test_a_pickled_adapter_needs_leave(adapter: Path, base: Path) -> None:
    import torch
    from safetensors.torch import load_file

    weights = load_file(adapter / "adapter_model.safetensors")
    torch.save(weights, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="only a pickle") as caught:
        resolve(str(adapter), LAST)
    assert "--allow-pickle" in caught.value.fix
    spec = resolve(str(adapter), LAST, LoadOptions(trust=Trust(pickle=True)))
    device = torch.device("cpu")
    assert (
        load_backbone(CheckpointPaths(adapter, base, spec.trust), SETTINGS, device).warnings == []
    )


def test_a_cut_off_adapter_is_named(adapter: Path, base: Path) -> None:
    place = adapter / "adapter_model.safetensors"
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be read"):
        load(adapter, base)


def test_an_adapter_with_fewer_weights_than_its_config_says(adapter: Path, base: Path) -> None:
    from safetensors.torch import load_file, save_file

    place = adapter / "adapter_model.safetensors"
    weights = load_file(place)
    weights.pop(next(iter(weights)))
    save_file(weights, place)
    with pytest.raises(ModelError, match="lacks weights"):
        load(adapter, base)


def test_trust_is_for_one_model(adapter: Path, tiny_bert: Path) -> None:
    access = LoadOptions(trust=Trust(pickle=True))
    with pytest.raises(UsageError, match="for one model, and 2 are named"):
        resolve_all([str(adapter), str(tiny_bert)], LAST, access)


@pytest.mark.process
@pytest.mark.parametrize(
    "keys",
    [
        {"target_modules": r"([a-z0-9_.]+)+!"},
        {"exclude_modules": r"(.*\.)*(.*)*!"},
        {"rank_pattern": {r"(([a-z_]+)*\.?)*!": 4}},
        {"rank_pattern": {"(": 4, r"(([a-z_]+)*\.?)*!": 4}},
        {"target_modules": r"(?i)([a-z0-9_.]+)+!"},
    ],
)
def test_a_pattern_that_backtracks_for_ever_is_named(
    adapter: Path, base: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object]
) -> None:
    monkeypatch.setattr(adapter_patterns.refuse_slow_patterns, "__defaults__", (1.0,))
    change(adapter / "adapter_config.json", **keys)
    with pytest.raises(ModelError, match="take longer than 1 s to match the names of layers: "):
        load(adapter, base)


@pytest.mark.process
def test_patterns_that_end_are_peft_s(adapter: Path, base: Path) -> None:
    config = adapter / "adapter_config.json"
    named = "|".join(json.loads(config.read_text())["target_modules"])
    change(config, target_modules=rf"(.*\.)?({named})")
    load(adapter, base)
