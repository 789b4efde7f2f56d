"""What a checkpoint's own files name as its base, and what its weights take on disk."""

import json
from pathlib import Path

import pytest

from angle_bench.checkpoints.folder.made_from import made_from
from angle_bench.checkpoints.folder.weights import bytes_of
from angle_bench.errors import ModelError


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("base_model: org/base", "org/base"),
        ('base_model: "org/base"\nlicense: mit', "org/base"),
        ("base_model:\n- org/base", "org/base"),
        ("base_model:\n- org/one\n- org/other", None),  # a merge has no one base
        ("base_model: 3", None),
        ("base_model: ''", None),
        ("license: mit", None),
        ("- org/base", None),
        ("base_model: [org/base", None),
        ("", None),
    ],
)
def test_a_whole_checkpoint_names_its_base_in_its_card(
    tmp_path: Path, head: str, base: str | None
) -> None:
    card = f"---\n{head}\n---\n\n# A model\n\nbase_model: org/in-the-text\n"
    for text in (card, card.replace("\n", "\r\n")):
        (tmp_path / "README.md").write_bytes(text.encode())
        assert made_from(tmp_path) == base


def test_without_a_card_or_a_head_nothing_is_named(tmp_path: Path) -> None:
    assert made_from(tmp_path) is None
    (tmp_path / "README.md").write_text("# A model\n\n---\nbase_model: org/base\n---\n")
    assert made_from(tmp_path) is None
    (tmp_path / "README.md").write_bytes(b"---\nbase_model: \xff\n---\n")
    assert made_from(tmp_path) is None


def test_an_adapter_names_its_base_in_its_config(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nbase_model: org/other\n---\n")
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    assert made_from(tmp_path) == "org/base"


def test_the_size_is_that_of_the_weights_that_are_loaded(tmp_path: Path) -> None:
    counted = {
        "model-00001-of-00002.safetensors": 11,
        "model-00002-of-00002.safetensors": 22,
        "2_Dense/model.safetensors": 5,
    }
    others = {
        "pytorch_model.bin": 1000,  # the same weights as a pickle, which is not read
        "config.json": 2000,
        "optimizer.pt": 4000,
        "training_args.bin": 8000,
        "checkpoint-8/model.safetensors": 16000,
        "onnx/model.onnx": 32000,
    }
    for path, size in (counted | others).items():
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"\0" * size)
    assert bytes_of(tmp_path) == 38
    for path in counted:
        (tmp_path / path).unlink()
    assert bytes_of(tmp_path) == 1000


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"\0" * 77)
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    assert bytes_of(folder) == 77
    (tmp_path / "blob").unlink()
    with pytest.raises(ModelError, match="snapshot"):
        bytes_of(folder)
