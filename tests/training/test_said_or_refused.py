"""What is asked and cannot be had is refused; what does nothing is said."""

import shutil
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError

import angle_bench
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.spec import PoolingName
from angle_bench.errors import AngleBenchError, DataError, UsageError
from angle_bench.training.data.collate import Collator
from angle_bench.training.data.dataset import Example
from angle_bench.training.data.rows import idle
from angle_bench.training.model.trainable import draws, set_dropout
from angle_bench.training.preview.preview import preview
from angle_bench.training.recipe.loss_sections import Objectives
from angle_bench.training.recipe.starting_point import starting_point
from tests.checkpoints import build_tiny, build_tiny_bert
from tests.training.test_layer_decay import groups
from tests.training.test_similarity_teacher import SIMILARITIES
from tests.training.trainings import (
    Seen,
    assert_same_weights,
    dev_mirror,
    recipe_of,
    rows_of,
    trained,
)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"model": {"pooling": "cls_avg_v0"}}, "has the pooling cls_avg_v0, by which the padding"),
        ({"model": {"pooling": "all"}}, "has the pooling all, a vector of every token"),
        ({"teacher": {"model": "self", "pooling": "all"}}, "the teacher .* has the pooling all"),
        ({"teacher": {"model": "self", "pooling": "cls_avg_v0"}}, "has the pooling cls_avg_v0"),
        (
            {
                "teacher": {"model": "self", "pooling": "all", "tokens": "all"},
                "loss": {"ibn_margin": 0.1, "ibn_guide": "teacher"},
            },
            "the teacher .* has the pooling all",
        ),
        ({"lora": {"r": 2, "targets": ["query", "kee"]}}, "targets kee: BertModel has no such"),
        ({"lora": {"r": 2, "targets": ["pooler.dense"]}}, "targets pooler.dense"),
        ({"select": {"suite": "", "patience": 2}}, "select.patience is of evaluations"),
        ({"select": {"suite": "", "steps": 2}}, "select.steps is of evaluations"),
        ({"prompts": {"text": "a man is big " * 20 + "{text}"}}, "the prompt .* alone has 64"),
    ],
)
def test_it_is_refused(
    sections: dict[str, Any], said: str, tmp_path: Path, tiny_bert: Path
) -> None:
    asked = recipe_of(tmp_path, tiny_bert, **sections)
    with pytest.raises(AngleBenchError, match=said):
        trained(asked, tmp_path / "out")
    if "lora" not in sections:  # the names of layers are known once the model is loaded
        with pytest.raises(AngleBenchError, match=said):
            preview(asked, LoadOptions(), "cpu")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"train": {"warmup": 1.5}}, "a share of all steps below 1"),
        (
            {"matryoshka": {
                "sizes": [8], "layers": True, "last_layer_weight": 0, "prior_layers_weight": 0
            }},
            "leaves nothing to learn",
        ),
    ],
)  # fmt: skip
def test_values_that_mean_nothing(
    sections: dict[str, Any], said: str, tmp_path: Path, tiny_bert: Path
) -> None:
    with pytest.raises(ValidationError, match=said):
        recipe_of(tmp_path, tiny_bert, **sections)


def test_an_adapter_trains_as_a_whole(tmp_path: Path, tiny_bert: Path) -> None:
    first, _ = trained(recipe_of(tmp_path, tiny_bert, lora={"r": 2}), tmp_path / "adapter")
    for key in ("trainable", "frozen"):
        asked = recipe_of(tmp_path, first.folder, model={key: ["layer.1"]})
        with pytest.raises(UsageError, match=f"is an adapter.*model.{key}"):
            trained(asked, tmp_path / "more")


@pytest.mark.process
def test_layers_of_an_adapter_decay(tmp_path: Path, tiny_bert: Path) -> None:
    train = {"layer_decay": 0.5, "schedule": "constant", "warmup": 0}
    first, _ = trained(recipe_of(tmp_path, tiny_bert, lora={"r": 2}, train=train), tmp_path / "one")
    more, _ = trained(recipe_of(tmp_path, first.folder, train=train), tmp_path / "two")
    for folder in (first.folder, more.folder):
        rates = {
            (name.partition("layer.")[2][0], group["lr"])
            for group in groups(folder)
            for name in group["params"]
        }
        assert rates == {("0", 0.5e-3), ("1", 1e-3)}


