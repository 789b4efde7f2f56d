"""Loading: exactly the weights of the file in exactly the asked dtype, or an error."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import DTYPES, Backbone, load_backbone
from angle_bench.checkpoints.loading.devices import pick_device
from angle_bench.checkpoints.spec import Dtype, Settings
from angle_bench.errors import ModelError

CPU = torch.device("cpu")


def load(folder: Path, dtype: Dtype = "float32") -> Backbone:
    return load_backbone(
        CheckpointPaths(folder), Settings(pooling="cls", max_length=64, dtype=dtype), CPU
    )


def test_the_model_is_the_files_weights_ready_for_inference(tiny_bert: Path) -> None:
    backbone = load(tiny_bert)
    stored = load_file(tiny_bert / "model.safetensors")
    loaded = dict(backbone.model.named_parameters())
    assert loaded.keys() == stored.keys()
    assert all(torch.equal(loaded[key], stored[key]) for key in stored)
    assert backbone.parameters == sum(tensor.numel() for tensor in stored.values())
    assert not backbone.model.training
    assert not any(weight.requires_grad for weight in loaded.values())


@pytest.mark.parametrize("stored", DTYPES)
@pytest.mark.parametrize("asked", DTYPES)
def test_the_dtype_is_the_asked_one_whatever_is_stored(
    tiny_bert: Path, stored: Dtype, asked: Dtype
) -> None:
    file = tiny_bert / "model.safetensors"
    weights = {key: value.to(DTYPES[stored]) for key, value in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    config = json.loads((tiny_bert / "config.json").read_text())
    (tiny_bert / "config.json").write_text(json.dumps({**config, "dtype": stored}))

    for key, weight in load(tiny_bert, asked).model.named_parameters():
        assert weight.dtype == DTYPES[asked]
        assert torch.equal(weight, weights[key].to(DTYPES[asked]))


def test_weights_missing_from_the_file_are_refused(tiny_bert: Path) -> None:
    file = tiny_bert / "model.safetensors"
    weights = load_file(file)
    lost = "encoder.layer.1.output.dense.weight"
    del weights[lost]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 of its weights") as caught:
        load(tiny_bert)
    assert lost in caught.value.what
    assert caught.value.fix


def test_a_checkpoint_with_another_head_and_no_pooler_loads(tiny_bert: Path) -> None:
    config = BertConfig.from_pretrained(tiny_bert)
    masked = BertForMaskedLM(config)
    masked.save_pretrained(tiny_bert)
    loaded = load(tiny_bert).model.state_dict()
    expected = masked.bert.state_dict()
    assert len(expected) > 20
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 3},
        {"intermediate_size": 32},
        {"vocab_size": 10},
        {"model_type": "no-such-architecture"},
    ],
)
def test_weights_of_another_config_are_refused(
    tiny_bert: Path, config: dict[str, int | str]
) -> None:
    place = tiny_bert / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **config}))
    with pytest.raises(ModelError) as caught:
        load(tiny_bert)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("keep", [0.9, 0.0])
def test_a_cut_off_file_is_refused(tiny_bert: Path, name: str, keep: float) -> None:
    whole = (tiny_bert / name).read_bytes()
    (tiny_bert / name).write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ModelError) as caught:
        load(tiny_bert)
    assert str(tiny_bert) in caught.value.what
    assert caught.value.fix


def test_a_tokenizer_without_a_pad_token_is_refused(tiny_bert: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_file=str(tiny_bert / "tokenizer.json")).save_pretrained(
        tiny_bert
    )
    with pytest.raises(ModelError, match="no pad token") as caught:
        load(tiny_bert)
    assert "pad_token" in caught.value.fix


@pytest.mark.parametrize("name", ["foo", "", "cpu:x", "cuda:99", "hpu"])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be used") as caught:
        pick_device(name)
    assert "-d cpu" in caught.value.fix


def test_a_device_is_one_that_holds_tensors() -> None:
    assert pick_device("cpu") == CPU
    assert torch.zeros(2, device=pick_device("auto")).sum().item() == 0
