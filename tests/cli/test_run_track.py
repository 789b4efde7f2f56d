"""`run --track`: what trackers keep here, read back by their own libraries."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import angle_bench as ab
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

TASKS = ("STS12", "STS13")


@pytest.fixture
def run(cli: Cli, tiny_bert: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """A run of two small tasks, of which nothing is stored yet."""
    for seed, name in enumerate(TASKS):
        place = tmp_path / f"mirror/mteb/{name.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(30 + seed, seed=seed))
    return ("run", "-m", f"tiny={tiny_bert}", "-t", ",".join(TASKS), "--mirror", "mirror")


@dataclass
class Kept:
    """What a tracker holds of one run.

    Attributes:
        scores: By `score/TASK`.
        config: Keys and values as texts.
        tables: The rows of each, as texts.
    """

    scores: dict[str, float]
    config: dict[str, str]
    tables: dict[str, list[list[str]]]


def texts(rows: Any) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def kept_by_tensorboard(results: Path) -> Kept:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (results / ".tensorboard").iterdir()
    read = EventAccumulator(str(folder)).Reload()
    scores = {tag: read.Scalars(tag)[0].value for tag in read.Tags()["scalars"]}
    tables = {}
    for tag in read.Tags()["tensors"]:
        (event,) = read.Tensors(tag)
        lines = event.tensor_proto.string_val[0].decode().splitlines()[2:]
        tables[tag] = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
    return Kept(scores, {key: value for key, value in tables.pop("config")}, tables)


READ = {"tensorboard": kept_by_tensorboard}


@pytest.mark.parametrize("tracker", READ)
def test_a_tracker_keeps_what_the_run_says(
    tracker: str, cli: Cli, run: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(tracker)
    ended = cli(*run, "--track", tracker, "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    kept = READ[tracker](Path("results"))
    expected = {f"score/{task}": row["scores"][task] for task in TASKS}
    expected["score/mean"] = row["mean"]
    assert kept.scores == pytest.approx(expected, abs=1e-4)
    assert kept.config["signature"] == row["signature"]
    assert kept.config["revision"] == row["revision"]
    assert kept.config["label"] == "tiny"
    assert kept.config["command"].startswith("angle-bench run -m tiny=")
    assert kept.config["version/mteb"]
    (line,) = kept.tables["table"]
    assert line[0] == "tiny"
    assert [float(cell) for cell in line[1:]] == pytest.approx(list(expected.values()), abs=1e-4)
    frame = ab.scores("results")
    assert len(kept.tables["metrics"]) == len(frame)
    assert f"{tracker}  " in ended.err or tracker in ended.err
