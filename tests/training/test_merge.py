"""Averages of checkpoints, beside numpy's and the averages of what adapters change."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save_file

import angle_bench
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import AngleBenchError, ModelError, UsageError
from angle_bench.results.text_hash import text_hash
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME as TRAINING_TEXTS
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.checkpoint.candidate import change_json, save_checkpoint
from angle_bench.training.checkpoint.export import export
from angle_bench.training.merging.average import Average, AveragedPart
from angle_bench.training.merging.merge import merge
from tests.checkpoints import (
    add_sentence_transformers_files,
    build_lora,
    build_tiny,
    build_tiny_bert,
)
from tests.training.checkpoint_vectors import assert_equal, ours, theirs
from tests.training.test_folder import candidate

USED = Settings(pooling="cls_avg", max_length=24, normalize=True)


def specs_of(folders: Sequence[Path], **typed: Any) -> list[ModelSpec]:
    return [resolve(str(folder), Overrides(**typed)) for folder in folders]


def seeds(tmp_path: Path, count: int = 3, settings: Settings = USED, **config: Any) -> list[Path]:
    """Checkpoints of one architecture, each with weights of its own."""
    places = []
    for seed in range(count):
        build_tiny_bert(tmp_path / f"plain-{seed}", seed=seed, **config)
        made = candidate(tmp_path / f"plain-{seed}", settings)
        save_checkpoint(tmp_path / f"seed-{seed}", made)
        places.append(tmp_path / f"seed-{seed}")
    return places


@pytest.mark.parametrize("weights", [None, [1, 2, 5], [0.7, 0.1, 0.2]])
def test_it_is_numpys_average(tmp_path: Path, weights: list[float] | None) -> None:
    places = seeds(tmp_path)
    made = merge(specs_of(places), tmp_path / "soup", weights)
    shares = np.array(weights or [1, 1, 1], np.float64) / np.sum(weights or [1, 1, 1])
    every = [load_file(place / "model.safetensors") for place in places]
    found = load_file(made / "model.safetensors")
    assert found.keys() == every[0].keys()
    for name, tensor in found.items():
        assert tensor.dtype == np.float32
        stacked = np.stack([each[name] for each in every]).astype(np.float64)
        expected = np.tensordot(shares, stacked, axes=1)
        np.testing.assert_allclose(tensor, expected, atol=1e-7, rtol=1e-6)
    assert resolve(str(made)).settings == USED
    assert_equal(theirs(made), ours(made))
    assert np.abs(ours(made) - ours(places[0])).max() > 1e-3


def test_what_it_was_made_of_is_recorded(tmp_path: Path) -> None:
    places = seeds(tmp_path, 2)
    for place, text in zip(places, ("a dog", "a cat"), strict=True):
        record = TrainingRecord()
        record.text(text)
        record.write(place / TRAINING_TEXTS)
    change_json(places[1] / "angle_bench.json", selected_on_test=["STS12 test"])
    specs = specs_of(places)
    made = merge(specs, tmp_path / "soup", [1, 3], ["angle-bench", "merge"])
    said = json.loads((made / "merge.json").read_text())
    assert [(part["revision"], part["weight"]) for part in said["parts"]] == [
        (specs[0].revision, 0.25),
        (specs[1].revision, 0.75),
    ]
    assert said["command"] == ["angle-bench", "merge"]
    texts = read_training_texts(made)
    assert texts is not None
    assert set(texts.texts) == {text_hash("a dog"), text_hash("a cat")}
    spec = resolve(str(made))
    assert spec.selected_on_test == ("STS12 test",)
    assert "0.25 x seed-0@" in (made / "README.md").read_text()
    # where it was made changes no identity
    again = merge(specs, tmp_path / "again", [1, 3])
    assert resolve(str(again)).revision == spec.revision
    out = export(spec, "merged", tmp_path / "out")
    assert (out / "merge.json").read_bytes() == (made / "merge.json").read_bytes()


def test_dense_modules_are_averaged(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    places = []
    for seed in range(2):
        place = tmp_path / f"dense-{seed}"
        build_tiny_bert(place, seed=seed)
        add_sentence_transformers_files(place, normalize=False)
        model = SentenceTransformer(str(place), device="cpu")
        torch.manual_seed(seed)
        model.append(Dense(32, 16))
        model.save(str(place))
        places.append(place)
    made = merge(specs_of(places), tmp_path / "soup")
    one, two, both = (load_file(place / "2_Dense/model.safetensors") for place in (*places, made))
    for name, tensor in both.items():
        np.testing.assert_allclose(tensor, (one[name] + two[name]) / 2, atol=1e-7)
    assert_equal(theirs(made), ours(made))


def test_a_checkpoint_with_its_start(tmp_path: Path) -> None:
    """Of a folder with a head, whose weights have other names in their file."""
    start = build_tiny(tmp_path / "start", "bert", head=True)
    tuned = export(specs_of([start], pooling="mean", max_length=24)[0], "merged", tmp_path / "t")
    weights = load_tensors(tuned / "model.safetensors")
    save_file({name: each + 1 for name, each in weights.items()}, tuned / "model.safetensors")
    made = merge(specs_of([start, tuned], pooling="mean", max_length=24), tmp_path / "soup", [1, 1])
    for name, tensor in load_tensors(made / "model.safetensors").items():
        if not name.startswith("pooler."):  # which the head's folder lacks, and nothing reads
            torch.testing.assert_close(tensor, weights[name] + 0.5)


def adapters(tmp_path: Path, count: int = 2, architecture: str = "llama") -> list[Path]:
    base = build_tiny(tmp_path / "base", architecture)
    used = Settings(pooling="mean", max_length=24)
    places = []
    for seed in range(count):
        lora = build_lora(tmp_path / f"lora-{seed}", base, seed=seed + 1)
        save_checkpoint(tmp_path / f"adapter-{seed}", candidate(lora, used, base))
        places.append(tmp_path / f"adapter-{seed}")
    return places


@pytest.mark.parametrize("rslora", [False, True])
def test_of_adapters_it_is_the_average_of_what_they_change(tmp_path: Path, rslora: bool) -> None:
    """Each merged into the base and averaged there, not the average of their matrices."""
    places = adapters(tmp_path)
    for place in places:
        change_json(place / "adapter_config.json", use_rslora=rslora)
        change_json(place / "adapter_config.json", alpha_pattern={"q_proj": 9})
    whole = [
        export(spec, "merged", tmp_path / f"whole-{number}")
        for number, spec in enumerate(specs_of(places))
    ]
    made = merge(specs_of(places), tmp_path / "soup", [1, 3])
    config = json.loads((made / "adapter_config.json").read_text())
    assert config["r"] == 8
    spec = resolve(str(made))
    assert spec.base is not None
    found = load_tensors(export(spec, "merged", tmp_path / "merged") / "model.safetensors")
    one, two = (load_tensors(place / "model.safetensors") for place in whole)
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, 0.25 * one[name] + 0.75 * two[name], atol=2e-5, rtol=0)
    assert_equal(theirs(made), ours(made))
    plain = [load_tensors(place / "adapter_model.safetensors") for place in places]
    name = next(name for name in plain[0] if "q_proj.lora_A" in name)
    products = [each[name.replace("lora_A", "lora_B")] @ each[name] for each in plain]
    exact = 0.25 * products[0] + 0.75 * products[1]
    both = {key: 0.25 * plain[0][key] + 0.75 * plain[1][key] for key in plain[0]}
    assert (both[name.replace("lora_A", "lora_B")] @ both[name] - exact).abs().max() > 0.01


def edited(folder: Path, name: str, **keys: Any) -> None:
    change_json(folder / name, **keys)


def with_other_words(folder: Path) -> None:
    place = folder / "tokenizer.json"
    place.write_text(place.read_text().replace('"guitar"', '"violin"'))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda place: edited(place, "config.json", hidden_act="relu"), "hidden_act of config"),
        (
            lambda place: edited(place, "config.json", layer_norm_eps=0.1),
            "layer_norm_eps of config",
        ),
        (with_other_words, "different tokenizers"),
        (
            lambda place: edited(
                place, "angle_bench.json", settings={"pooling": "cls", "max_length": 24}
            ),
            "the pooling of seed-0 and seed-1 differ: cls_avg and cls",
        ),
        (
            lambda place: edited(
                place,
                "angle_bench.json",
                settings={
                    **USED.model_dump(mode="json", exclude_defaults=True),
                    "prompts": {"default": "q: {text}"},
                },
            ),
            "the prompts of seed-0 and seed-1 differ",
        ),
    ],
)
def test_what_is_unlike_is_refused_by_name(tmp_path: Path, change: Any, said: str) -> None:
    places = seeds(tmp_path, 2)
    change(places[1])
    with pytest.raises(AngleBenchError, match=said):
        merge(specs_of(places), tmp_path / "soup")
    assert not (tmp_path / "soup").exists()


def test_other_shapes_and_layers_are_refused(tmp_path: Path) -> None:
    one = seeds(tmp_path, 2)
    wide = seeds(tmp_path / "wide", 1, intermediate_size=48)
    deep = seeds(tmp_path / "deep", 1, num_hidden_layers=3)
    for other, said in ((wide, "intermediate_size"), (deep, "num_hidden_layers")):
        with pytest.raises(ModelError, match=said):
            merge(specs_of([one[0], *other]), tmp_path / "soup")
    adapter = adapters(tmp_path, 1, "bert")[0]
    with pytest.raises(UsageError, match="adapter-0 is an adapter, seed-0 a whole model"):
        merge(specs_of([one[0], adapter]), tmp_path / "soup")


@pytest.mark.parametrize(
    ("mine", "its", "said"),
    [
        ({"w": torch.ones(2)}, {"w": torch.ones(3)}, r"w is \(2,\) in a, \(3,\) in b"),
        ({"w": torch.ones(2)}, {"v": torch.ones(2)}, "a has the weights w, which b lacks"),
        ({}, {"v": torch.ones(2)}, "b has the weights v, which a lacks"),
        ({"n": torch.tensor(1)}, {"n": torch.tensor(2)}, "n holds whole numbers"),
        ({"n": torch.tensor(1)}, {"n": torch.tensor(1.0)}, "n is torch.int64 in a, torch.float32"),
    ],
)
def test_tensors_that_have_no_average(mine: Any, its: Any, said: str) -> None:
    total = Average("a", mine, 0.5)
    with pytest.raises(ModelError, match=said):
        total.add("b", its, 0.5)


def test_halves_are_added_in_float32() -> None:
    """Small numbers beside large ones, which bfloat16 would lose."""
    total = Average(
        "a", {"w": torch.tensor([1.0], dtype=torch.bfloat16), "n": torch.tensor(3)}, 0.5
    )
    small = torch.tensor([2**-9], dtype=torch.bfloat16)
    for _ in range(10):
        total.add("b", {"w": small, "n": torch.tensor(3)}, 0.05)
    expected = np.float32(0.5) + 10 * np.float32(0.05) * np.float32(2**-9)
    assert total.tensors["w"].item() == pytest.approx(expected, abs=1e-6)
    assert total.tensors["n"].item() == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"use_dora": True}, "has use_dora True"),
        ({"init_lora_weights": "pissa"}, "has init_lora_weights pissa"),
        ({"peft_type": "IA3"}, "is of the kind IA3"),
        ({"lora_alpha": 7}, "lora_alpha of adapter_config.json is 4 in adapter-0, 7 in adapter-1"),
    ],
)
def test_adapters_that_have_no_average(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    from angle_bench.training.merging.adapter_average import stack_adapters

    places = adapters(tmp_path)
    change_json(places[1] / "adapter_config.json", **keys)
    parts = [
        AveragedPart(place.name, CheckpointPaths(place, tmp_path / "base"), 0.5) for place in places
    ]
    shutil.copytree(places[0], tmp_path / "copy")
    with pytest.raises(ModelError, match=said):
        stack_adapters(tmp_path / "copy", parts)


def test_adapters_of_several_bases_are_refused(tmp_path: Path) -> None:
    one = adapters(tmp_path / "one", 1)[0]
    two = adapters(tmp_path / "two", 1)[0]
    base = tmp_path / "two/base/model.safetensors"
    tensors = load_tensors(base)
    save_file({name: each + 1 for name, each in tensors.items()}, base, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="different bases"):
        merge(specs_of([one, two]), tmp_path / "soup")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "1 weights for 2 checkpoints"),
        ([1.0, 0.0], "0.0 is no positive number"),
        ([1.0, -1.0], "-1.0 is no positive number"),
        ([1.0, float("nan")], "nan is no positive number"),
        ([1.0, float("inf")], "inf is no positive number"),
    ],
)
def test_weights_that_cannot_be(tmp_path: Path, weights: list[float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        merge(specs_of(seeds(tmp_path, 2)), tmp_path / "soup", weights)


def test_one_checkpoint_alone_or_twice(tmp_path: Path) -> None:
    places = seeds(tmp_path, 2)
    with pytest.raises(UsageError, match="two or more"):
        merge(specs_of(places[:1]), tmp_path / "soup")
    shutil.copytree(places[0], tmp_path / "copy")
    with pytest.raises(UsageError, match="seed-0 and copy are one checkpoint"):
        merge(specs_of([places[0], tmp_path / "copy"]), tmp_path / "soup")


def test_nothing_of_others_is_written_over(tmp_path: Path) -> None:
    places = seeds(tmp_path, 3)
    for place in (places[2], places[0], places[0] / "x", tmp_path):
        with pytest.raises(UsageError):
            merge(specs_of(places[:2]), place)
    merge(specs_of(places[:2]), tmp_path / "soup")
    before = (tmp_path / "soup/model.safetensors").read_bytes()
    merge(specs_of(places[:2]), tmp_path / "soup", [1, 2])  # its own
    assert (tmp_path / "soup/model.safetensors").read_bytes() != before


def test_from_python(tmp_path: Path) -> None:
    places = seeds(tmp_path, 2)
    found = angle_bench.merge(places, tmp_path / "soup", weights=[1, 1], pooling="cls")
    assert [part.weight for part in found.parts] == [0.5, 0.5]
    made = Path(found)
    assert_equal(theirs(made), ours(made))
    assert resolve(str(made)).required_settings().pooling == "cls"
    with pytest.raises(TypeError, match="'poling'"):
        angle_bench.merge(places, tmp_path / "soup", poling="cls")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="several checkpoints"):
        angle_bench.merge(str(places[0]), tmp_path / "soup")
    with pytest.raises(UsageError) as caught:
        angle_bench.merge(places, tmp_path / "soup", weights=[1])
    assert "pass: weights=[1,1]" in str(caught.value)
