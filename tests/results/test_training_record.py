"""The record that training leaves, written through the builder and read as `compare` does."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from angle_bench.results import training_record
from angle_bench.results.text_hash import pair_hash, text_hash
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME, SCHEMA, read_training_texts


def test_texts_and_pairs_are_sorted_and_distinct(tmp_path: Path) -> None:
    record = TrainingRecord()
    record.pair("A man", "a dog")
    record.pair("a DOG ", "a man")
    record.text("one")
    record.text("One")
    record.write(tmp_path / FILE_NAME)
    table = pq.read_table(tmp_path / FILE_NAME)
    assert table.schema.equals(SCHEMA)
    man, dog, one = map(text_hash, ("a man", "a dog", "one"))
    assert table["kind"].to_pylist() == ["text", "text", "text", "pair"]
    assert table["hash"].to_pylist() == [*sorted([man, dog, one]), pair_hash(man, dog)]
    assert record.counts == (3, 1)


def test_many_are_the_same_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_record, "_PENDING", 7)
    forth, back = TrainingRecord(), TrainingRecord()
    texts = [f"text {number % 300}" for number in range(1000)]
    for text in texts:
        forth.text(text)
    for text in reversed(texts):
        back.text(text)
    forth.write(tmp_path / FILE_NAME)
    back.write(tmp_path / "back.parquet")
    table = pq.read_table(tmp_path / FILE_NAME)
    assert table.equals(pq.read_table(tmp_path / "back.parquet"))
    assert table["hash"].to_pylist() == sorted({text_hash(text) for text in texts})


def test_an_empty_record_can_be_read(tmp_path: Path) -> None:
    TrainingRecord().write(tmp_path / FILE_NAME)
    found = read_training_texts(tmp_path)
    assert found is not None
    assert not found.texts | found.pairs


def test_what_the_start_was_trained_on_counts_too(tmp_path: Path) -> None:
    first, second = TrainingRecord(), TrainingRecord()
    first.pair("a", "b")
    first.write(tmp_path / FILE_NAME)
    earlier = read_training_texts(tmp_path)
    assert earlier is not None
    second.text("c")
    second.inherit(earlier)
    second.write(tmp_path / FILE_NAME)
    found = read_training_texts(tmp_path)
    assert found is not None
    assert found.holds(text_hash("A"), text_hash("c"))
    assert len(found.pairs) == 1
