"""Per-item predictions on disk (CONTRACTS "Predictions")."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.results.predictions import (
    ClassPredictions,
    Experiment,
    PairPredictions,
    Predictions,
    QueryPredictions,
    has_predictions,
    needs_predictions,
    predictions_file,
    read_predictions,
)
from angle_bench.suites.shipped import mteb_task

TEST = PairPredictions("default", "test", ["ü 汉 🙂", ""], ["b", "\x00\n"], [5, 0.25], [0.1, -1.0])
DEV = PairPredictions("en-de", "validation", ["c"], ["c"], [1.0], [1 / 3])


def write(place: Path, *parts: Predictions) -> Path:
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


def test_queries_come_back_as_they_went_in(tmp_path: Path) -> None:
    part = QueryPredictions("de", "test", "ndcg_at_10", {"q1": 0.5, "ü 2": 1 / 3})
    table = read_predictions(write(tmp_path / "T.parquet", part))
    assert len(part) == table.num_rows
    assert table.to_pylist() == [
        {"subset": "de", "split": "test", "query_id": q, "metric": "ndcg_at_10", "value": value}
        for q, value in (("q1", 0.5), ("ü 2", 1 / 3))
    ]
    assert table.schema.field("value").type == pa.float64()


def test_every_experiment_has_the_rows_that_it_was_tested_on(tmp_path: Path) -> None:
    part = ClassPredictions(
        "default",
        "test",
        text=["a", "b", "c"],
        gold=["0", "1", "1"],
        experiments=[
            Experiment(range(3), ["0", "0", "1"]),
            Experiment([2, 0], ["1", "1"]),
        ],
    )
    table = read_predictions(write(tmp_path / "T.parquet", part))
    names = ("experiment", "index", "text", "gold", "predicted")
    assert table.column_names == ["subset", "split", *names]
    assert [tuple(row[name] for name in names) for row in table.to_pylist()] == [
        (0, 0, "a", "0", "0"),
        (0, 1, "b", "1", "0"),
        (0, 2, "c", "1", "1"),
        (1, 2, "c", "1", "1"),
        (1, 0, "a", "0", "1"),
    ]
    assert len(part) == 5


def test_pairs_that_are_classified_have_both_texts(tmp_path: Path) -> None:
    one = Experiment([1], ["0"])
    pairs = (["a", "c"], ["b", "d"])
    part = ClassPredictions("default", "test", ["a\nb", "c\nd"], ["0", "1"], [one], pairs)
    (row,) = read_predictions(write(tmp_path / "T.parquet", part)).to_pylist()
    assert (row["index"], row["text"], row["text1"], row["text2"]) == (1, "c\nd", "c", "d")


def test_a_text_is_written_once_for_all_experiments(tmp_path: Path) -> None:
    import random

    letters = random.Random(0)
    text = ["".join(letters.choices("abcdefgh", k=400)) for _ in range(4000)]
    sizes = []
    for count in (1, 10):
        experiments = [Experiment(range(len(text)), ["0"] * len(text))] * count
        part = ClassPredictions("default", "test", text, ["0"] * len(text), experiments)
        sizes.append(write(tmp_path / f"{count}.parquet", part).stat().st_size)
    assert sizes[1] < 2 * sizes[0]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("STS12", True),
        ("TwitterSemEval2015", True),
        ("NFCorpus", True),
        ("AskUbuntuDupQuestions", True),
        ("InstructIR", True),
        ("Banking77Classification", True),
        ("SummEval", True),
        ("TwentyNewsgroupsClustering", True),
        ("BUCC.v2", True),
        ("CEDRClassification", True),
        ("Core17InstructionRetrieval", True),
        ("FloresBitextMining", False),
        ("RuSciBenchYearPublRegression", False),
        ("StakeholderGrounding", False),
        ("CQADupstackRetrieval", False),  # its parts have
        ("CQADupstackTexRetrieval", True),
    ],
)
def test_which_tasks_have_predictions(name: str, there: bool) -> None:
    task = mteb_task(name)
    assert task is not None
    assert has_predictions(task) == there


@pytest.mark.parametrize(("name", "needed"), [("STS12", True), ("BUCC.v2", False)])
def test_results_from_before_answer_without(name: str, needed: bool) -> None:
    """What no version before this one kept makes no stored result incomplete."""
    task = mteb_task(name)
    assert task is not None
    assert needs_predictions(task) == needed
