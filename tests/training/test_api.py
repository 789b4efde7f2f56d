"""Training and evaluation from Python."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from scipy import stats

import angle_bench
from angle_bench.errors import DataError, UsageError
from tests.checkpoints import sts_rows
from tests.training.trainings import rows_of


def pairs(count: int = 20) -> datasets.Dataset:
    return datasets.Dataset.from_list(
        [
            {"text1": row["sentence1"], "text2": row["sentence2"], "label": row["score"]}
            for row in sts_rows(count, seed=3)
        ]
    )


@pytest.mark.process
def test_data_sets_in_memory_are_trained_on(tmp_path: Path, tiny_bert: Path) -> None:
    rows = datasets.Dataset.from_list(rows_of("A"))
    more: dict[str, Any] = {
        "output": tmp_path / "out",
        "device": "cpu",
        "model": {"pooling": "mean"},
        "train": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3},
    }
    done = angle_bench.train(tiny_bert, rows, pairs(), **more)
    assert done.score is not None
    encoder = angle_bench.load(str(done.folder), device="cpu:1")
    found = angle_bench.evaluate(encoder, pairs())
    encoder.close()
    assert found["cosine"]["spearman"] == pytest.approx(done.score, abs=1e-6)
    again = angle_bench.train(tiny_bert, rows, pairs(), resume=True, **more)
    assert again.steps == done.steps
    with pytest.raises(UsageError, match="made with: 19 rows instead of 20") as refused:
        angle_bench.train(tiny_bert, rows, pairs(19), resume=True, **more)
    assert "pass: output=FOLDER" in str(refused.value)
    with pytest.raises(UsageError, match="was made with valid_ds"):
        angle_bench.train(tiny_bert, rows, resume=True, select={"suite": ""}, **more)


def test_what_cannot_be_meant_is_refused(tmp_path: Path, tiny_bert: Path) -> None:
    rows = datasets.Dataset.from_list(rows_of("A"))
    with pytest.raises(TypeError, match="'los'"):
        angle_bench.train(tiny_bert, rows, output=tmp_path / "out", los={"ibn_w": 1})  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"loss\.ibn_w"):
        angle_bench.train(tiny_bert, rows, output=tmp_path / "out", loss={"ibn_w": -1})
    with pytest.raises(DataError, match="train_ds is a int"):
        angle_bench.train(tiny_bert, 7, output=tmp_path / "out")
    with pytest.raises(UsageError, match="loss is a float, and should be a dict"):
        angle_bench.train(tiny_bert, rows, output=tmp_path / "out", loss=1.0)  # type: ignore[arg-type]


class Known:
    """An encoder whose vectors are given."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def encode(self, texts: list[str]) -> np.ndarray:
        assert len(texts) == len(self.vectors)
        return self.vectors


def test_the_correlations_are_those_of_sentence_transformers() -> None:
    from sentence_transformers.util import (
        pairwise_cos_sim,
        pairwise_dot_score,
        pairwise_euclidean_sim,
        pairwise_manhattan_sim,
    )

    rows = pairs(30)
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    found = angle_bench.evaluate(Known(vectors), rows)
    theirs = {
        "cosine": pairwise_cos_sim,
        "dot": pairwise_dot_score,
        "manhattan": pairwise_manhattan_sim,
        "euclidean": pairwise_euclidean_sim,
    }
    for name, similar in theirs.items():
        scores = similar(vectors[:30], vectors[30:]).numpy()
        for kind, correlation in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
            expected = correlation(scores, rows["label"]).statistic
            assert found[name][kind] == pytest.approx(expected, abs=1e-5), (name, kind)
    with pytest.raises(DataError, match="needs text1"):
        angle_bench.evaluate(Known(vectors), rows.rename_column("label", "gold"))
