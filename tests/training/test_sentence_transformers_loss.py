"""AngleLoss in sentence-transformers' own trainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)

from angle_bench.errors import DataError, UsageError
from angle_bench.training import AngleLoss
from angle_bench.training.loss.combined import Rows, combined
from angle_bench.training.recipe.loss_sections import Objectives

FIRST = ["A man eats.", "Two dogs run.", "The red apple.", "A man eats."]
SECOND = ["Someone eats.", "Dogs are running.", "A green pear.", "He has a meal."]
THIRD = ["Nobody eats.", "A cat sleeps.", "A blue car.", "He sleeps."]
LABELS = [1.0, 1.0, 0.0, 1.0]
COLUMNS = {
    "A": {"text1": FIRST, "text2": SECOND, "label": LABELS},
    "B": {"query": FIRST, "positive": SECOND},
    "C": {"query": FIRST, "positive": SECOND, "negative": THIRD},
}


@pytest.fixture
def model(tiny_bert: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_bert), device="cpu")


def tokens(model: SentenceTransformer, *columns: list[str]) -> list[dict[str, Any]]:
    return [dict(model.tokenize(texts)) for texts in columns]


@pytest.mark.parametrize("format", list(COLUMNS))
def test_the_trainer_lowers_it(model: SentenceTransformer, tmp_path: Path, format: str) -> None:
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=4,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = SentenceTransformerTrainer(
        model,
        arguments,
        train_dataset=Dataset.from_dict(COLUMNS[format]),
        loss=AngleLoss(model, angle_w=1.0, cosine_w=1.0),
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 4
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_combined_loss(model: SentenceTransformer, masked: bool) -> None:
    model.eval()
    found = AngleLoss(model, mask_duplicates=masked)(
        tokens(model, FIRST, SECOND, THIRD), labels=None
    )
    texts = [text for row in zip(FIRST, SECOND, THIRD, strict=True) for text in row]
    vectors = torch.from_numpy(model.encode(texts))
    ids = torch.tensor([texts.index(text) for text in texts])
    settings = Objectives(mask_duplicates=masked)
    assert found.item() == pytest.approx(
        combined(vectors, Rows(3, None, ids), settings).total.item()
    )


def test_unknown_settings_are_refused(model: SentenceTransformer) -> None:
    with pytest.raises(UsageError, match="Did you mean angle_w") as raised:
        AngleLoss(model, angel_w=1.0)
    assert raised.value.fix.startswith("angle_w")
    with pytest.raises(UsageError, match="ibn_tau"):
        AngleLoss(model, ibn_tau=0)


def test_other_columns_are_refused(model: SentenceTransformer) -> None:
    with pytest.raises(DataError, match="there are 1"):
        AngleLoss(model)(tokens(model, FIRST), labels=None)
