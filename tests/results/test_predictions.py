"""Per-item predictions of pairs (CONTRACTS "Predictions")."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.results.predictions import PairPredictions, predictions_file, read_predictions

TEST = PairPredictions("default", "test", ["ü 汉 🙂", ""], ["b", "\x00\n"], [5, 0.25], [0.1, -1.0])
DEV = PairPredictions("en-de", "validation", ["c"], ["c"], [1.0], [1 / 3])


def write(place: Path, *parts: PairPredictions) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    predictions_file(place, parts).write(place)
    return place


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    rows = read_predictions(write(tmp_path / "T.parquet", TEST, DEV)).to_pylist()
    names = ("subset", "split", "index", "text1", "text2", "gold", "score")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("default", "test", 0, "ü 汉 🙂", "b", 5.0, 0.1),
        ("default", "test", 1, "", "\x00\n", 0.25, -1.0),
        ("en-de", "validation", 0, "c", "c", 1.0, 1 / 3),
    ]


# the names of folders end up in the path: none of them may become a column
@pytest.mark.parametrize("folder", [".", "local__lr=1e-5/r/.angle-bench", "_hidden"])
def test_the_schema_is_that_of_the_contract(tmp_path: Path, folder: str) -> None:
    place = write(tmp_path / folder / "T.parquet", TEST)
    expected = [
        ("subset", pa.string()),
        ("split", pa.string()),
        ("index", pa.int64()),
        ("text1", pa.string()),
        ("text2", pa.string()),
        ("gold", pa.float64()),
        ("score", pa.float64()),
    ]
    for schema in (read_predictions(place).schema, pq.read_schema(place)):
        assert [(field.name, field.type) for field in schema] == expected


def test_a_split_without_pairs_keeps_its_types(tmp_path: Path) -> None:
    empty = PairPredictions("default", "test", [], [], [], [])
    table = read_predictions(write(tmp_path / "T.parquet", empty))
    assert table.num_rows == 0
    assert table.schema.field("text1").type == pa.string()


@pytest.mark.parametrize("short", ["text1", "text2", "gold"])
def test_columns_of_different_lengths_are_refused(short: str) -> None:
    columns: dict[str, Any] = {
        "text1": ["a", "b"],
        "text2": ["c", "d"],
        "gold": [1.0, 2.0],
        "score": [0.1, 0.2],
    }
    columns[short] = columns[short][:1]
    with pytest.raises(ValueError, match="length"):
        PairPredictions("default", "test", **columns).table()


def test_texts_that_are_no_strings_are_refused() -> None:
    with pytest.raises(TypeError):
        PairPredictions("default", "test", [1], ["b"], [1.0], [0.5]).table()  # type: ignore[list-item]
