"""Every architecture's vectors beside sentence-transformers', and what is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

import angle_bench
from angle_bench.errors import ModelError
from angle_bench.models.backbone import load_tokenizer, refuse_gradient_checkpointing
from angle_bench.models.config import refuse_architecture
from angle_bench.models.place import Place
from angle_bench.models.spec import NO_TRUST
from tests import zoo

TEXTS = ["a cat on the table", "", "Vectors! " * 60, "naïve 中文 cat", "x"]


@pytest.mark.parametrize("name", ["t5", "mt5", "umt5", "opt-projected", "mpnet"])
def test_vectors_are_those_of_sentence_transformers(tmp_path: Path, name: str) -> None:
    from sentence_transformers import SentenceTransformer

    zoo.transformer(name, tmp_path)
    theirs = SentenceTransformer(str(tmp_path), device="cpu", model_kwargs={"dtype": "float32"})
    want = np.array([theirs.encode(text, show_progress_bar=False) for text in TEXTS])
    ours = angle_bench.load(str(tmp_path), device="cpu", pooling="mean")
    assert np.abs(ours.encode(TEXTS) - want).max() <= 2e-5
    ours.close()


def test_ids_without_a_row_are_named(tmp_path: Path) -> None:
    zoo.transformer("bert", tmp_path)
    load_tokenizer(Place(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_tokens(["[NEW]"] * 1 + [f"[NEW{at}]" for at in range(zoo.VOCABULARY)])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=f"only {zoo.VOCABULARY} rows"):
        load_tokenizer(Place(tmp_path))


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
