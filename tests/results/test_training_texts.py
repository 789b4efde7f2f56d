"""The record of what a checkpoint was trained on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.errors import ResultsError
from angle_bench.results.text_hash import text_hash
from angle_bench.results.training_texts import FILE_NAME, read_training_texts
from tests.stored import put_training


def test_pairs_and_texts_come_back(tmp_path: Path) -> None:
    put_training(tmp_path, [("A man", "a dog")], ["one", "two"])
    record = read_training_texts(tmp_path)
    assert record is not None
    man, dog, one, two = map(text_hash, ("a MAN ", "a dog", "one", "two"))
    assert record.holds(dog, man)  # in either order
    assert record.holds(one, two)  # both of its texts
    assert record.holds(one, one)
    assert not record.holds(one, man)  # one of them says little about the pair
    assert not record.holds(man, man)


def test_a_checkpoint_without_one(tmp_path: Path) -> None:
    assert read_training_texts(tmp_path) is None


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"PAR1")
    with pytest.raises(ResultsError, match=FILE_NAME):
        read_training_texts(tmp_path)
    pq.write_table(pa.table({"kind": ["text"], "hash": ["short"]}), tmp_path / FILE_NAME)
    with pytest.raises(ResultsError, match="record of training texts"):
        read_training_texts(tmp_path)
