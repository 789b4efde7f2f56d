"""Trainings of the architectures that differ from BERT, and what `train -n` refuses by name."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from angle_bench.checkpoints.resolve import resolve
from angle_bench.training.checkpoint.export import export
from tests import zoo
from tests.checkpoints import add_sentence_transformers_files
from tests.cli.test_train import put
from tests.conftest import Cli
from tests.training.checkpoint_vectors import assert_equal, ours, theirs
from tests.training.trainings import recipe_of, trained, weights

# the libraries that load them, of old architectures and odd settings
pytestmark = pytest.mark.filterwarnings(
    r"ignore:::(peft|transformers|sentence_transformers|torch)\."
)
LENGTHS = ["a cat", "vectors of sentences are compared " * 4, "x"]


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("name", ["t5", "opt-projected"])
def test_a_candidate_has_the_vectors_of_both_libraries(
    tmp_path: Path, name: str, lora: bool
) -> None:
    zoo.transformer(name, tmp_path / "start")
    more = {"lora": {"r": 4}} if lora else {}
    recipe = recipe_of(
        tmp_path, tmp_path / "start", prompts={"text": ""}, train={"epochs": 1}, **more
    )
    trained(recipe, tmp_path / "out")
    found = ours(tmp_path / "out", LENGTHS)
    assert_equal(found, theirs(tmp_path / "out", LENGTHS))
    learned = weights(tmp_path / "out")
    assert any("lora_B" in key and value.abs().max() > 0 for key, value in learned.items()) == lora
    if not lora:
        before = weights(tmp_path / "start")
        assert any(not torch.equal(learned[key], before[key]) for key in learned)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_an_export_of_a_tokenizer_that_pads_on_the_left(tmp_path: Path, name: str) -> None:
    zoo.transformer(name, tmp_path / "left", padding_side="left")
    add_sentence_transformers_files(tmp_path / "left", max_length=48)
    expected = ours(tmp_path / "left", LENGTHS)
    assert np.abs(theirs(tmp_path / "left", LENGTHS) - expected).max() > 1e-3
    export(resolve(str(tmp_path / "left")), "sentence-transformers", tmp_path / "out")
    assert_equal(theirs(tmp_path / "out", LENGTHS), expected)
    assert AutoTokenizer.from_pretrained(tmp_path / "left").padding_side == "left"


@pytest.mark.parametrize("name", ["mpnet", "albert"])
def test_train_n_refuses_gradient_checkpointing(cli: Cli, tmp_path: Path, name: str) -> None:
    zoo.transformer(name, tmp_path / name)
    words = ["train", put(tmp_path, tmp_path / name), "-n", "-d", "cpu"]
    ended = cli(*words, "--set", "model.gradient_checkpointing=true")
    assert ended.code == 1
    assert "model.gradient_checkpointing" in ended.errors[0]
    assert ended.errors[1] == "  type: --set model.gradient_checkpointing=false"
    assert cli(*words, *ended.errors[1].split()[1:]).code == 0


@pytest.mark.process
def test_ids_without_a_row_are_named_before_anything_starts(cli: Cli, tmp_path: Path) -> None:
    zoo.transformer("bert", tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    tokenizer.add_tokens([f"[NEW{at}]" for at in range(zoo.VOCABULARY)])
    tokenizer.save_pretrained(tmp_path / "model")
    recipe = put(tmp_path, tmp_path / "model")
    texts = tmp_path / "texts.txt"
    texts.write_text("a cat\n", encoding="utf-8")
    for words in (
        ["train", recipe, "-n", "-d", "cpu"],
        ["train", recipe, "-d", "cpu"],
        ["encode", texts, "-m", tmp_path / "model", "-o", "v.parquet"],
    ):
        ended = cli(*words)
        assert ended.code == 1, ended.err
        for said in (f"ids up to {len(tokenizer) - 1}", f"only {zoo.VOCABULARY} rows", "[NEW"):
            assert said in ended.errors[0]
    assert not list(tmp_path.glob("checkpoints/**/*.safetensors"))