@pytest.mark.parametrize(
    ("format", "loss", "said"),
    [
        ("B", {"cosine_w": 1.0}, ["loss.cosine_w is for rows with labels or negatives"]),
        ("B", {"angle_w": 1.0}, ["loss.angle_w is for rows with labels or negatives"]),
        ("A", {"cln_w": 2.0}, ["loss.cln_w is for rows with negatives of their own"]),
        ("A", {"ibn_w": 0, "ibn_margin": 0.1}, ["loss.ibn_margin is of in-batch negatives"]),
        ("A", {"ibn_w": 0, "mask_duplicates": True}, ["loss.mask_duplicates is of in-batch"]),
        ("C", {"ibn_w": 0, "ibn_margin": 0.1}, []),  # cln has negatives as well
        ("A", {}, []),
        ("B", {}, []),
        ("B", {"cosine_w": 0, "angle_w": 0, "cln_w": 0}, []),
        ("C", {"cosine_w": 3, "angle_w": 3, "cln_w": 3}, []),
    ],
)
def test_objectives_that_do_nothing_are_said(
    format: Any, loss: dict[str, Any], said: list[str]
) -> None:
    found = idle(format, Objectives(**loss))
    assert len(found) == len(said)
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True))


def test_they_are_said_before_and_at_training(tmp_path: Path, tiny_bert: Path) -> None:
    train = {"epochs": 1, "warmup": 50}
    asked = recipe_of(tmp_path, tiny_bert, "B", loss={"cosine_w": 1.0}, train=train)
    _, seen = trained(asked, tmp_path / "out")
    lines = preview(asked, LoadOptions(), "cpu").warnings
    assert seen.warnings == list(lines)
    assert "loss.cosine_w" in lines[0]
    assert lines[1].startswith("train.warmup is 50 of 3 steps")


def test_every_rate_of_dropout_is_set() -> None:
    """BART drops in its activations and leaves out whole layers, too."""
    from transformers import BartConfig
    from transformers.models.bart.modeling_bart import BartEncoder

    config = BartConfig(
        vocab_size=20, d_model=8, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=8,
        dropout=0.0, attention_dropout=0.0, activation_dropout=0.9, encoder_layerdrop=0.0,
    )  # fmt: skip
    model = BartEncoder(config).train()
    ids = torch.arange(5, 15).reshape(2, 5)
    assert draws(model)
    set_dropout(model, 0.0)
    assert not draws(model)
    one, two = (model(input_ids=ids).last_hidden_state for _ in range(2))
    assert torch.equal(one, two)
    model.layerdrop = 0.5
    assert draws(model)


@pytest.mark.parametrize("compare", [{}, SIMILARITIES], ids=["vectors", "similarities"])
def test_another_teacher_under_the_same_name(
    compare: dict[str, Any], tmp_path: Path, tiny_bert: Path
) -> None:
    start, teacher = tmp_path / "start", tmp_path / "teacher"
    shutil.copytree(tiny_bert, start)
    build_tiny_bert(teacher, seed=3)
    section = {"model": str(teacher), "pooling": "mean", **compare}
    train = {"epochs": 2, "save_steps": 2}
    asked = recipe_of(tmp_path, start, teacher=section, train=train)
    whole, _ = trained(asked, tmp_path / "whole")
    trained(asked, tmp_path / "out", Seen(stop_after=4))
    for folder, said in (
        (teacher, "the teacher is not what checkpoint-4"),
        (start, "model is not"),
    ):
        kept = folder.with_name("kept")
        folder.rename(kept)
        build_tiny_bert(folder, seed=9)
        with pytest.raises(UsageError, match=said):
            trained(asked, tmp_path / "out", resume=True)
        shutil.rmtree(folder)
        kept.rename(folder)
    done, _ = trained(asked, tmp_path / "out", resume=True)
    assert_same_weights(done.folder, whole.folder)


