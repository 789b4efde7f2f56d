"""The trace of a command: what it did, in which process, in what order."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench import timeline
from tests.conftest import Cli


def events(trace: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in trace["traceEvents"] if event["ph"] == "X"]


def test_spans_are_recorded_where_somebody_asks(tmp_path: Path) -> None:
    with timeline.span("before"):
        pass
    assert timeline.environment() == {}
    with timeline.recording(tmp_path):
        assert timeline.environment()
        with timeline.span("outer", task="A"), timeline.span("inner"):
            pass
        with timeline.span("raises"), pytest.raises(ValueError, match="x"):
            raise ValueError("x")
    with timeline.span("after"):
        pass
    found = {event["name"]: event for event in events(timeline.trace(tmp_path, main=0))}
    assert set(found) == {"before the trace", "outer", "inner", "raises"}
    assert found["outer"]["args"] == {"task": "A"}
    inner, outer = found["inner"], found["outer"]
    assert outer["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
    assert min(event["ts"] for event in found.values()) == 0


def test_half_a_line_of_a_killed_worker_is_left_out(tmp_path: Path) -> None:
    with timeline.recording(tmp_path), timeline.span("whole"):
        pass
    (tmp_path / "77.jsonl").write_text('{"name": "ha')
    trace = timeline.trace(tmp_path, main=0)
    assert "whole" in {event["name"] for event in events(trace)}
    assert {event["pid"] for event in events(trace)} != {77}


@pytest.mark.process
def test_a_run_writes_its_trace(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    place = tmp_path / "trace.json"
    ended = cli("run", "-m", tiny_bert, "-t", "demo", "-d", "cpu:2", "--debug-timing", place)
    assert ended.code == 0
    trace = json.loads(place.read_text())
    names = {event["pid"]: event["args"]["name"] for event in trace["traceEvents"][:4]}
    assert sorted(names.values())[0] == "angle-bench"
    done: dict[str, set[str]] = {}
    for event in events(trace):
        done.setdefault(event["name"], set()).add(names.get(event["pid"], "worker"))
        assert event["dur"] >= 0
    assert {name for name in done if done[name] == {"worker"}} >= {"load the model", "forward"}
    assert {"tokenise", "load data", "encode", "score", "store"} <= {
        name for name in done if done[name] == {"angle-bench"}
    }
    forwarded = [event for event in events(trace) if event["name"] == "forward"]
    assert sum(event["args"]["texts"] for event in forwarded) == 576
    assert len({event["pid"] for event in forwarded}) == 2


def test_a_file_that_cannot_be_a_trace_is_refused(cli: Cli, tmp_path: Path) -> None:
    for place in (tmp_path / "trace.txt", tmp_path):
        ended = cli("run", "-m", "all-MiniLM-L6-v2", "-t", "demo", "--debug-timing", place)
        assert ended.code == 2
        assert "trace" in ended.err


def test_a_dry_run_has_nothing_to_show(cli: Cli, tmp_path: Path) -> None:
    words = ("run", "-m", "all-MiniLM-L6-v2", "-t", "demo", "-n")
    ended = cli(*words, "--debug-timing", tmp_path / "trace.json")
    assert ended.code == 2
    assert "--debug-timing" in ended.err
