"""What does not fit the store is said before it is computed; retrieval keeps what it finds."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.evaluation.run.store_room import texts_of_task, too_large
from angle_bench.evaluation.task_data import locate
from angle_bench.suites.select import select
from angle_bench.suites.shipped import mteb_task
from tests.conftest import Cli
from tests.mirrors import retrieval

SUITE = """
name = "made"
[[task]]
name = "Made"
type = "retrieval"
dataset = "made/passages"
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    retrieval(tmp_path / "mirror/made/passages", queries=8, documents=40)
    place = tmp_path / "made.toml"
    place.write_text(SUITE)
    return place


def test_the_size_and_what_to_type() -> None:
    said = too_large("e5", [8_841_823, None], 1024, StoreOptions())
    assert said is not None
    assert "8,841,823 texts take about 69G" in said
    assert "its limit of 20G" in said
    assert said.endswith("Type: --cache-limit 69G, or --cache-dtype float16")
    half = StoreOptions(dtype="float16", limit_bytes=10 << 30)
    assert str(too_large("e5", [8_841_823], 1024, half)).endswith("Type: --cache-limit 18G")
    assert too_large("e5", [8_841_823], 1024, StoreOptions(dtype="float16")) is None
    assert too_large("e5", [8_841_823], 1024, StoreOptions(on=False)) is None
    assert too_large("e5", [2000], 1024, StoreOptions()) is None


def test_local_documents_and_queries_are_counted(suite: Path, tmp_path: Path) -> None:
    (task,) = select([str(suite)]).task
    assert task.texts is None
    assert texts_of_task(task, locate(task, tmp_path / "mirror")) == 48
    assert texts_of_task(task, locate(task, tmp_path / "mirror", 5)) is None
    known = mteb_task("NFCorpus")
    assert known is not None
    assert texts_of_task(known, locate(known, None)) == known.samples


@pytest.mark.process
def test_a_run_says_it_and_keeps_what_it_found(
    suite: Path, tmp_path: Path, tiny_bert: Path, cli: Cli
) -> None:
    words = ["run", "-m", tiny_bert, "-t", suite, "--mirror", tmp_path / "mirror"]
    store = ["--cache-dir", tmp_path / "store"]
    small = [*store, "--cache-limit", "9K"]
    dry = cli(*words, *small, "-n")
    assert dry.code == 0, dry.err
    assert "for 48 texts take about" in dry.out
    first = cli(*words, *small, "-r", "first", "-d", "cpu:1")
    assert first.code == 0, first.err
    assert "for 48 texts take about" in first.err
    halves = [
        cli(*words, *store, "--cache-dtype", "float16", "-r", name, "-d", "cpu:1")
        for name in ("half", "again")
    ]
    assert [ended.code for ended in halves] == [0, 0]
    assert "take about" not in halves[0].err
    scores, near = {}, {}
    for name in ("first", "half", "again"):
        (place,) = (tmp_path / name).glob("*/*/Made.json")
        (row,) = json.loads(place.read_text())["scores"]["test"]
        scores[name] = row["main_score"]
        found = pq.ParquetFile(place.parent / ".angle-bench/Made.run.parquet").read()
        assert found.num_rows == 8 * 40
        names = zip(found["query_id"].to_pylist(), found["corpus_id"].to_pylist(), strict=True)
        near[name] = dict(zip(names, found["score"].to_pylist(), strict=True))
        assert found["rank"].to_pylist()[:3] == [1, 2, 3]
        of_first = found["score"].to_pylist()[:40]
        assert of_first == sorted(of_first, reverse=True)
    assert scores["half"] == scores["again"]  # computed, and read back
    assert near["half"] == near["again"]
    assert near["half"] != near["first"]
    assert near["half"] == pytest.approx(near["first"], abs=1e-3)
    refused = cli(*words, "--cache-dtype", "half")
    assert refused.code == 2
    assert re.search(r"only as float32 or float16", refused.err)
