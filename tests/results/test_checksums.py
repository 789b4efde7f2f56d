"""Files of a result that rot on the disk: computed again and named, and only these."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from angle_bench.files.atomic import write_json
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import ResultRequirements, look_up, store
from angle_bench.results.predictions import PairPredictions
from angle_bench.suites.task import Task
from tests.conftest import Cli

TASK = Task(
    name="T",
    type="STS",
    dataset="o/t",
    revision="r",
    splits=("test",),
    metric="cosine_spearman",
)
PAIR = PairPredictions("default", "test", ["a"] * 9, ["b"] * 9, [5.0] * 9, [0.5] * 9)


def put(folder: ModelFolder) -> None:
    scores = {"test": [{"hf_subset": "default", "main_score": 0.25, "other": [0.5, None]}]}
    head = {"task_name": "T", "dataset_revision": "r", "mteb_version": "2.0"}
    text = json.dumps({**head, "scores": scores})
    store(
        folder,
        "T",
        write_result=lambda place: place.write_text(text) and None,
        meta={},
        record={"data": {}},
        predictions=[PAIR],
    )


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    found = ModelFolder(tmp_path / "results", "org/model", "0" * 40)
    put(found)
    return found


def state(folder: ModelFolder) -> tuple[str, str]:
    found = look_up(folder, TASK, ResultRequirements("r"))
    return found.state, found.reason


def change(place: Path, **changes: Any) -> None:
    write_json(place, {**json.loads(place.read_text()), **changes})


def test_what_was_stored_is_done(folder: ModelFolder) -> None:
    assert state(folder) == ("done", "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=some.data())
def test_no_bit_of_the_predictions_may_turn(folder: ModelFolder, data: some.DataObject) -> None:
    place = folder.predictions("T")
    whole = place.read_bytes()
    bit = data.draw(some.integers(0, 8 * len(whole) - 1))
    rotten = bytearray(whole)
    rotten[bit // 8] ^= 1 << bit % 8
    place.write_bytes(rotten)
    assert state(folder) == ("damaged", f"{place} is not as it was stored")
    place.write_bytes(whole)


@pytest.mark.parametrize(("old", "new"), [("0.25", "0.35"), ("0.5", "0.4"), ("null", "1")])
def test_no_digit_of_a_score_may_turn(folder: ModelFolder, old: str, new: str) -> None:
    place = folder.result("T")
    place.write_text(place.read_text().replace(old, new))
    assert state(folder) == ("damaged", f"{place} is not as it was stored: test/default")


def test_other_tools_may_add_splits_and_write_the_file_anew(folder: ModelFolder) -> None:
    place = folder.result("T")
    scores = json.loads(place.read_text())["scores"]
    more = [{"hf_subset": "default", "main_score": 0.5}]
    change(place, scores={"dev": more, **scores}, kg_co2_emissions=1)
    assert state(folder) == ("done", "")


def test_lost_predictions_are_named(folder: ModelFolder) -> None:
    folder.predictions("T").unlink()
    task = TASK.model_copy(update={"type": "Clustering"})  # which could do without
    found = look_up(folder, task, ResultRequirements("r"))
    assert found.state == "damaged"
    assert str(folder.predictions("T")) in found.reason


@pytest.mark.parametrize(
    "said", [{}, {"scores": []}, {"scores": {"test/default": 1}}, {"scores": {}, "predictions": 1}]
)
def test_odd_checksums_are_damage(folder: ModelFolder, said: Any) -> None:
    change(folder.record("T"), checksums=said)
    assert state(folder)[0] == "damaged"


def test_predictions_of_older_records_are_read(folder: ModelFolder) -> None:
    change(folder.record("T"), checksums=None)
    assert state(folder) == ("done", "")
    place = folder.predictions("T")
    place.write_bytes(place.read_bytes()[:-20])
    found, reason = state(folder)
    assert found == "damaged"
    assert f"{place} cannot be read" in reason


@pytest.mark.parametrize(
    "odd", [{"model": []}, {"data": "x"}, {"data": {"rows": [1]}}, {"model": {"settings": "x"}}]
)
def test_odd_records_are_named(folder: ModelFolder, odd: dict[str, Any]) -> None:
    change(folder.record("T"), **odd)
    found, reason = state(folder)
    assert found == "unreadable"
    assert str(folder.record("T")) in reason


@pytest.mark.process
def test_a_run_computes_rotten_files_again_and_names_them(
    cli: Cli, tiny_bert: Path, tmp_path: Path
) -> None:
    words = ("run", "-m", str(tiny_bert), "--pooling", "mean", "-t", "demo", "-d", "cpu:1")
    first = cli(*words)
    assert first.code == 0, first.err
    assert "all stored before" in cli(*words).err
    (place,) = (tmp_path / "results").rglob("*.parquet")
    whole = pq.read_table(place)
    place.write_bytes(place.read_bytes()[:100])
    again = cli(*words)
    named = place.relative_to(tmp_path)
    assert f"is computed again: {named} is not as it was stored" in again.err
    assert again.out == first.out
    assert pq.read_table(place) == whole
    assert "all stored before" in cli(*words).err
