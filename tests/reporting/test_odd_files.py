"""Odd run records and prediction files: named and left out, whatever is odd in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import How
from angle_bench.reporting.comparison.leaderboard_ranks import with_ranks
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.comparison.text_report import text
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from tests.reporting import boards
from tests.stored import Pairs, Results, suite, task

OF = suite(task("A"))
PAIRS = Pairs("A")
NOISE = {"good": 0.1, "base": 0.3, "odd": 0.5}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = Results(tmp_path)
    for label, noise in NOISE.items():
        made.put(f"local/{label}", "A", PAIRS.part(PAIRS.scores(noise, 1)))
    return made


def side_file(results: Results, name: str) -> Path:
    return results.model("odd").folders[0].path / ".angle-bench" / name


def ranked(results: Results) -> Board:
    warnings: list[str] = []
    rows = model_rows(OF, every_model(models_of(collect([results.root]).folders)), warnings)
    return with_ranks(boards.arrange(OF, rows, boards.LeaderboardOptions(base="base"), warnings))


def compared(results: Results, *names: str) -> str:
    sides = [Side.of(name, [results.model(name)], []) for name in names]
    found = compare(sides[0], sides[1:], OF, How(allow_different=True), read_sides(sides, OF, []))
    return text(found)


RECORDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a list": lambda record: [record],
    "model a list": lambda record: record | {"model": [record["model"]]},
    "command a number": lambda record: record | {"command": 1e308},
    "model null": lambda record: record | {"model": None},
    "data a text": lambda record: record | {"data": "mirror"},
    "verification null": lambda record: record | {"data": {"verification": None}},
    **{
        f"{key} a list": lambda record, key=key: record | {"model": record["model"] | {key: ["x"]}}
        for key in ("name", "label", "folder", "base", "settings", "settings_digest", "loader")
    },
    "settings a text": lambda record: record | {"model": record["model"] | {"settings": "mean"}},
    "settings empty": lambda record: record | {"model": record["model"] | {"settings": {}}},
    "utc a list": lambda record: record | {"utc": [1], "model": None},
    "selected 1": lambda record: record | {"model": record["model"] | {"selected_on_test": 1}},
    **{
        f"{key} odd": lambda record, key=key: (
            record
            | {"model": record["model"] | {"settings": record["model"]["settings"] | {key: [1]}}}
        )
        for key in ("prompts", "dtype")
    },
}


@pytest.mark.parametrize("kind", RECORDS)
def test_an_odd_run_record_is_named_and_the_score_stands(results: Results, kind: str) -> None:
    place = side_file(results, "A.json")
    place.write_text(json.dumps(RECORDS[kind](json.loads(place.read_text()))))
    board = ranked(results)
    assert len(board.rows) == 3
    (line,) = [line for line in board.warnings if "run record" in line]
    assert str(place) in line
    compared(results, "base", "good", "odd")


def test_a_run_record_that_is_cut_off_is_named(results: Results) -> None:
    place = side_file(results, "A.json")
    place.write_text(place.read_text()[:-20])
    assert any(str(place) in line for line in ranked(results).warnings)


COLUMNS = ("split", "subset", "text1", "text2", "gold", "score")
KINDS: dict[str, Callable[[pa.Table, str], pa.Table]] = {
    "absent": lambda table, name: table.drop_columns([name]),
    "other": lambda table, name: table.rename_columns(
        [f"{each}s" if each == name else each for each in table.column_names]
    ),
    "twice": lambda table, name: table.append_column(name, table[name]),
    "lists": lambda table, name: table.set_column(
        table.column_names.index(name), name, pa.array([["x"]] * len(table))
    ),
    "objects": lambda table, name: table.set_column(
        table.column_names.index(name), name, pa.array([{"a": 1}] * len(table))
    ),
    "words": lambda table, name: table.set_column(
        table.column_names.index(name), name, pa.array(["x"] * len(table))
    ),
    "numbers": lambda table, name: table.set_column(
        table.column_names.index(name), name, pa.array(range(len(table)))
    ),
    "null": lambda table, name: table.set_column(
        table.column_names.index(name), name, pa.nulls(len(table))
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_predictions_are_named_and_left_out(results: Results, kind: str, name: str) -> None:
    if kind == "words" and name.startswith("text"):
        pytest.skip("words are texts: other items, which are refused")
    place = side_file(results, "A.parquet")
    pq.write_table(KINDS[kind](pq.read_table(place), name), place)
    board = ranked(results)
    assert len(board.rows) == 3
    assert set(board.intervals) == {"good", "base"}
    assert any("without a rank" in line and "odd" in line for line in board.warnings)
    shown = compared(results, "base", "good", "odd")
    assert "odd: not compared: A (odd: " in shown


def test_a_checkpoint_that_was_chosen_by_null_is_compared(results: Results) -> None:
    place = side_file(results, "A.json")
    record = json.loads(place.read_text())
    place.write_text(json.dumps(record | {"model": record["model"] | {"selected_on_test": None}}))
    compared(results, "base", "odd")


def test_training_texts_that_cannot_be_read_are_named_and_left_out(results: Results) -> None:
    side_file(results, "training_texts.parquet").write_bytes(b"no parquet")
    board = ranked(results)
    (said,) = [line for line in board.warnings if "training_texts.parquet" in line]
    assert said.endswith("; left out")
    assert board.intervals.keys() == {"good", "base", "odd"}
