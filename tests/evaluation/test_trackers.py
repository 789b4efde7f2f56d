"""Trackers keep a report: written by their libraries, read back from what these left here."""

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import UsageError
from angle_bench.evaluation.tracking.model_report import ModelReport, TrackedTable
from angle_bench.evaluation.tracking.tell_trackers import tell_trackers
from angle_bench.evaluation.tracking.trackers import (
    TRACKERS,
    check_tracker,
    check_trackers,
    tracker_of,
)

SIGNATURE = "model:org/tiny@abc|pool:cls|" + "data:x" * 200  # longer than a cell of most pages
REPORT = ModelReport(
    name="tiny: layer 2",
    group="STS",
    scores={"STS12": 12.5, "SICK-R": 50.0},
    mean=31.25,
    config={"signature": SIGNATURE, "revision": "abc", "size": 64, "command": "angle-bench run"},
    tables={
        "table": TrackedTable(("model", "STS12"), [["tiny", 12.5], ["other", None]]),
        "all_metrics": TrackedTable(("task", "metric", "score"), [["STS12", "pearson", 1.5]]),
    },
    failures={"STS14": "there is no data."},
)


@dataclass
class Kept:
    """What a tracker holds of one run; values of tables as texts."""

    scores: dict[str, float]
    config: dict[str, Any]
    tables: dict[str, list[list[str]]]


def texts(rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    return [["" if cell in (None, "NaN") else str(cell) for cell in row] for row in rows]


def of_tensorboard(folder: Path) -> Kept:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (place,) = (folder / "results/.tensorboard").iterdir()
    read = EventAccumulator(str(place)).Reload()
    tables = {}
    for tag in read.Tags()["tensors"]:
        (event,) = read.Tensors(tag)
        lines = event.tensor_proto.string_val[0].decode().splitlines()[2:]
        tables[tag] = [[cell.strip() for cell in line[2:-2].split(" | ")] for line in lines]
    config = {line[0]: " | ".join(line[1:]) for line in tables.pop("config")}
    assert tables.pop("failures") == [["STS14", "there is no data."]]
    scalars = {tag: read.Scalars(tag)[0].value for tag in read.Tags()["scalars"]}
    return Kept(scalars, config, tables)


def of_wandb(folder: Path) -> Kept:
    """By the records that wandb would send: LevelDB's log format around protobuf messages."""
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # ends its own process, which writes
    (run,) = (folder / "wandb").glob("offline-run-*")
    (log,) = run.glob("*.wandb")
    data, at, config, scores = log.read_bytes(), 7, {}, {}
    while at + 7 <= len(data):
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        assert kind == 1, "a record that is cut into several"
        record = Record.FromString(data[at + 7 : at + 7 + length])
        at += 7 + length
        changed = [*record.run.config.update, *record.config.update]
        config |= {item.key: json.loads(item.value_json) for item in changed if item.key}
        for item in record.history.item:
            name = item.key or "/".join(item.nested_key)
            scores[name] = json.loads(item.value_json)
    scores = {name: value for name, value in scores.items() if name.startswith("score/")}
    tables = {}
    for place in (run / "files/media/table").iterdir():
        tables[place.name.partition("_0_")[0]] = texts(json.loads(place.read_text())["data"])
    return Kept(scores, config, tables)


def of_mlflow(folder: Path) -> Kept:
    with sqlite3.connect(folder / "mlflow.db") as base:
        scores = dict(base.execute("select key, value from metrics"))
        config = dict(base.execute("select key, value from params"))
        (status,) = base.execute("select status from runs").fetchone()
    assert status == "FAILED"  # a task has no score
    (artifacts,) = (folder / "mlruns").glob("*/*/artifacts")
    whole = json.loads((artifacts / "report.json").read_text())
    assert whole == {"config": REPORT.config, "failures": REPORT.failures}
    tables = {
        name: texts(json.loads((artifacts / f"{name}.json").read_text())["data"])
        for name in REPORT.tables
    }
    return Kept(scores, config, tables)


def of_trackio(folder: Path) -> Kept:
    with sqlite3.connect(folder / "trackio/angle-bench.db") as base:
        (logged,) = map(json.loads, base.execute("select metrics from metrics").fetchone())
        (config,) = map(json.loads, base.execute("select config from configs").fetchone())
    tables = {
        name: texts([list(row.values()) for row in logged.pop(name)["_value"]])
        for name in REPORT.tables
    }
    assert config["failures"] == REPORT.failures
    return Kept(logged, config, tables)


READ: dict[str, Callable[[Path], Kept]] = {
    "tensorboard": of_tensorboard,
    "wandb": of_wandb,
    "mlflow": of_mlflow,
    "trackio": of_trackio,
}
SLOW = pytest.mark.long  # it makes a database with all its tables first


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which every tracker writes, and none asks the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    for name in ("WANDB_PROJECT", "WANDB_DIR", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("TRACKIO_PROJECT", "TRACKIO_SPACE_ID", "TENSORBOARD_LOGGING_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_every_tracker_is_read_back() -> None:
    assert set(READ) == set(TRACKERS)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of sqlalchemy and pandas, by mlflow
@pytest.mark.parametrize(
    "name", ["tensorboard", "wandb", "trackio", pytest.param("mlflow", marks=SLOW)]
)
def test_a_tracker_keeps_a_report(name: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(name, exc_type=ImportError)
    assert tracker_of(name, Path("results")).report(REPORT)
    kept = READ[name](here)
    assert kept.scores == {"score/STS12": 12.5, "score/SICK-R": 50.0, "score/mean": 31.25}
    config = {key: str(kept.config[key]) for key in REPORT.config}
    assert config == {key: str(value) for key, value in REPORT.config.items()}
    assert kept.tables == {key: texts(table.rows) for key, table in REPORT.tables.items()}
    assert capfd.readouterr().out == ""  # which is the command's own


def test_a_mean_that_is_not_there_is_no_score() -> None:
    assert "score/mean" not in replace(REPORT, mean=None).metrics


def test_a_tracker_that_fails_costs_the_others_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    said: list[str] = []
    warned: list[str] = []
    told = [REPORT, replace(REPORT, name="other")]
    tell_trackers(["tensorboard"], told, Path("file"), said.append, warned.append)
    assert said == []
    (line,) = warned
    assert line.startswith("tensorboard has 0 of 2 models, then it failed: NotADirectoryError")
    tell_trackers(["tensorboard"], told, Path("results"), said.append, warned.append)
    assert len(list(Path("results/.tensorboard").iterdir())) == 2
    (line,) = said
    assert line.startswith("tensorboard  results/.tensorboard/other-")
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("name", "package"), [("wandb", "'angle-bench[track]'"), ("mlflow", "mlflow")]
)
def test_a_tracker_that_is_not_installed(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as Python sees what is not there
    with pytest.raises(UsageError, match=f"{name} is not installed") as raised:
        check_trackers([name])
    assert raised.value.fix == f"pip install {package}"


def test_a_folder_of_its_name_is_no_tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as wandb/, which wandb writes into the working folder."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "trackio").mkdir()
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    with pytest.raises(UsageError, match="trackio is not installed"):
        check_tracker("trackio")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["tensorbord"], "no tracker tensorbord"),
        ([""], "no tracker ."),
        (["tensorboard", "none"], "no tracker none"),
        (["tensorboard", "tensorboard"], "has a tracker twice"),
    ],
)
def test_what_is_no_tracker(names: list[str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_trackers(names)
    assert says in raised.value.what
    assert raised.value.fix.startswith("--track tensorboard")