def test_other_data_for_choosing_under_the_same_name(tmp_path: Path, tiny_bert: Path) -> None:
    """Scores before and after would be of other rows, and the best of them of either."""
    mirror = dev_mirror(tmp_path / "dev", 40)
    train = {"epochs": 2, "save_steps": 2}
    asked = recipe_of(tmp_path, tiny_bert, train=train, select={"suite": "STSB-dev", "steps": 2})
    whole, _ = trained(asked, tmp_path / "whole", mirror=mirror)
    trained(asked, tmp_path / "out", Seen(stop_after=4), mirror=mirror)
    other = dev_mirror(tmp_path / "other", 30)
    with pytest.raises(
        UsageError, match=r"the data of \w+ \(select.suite\) is not what checkpoint-4"
    ):
        trained(asked, tmp_path / "out", resume=True, mirror=other)
    done, _ = trained(asked, tmp_path / "out", resume=True, mirror=mirror)
    assert_same_weights(done.folder, whole.folder)
    assert done.score == whole.score


def test_python_says_nothing_twice(tmp_path: Path, tiny_bert: Path) -> None:
    rows = rows_of("A")
    for more, said in (
        ({"model": {"name": "other"}}, "model has name, and the name is the first argument"),
        ({"model": {"base": "other"}}, "model has base, and the base is the argument base"),
        ({"data": {"train": [{"path": "other"}]}}, "data has train, and the rows are train_ds"),
        ({"valid_ds": rows, "select": {"suite": "STSB-dev"}}, "chosen by valid_ds"),
    ):
        given: Any = {"valid_ds": None, **more}
        with pytest.raises(UsageError, match=said):
            angle_bench.train(tiny_bert, rows, output=tmp_path / "out", device="cpu", **given)
    with pytest.raises(DataError, match="there is no correlation"):
        angle_bench.evaluate(tiny_bert, [{"text1": "a", "text2": "b", "label": 1.0}] * 3)


def test_a_seed_beyond_numpys(tmp_path: Path, tiny_bert: Path) -> None:
    train = {"epochs": 1, "seed": 2**40 + 3}
    one, _ = trained(recipe_of(tmp_path, tiny_bert, train=train), tmp_path / "one")
    two, _ = trained(recipe_of(tmp_path, tiny_bert, train=train), tmp_path / "two")
    assert_same_weights(one.folder, two.folder)


def test_a_text_that_looks_like_another_with_its_prompt(tmp_path: Path, tiny_bert: Path) -> None:
    """Equal texts go once, but not texts of which other tokens are pooled."""
    model = {"include_prompt": False}
    asked = recipe_of(tmp_path, tiny_bert, "B", model=model, prompts={"document": "a: {text}"})
    spec = starting_point(asked, LoadOptions())
    from transformers import AutoTokenizer

    collate = Collator(AutoTokenizer.from_pretrained(tiny_bert), spec.required_settings())
    batch = collate([Example(0, ("3 a: dog", "dog"), None)])
    assert batch["prompts"].tolist() == [0, 3]
    assert len(set(batch["distinct"])) == 2


@pytest.mark.process
@pytest.mark.parametrize(
    "name", [*sorted(set(get_args(PoolingName)) - {"all", "cls_avg_v0"}), 0, 2]
)
@pytest.mark.parametrize("architecture", ["bert", "llama"])
def test_a_text_of_which_nothing_is_pooled(tmp_path: Path, name: Any, architecture: str) -> None:
    """An empty text behind a prompt that is left out: what sentence-transformers and we say."""
    start = build_tiny(tmp_path / "start", architecture)
    with angle_bench.load(
        str(start), pooling=name, prompt="a man: {text}", include_prompt=False, device="cpu:1"
    ) as encoder:
        vectors = encoder.encode(["", "a dog"])
    assert np.isfinite(vectors).all()
    assert np.abs(vectors).max() < 1e3
