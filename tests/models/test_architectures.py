"""Every architecture's vectors beside sentence-transformers', and what is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import is_decoder, refuse_architecture, shape_of
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.loading.backbone import (
    load_backbone,
    refuse_gradient_checkpointing,
    width_of,
)
from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.spec import NO_TRUST, Settings, Shape
from angle_bench.errors import ModelError
from tests import zoo
from tests.training.checkpoint_vectors import ours

# the libraries that load them, of old architectures and odd settings
pytestmark = pytest.mark.filterwarnings(
    r"ignore:::(peft|transformers|sentence_transformers|torch)\."
)
TEXTS = ["a cat on the table", "", "Vectors! " * 60, "naïve 中文 cat", "x"]


def bare(name: str, folder: Path) -> Overrides:
    """Write an architecture's plain folder; what has to be typed for it."""
    zoo.transformer(name, folder)
    if is_decoder(folder):
        return Overrides(pooling="last", prompt="none")
    return Overrides(pooling="mean")


def by_sentence_transformers(folder: Path, pooling: str, texts: list[str]) -> Any:
    """Vectors of one text at a time, so that padding plays no part."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    whole = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
    pooled = Pooling(whole[0].get_embedding_dimension(), pooling)
    theirs = SentenceTransformer(modules=[whole[0], pooled], device="cpu")
    return np.array([theirs.encode(text, show_progress_bar=False) for text in texts])


@pytest.mark.parametrize("name", zoo.ARCHITECTURES)
def test_vectors_are_those_of_sentence_transformers(tmp_path: Path, name: str) -> None:
    typed = bare(name, tmp_path)
    pooling = "lasttoken" if typed.pooling == "last" else "mean"
    want = by_sentence_transformers(tmp_path, pooling, TEXTS)
    got = ours(tmp_path, TEXTS, typed)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 2e-5
    assert np.abs(got[0] - got[2]).max() > 0.1  # random weights that tell texts apart


@pytest.mark.parametrize("name", zoo.ARCHITECTURES)
def test_the_config_alone_says_layers_and_width(tmp_path: Path, name: str) -> None:
    bare(name, tmp_path)
    settings = Settings(pooling="mean", max_length=16)
    loaded = load_backbone(CheckpointPaths(tmp_path), settings, torch.device("cpu"))
    assert shape_of(tmp_path) == Shape(layers=loaded.layers, width=loaded.dimension)
    assert width_of(tmp_path, NO_TRUST) == loaded.dimension


def test_ids_without_a_row_are_named(tmp_path: Path) -> None:
    zoo.transformer("bert", tmp_path)
    load_tokenizer(CheckpointPaths(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_tokens(["[NEW]"] * 1 + [f"[NEW{at}]" for at in range(zoo.VOCABULARY)])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=f"only {zoo.VOCABULARY} rows"):
        load_tokenizer(CheckpointPaths(tmp_path))


@pytest.mark.parametrize(("name", "refused"), [("mpnet", True), ("albert", True), ("t5", False)])
def test_gradient_checkpointing_where_there_is_none(
    tmp_path: Path, name: str, refused: bool
) -> None:
    zoo.transformer(name, tmp_path)
    if not refused:
        return refuse_gradient_checkpointing(tmp_path, NO_TRUST)
    with pytest.raises(ModelError, match="gradient_checkpointing"):
        refuse_gradient_checkpointing(tmp_path, NO_TRUST)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "bart", "is_encoder_decoder": True},
        {"model_type": "bert", "num_hidden_layers": -3, "hidden_size": 32},
    ],
)
def test_what_no_encoder_can_follow(tmp_path: Path, config: dict[str, object]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        refuse_architecture(tmp_path)


@pytest.mark.parametrize("name", zoo.ARCHITECTURES)
def test_a_note_says_where_pads_on_the_left_move_a_text(tmp_path: Path, name: str) -> None:
    from sentence_transformers import SentenceTransformer

    zoo.transformer(name, tmp_path, padding_side="left")
    texts = [TEXTS[0], TEXTS[2]]
    theirs = SentenceTransformer(str(tmp_path), device="cpu", model_kwargs={"dtype": "float32"})
    alone = theirs.encode(texts, batch_size=1, show_progress_bar=False)
    together = theirs.encode(texts, batch_size=2, show_progress_bar=False)
    moved = np.abs(alone - together).max() > 1e-3
    assert ("pads on the left" in (read_folder(tmp_path).note or "")) == moved


@pytest.mark.parametrize("name", ["t5", "mt5", "umt5"])
def test_the_encoder_of_whole_weights_of_t5(tmp_path: Path, name: str) -> None:
    zoo.transformer(name, tmp_path / "whole")
    config = AutoConfig.from_pretrained(tmp_path / "whole")
    config.is_encoder_decoder = True
    config.num_decoder_layers = 2
    torch.manual_seed(2)
    whole = AutoModelForSeq2SeqLM.from_config(config)
    for parameter in whole.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    whole.save_pretrained(tmp_path / "whole")
    want = by_sentence_transformers(tmp_path / "whole", "mean", TEXTS)
    got = ours(tmp_path / "whole", TEXTS, Overrides(pooling="mean"))
    assert np.abs(got - want).max() <= 2e-5
