"""Run records as they are read back."""

from pathlib import Path

import pytest

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.spec import Settings
from angle_bench.files.atomic import write_json
from angle_bench.results.run_record import read_run_record
from tests.stored import MEAN

POLICIES = {
    "none": PromptPolicy(),
    "everywhere": PromptPolicy(default="query: {text}"),
    "by role": PromptPolicy(role={"query": "q: {text}", "document": ""}),
    "by type and role": PromptPolicy(type={"STS": {"query": "a {text}"}, "Retrieval": "b {text}"}),
    "by task, without variants": PromptPolicy(task={"STS12": "c {text}"}, variants=False),
}


def readable(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "STS12.json"
    model = {"name": "a", "settings": settings.canonical()}
    write_json(place, {"task": "STS12", "model": model})
    warnings: list[str] = []
    assert read_run_record(place, warnings)["model"] == model
    assert warnings == []


@pytest.mark.parametrize("name", POLICIES)
def test_every_kind_of_prompts_is_read_back(tmp_path: Path, name: str) -> None:
    readable(MEAN.with_changes(prompts=POLICIES[name]), tmp_path)


def test_the_settings_of_every_known_checkpoint_are_read_back(tmp_path: Path) -> None:
    known = [entry for entry in registry().values() if entry.pooling and entry.max_length]
    assert known
    for entry in known:
        readable(entry.settings(), tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("versions", ["mteb"]),
        ("versions", {"mteb": 2}),
        ("prompts", ["query: "]),
        ("prompts", {"query": 3}),
        ("device", ["cpu"]),
        ("encoded_so_far", {"forwarded": "many"}),
        ("phases", {"name": "Encoding"}),
        ("phases", [3]),
        ("phases", [{"name": "Encoding", "start": 0.0}]),
        ("phases", [{"name": "Encoding", "start": "0", "end": 1.0}]),
    ],
)
def test_an_odd_account_of_a_run_is_named_and_left_out(
    tmp_path: Path, key: str, value: object
) -> None:
    place = tmp_path / "STS12.json"
    write_json(place, {"task": "STS12", "model": {"name": "a"}, key: value})
    warnings: list[str] = []
    assert read_run_record(place, warnings) == {}
    assert key in warnings[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("made_from", ["org/base"]),
        ("weight_bytes", -1),
        ("weight_bytes", 1.5),
        ("weight_bytes", True),
        ("weight_bytes", "90 MB"),
        ("endpoint", "http://127.0.0.1:8000/v1"),
        ("endpoint", {"url": 5, "model": "m", "prompts": {}}),
        ("endpoint", {"url": "u", "model": "m", "dimensions": "4", "prompts": {}}),
        ("endpoint", {"url": "u"}),
    ],
)
def test_odd_facts_of_a_checkpoint_are_named_and_left_out(
    tmp_path: Path, key: str, value: object
) -> None:
    place = tmp_path / "STS12.json"
    write_json(place, {"task": "STS12", "model": {"name": "a", key: value}})
    warnings: list[str] = []
    assert read_run_record(place, warnings) == {}
    assert key in warnings[0]


@pytest.mark.parametrize("facts", [{}, {"weight_bytes": None}, {"weight_bytes": 90868376}])
def test_a_record_from_before_sizes_were_kept_is_read(
    tmp_path: Path, facts: dict[str, object]
) -> None:
    place = tmp_path / "STS12.json"
    model = {"name": "a", "made_from": None, **facts}
    write_json(place, {"task": "STS12", "model": model})
    warnings: list[str] = []
    assert read_run_record(place, warnings)["model"] == model
    assert warnings == []
