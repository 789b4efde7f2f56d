"""Texts that are longer than the candidate or a teacher takes are counted and said."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from angle_bench.evaluation.run.run_options import StoreOptions
from tests.checkpoints import build_tiny_bert, write_rows
from tests.training.test_similarity_teacher import SIMILARITIES, handed_over
from tests.training.trainings import recipe_of, rows_of, trained


def longer(folder: Path, texts: list[str], limit: int) -> int:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return sum(len(tokenizer(text)["input_ids"]) > limit for text in texts)


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    found = rows_of("B", 24)
    write_rows(tmp_path / "rows-B.jsonl", found)
    return found


def test_of_a_candidate(tmp_path: Path, tiny_bert: Path, rows: list[dict[str, Any]]) -> None:
    model, train = {"max_length": 7}, {"epochs": 2}
    _, seen = trained(recipe_of(tmp_path, tiny_bert, "B", model=model, train=train), tmp_path / "o")
    every = [row[name] for row in rows for name in ("query", "positive")]
    cut = longer(tiny_bert, every, 7)
    assert 0 < cut < len(every)
    assert seen.warnings == [f"{2 * cut} of {2 * len(every)} texts were cut to 7 tokens"]
    _, seen = trained(recipe_of(tmp_path, tiny_bert, "B"), tmp_path / "whole")
    assert seen.warnings == []


def test_of_a_teacher_of_similarities(
    tmp_path: Path, tiny_bert: Path, rows: list[dict[str, Any]]
) -> None:
    """Those that it computes: what is in the store was counted when it came there."""
    build_tiny_bert(tmp_path / "short", seed=3, max_position_embeddings=9)
    section = {"model": str(tmp_path / "short"), "pooling": "mean", **SIMILARITIES}
    asked = recipe_of(tmp_path, tiny_bert, "B", teacher=section, train={"epochs": 3})
    kept = StoreOptions(folder=tmp_path / "cache")
    _, seen = trained(asked, tmp_path / "out", store_options=kept)
    every = {row[name] for row in rows for name in ("query", "positive")}
    cut = longer(tiny_bert, sorted(every), 9)
    assert 0 < cut < len(every)
    (said,) = seen.warnings
    assert said == f"the teacher short: {cut} of {len(every)} texts were cut to 9 tokens"
    _, seen = trained(asked.with_seed(5), tmp_path / "stored", store_options=kept)
    assert seen.warnings == []


def test_where_nobody_counts_that_is_said(
    tmp_path: Path, tiny_bert: Path, rows: list[dict[str, Any]]
) -> None:
    section = {"model": str(handed_over(tmp_path / "st")), **SIMILARITIES}
    asked = recipe_of(tmp_path, tiny_bert, "B", teacher=section, train={"max_steps": 1})
    _, seen = trained(asked, tmp_path / "out", store_options=StoreOptions(on=False))
    assert any("does not say how many texts it cuts" in line for line in seen.warnings)
