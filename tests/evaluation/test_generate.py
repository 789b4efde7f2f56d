"""The data in tasks/ is what the installed mteb says."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.evaluation.scoring.score import build
from angle_bench.evaluation.scoring.verify import verify
from angle_bench.evaluation.task_data import locate
from angle_bench.files.places import tasks_folder
from angle_bench.suites.shipped import mteb_task, suites
from tests.checkpoints import write_rows
from tools.generate_tasks import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every generated file, made once: it takes seconds."""
    folder = tmp_path_factory.mktemp("tasks")
    main(folder)
    return folder


@pytest.fixture(scope="module")
def catalogue(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "mteb-tasks.json").read_text())
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {place.name: place.read_bytes() for place in folder.iterdir() if place.is_file()}


def test_the_files_are_what_is_generated(made: Path) -> None:
    there = files(tasks_folder())
    by_hand = {name for name, data in there.items() if name.endswith(".toml")} - set(files(made))
    assert set(there) == set(files(made)) | by_hand
    assert not any(there[name].startswith(b"# Generated") for name in by_hand)
    for name, data in files(made).items():
        assert there[name] == data, f"make generate brings {name} up to date"


def test_a_task_is_one_line(made: Path, catalogue: dict[str, Any]) -> None:
    lines = (made / "mteb-tasks.json").read_text().splitlines()
    assert sum(line.startswith('"STS12": {') for line in lines) == 1
    assert len(lines) > len(catalogue["tasks"]) + len(catalogue["benchmarks"])


def test_the_demo_s_counts_are_those_of_its_pairs() -> None:
    (demo,) = suites()["demo"].task
    place = tasks_folder() / "demo/test.jsonl"
    pairs = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    assert demo.samples == len(pairs)
    assert demo.characters == sum(
        len(pair[name]) for pair in pairs for name in ("sentence1", "sentence2")
    )


def test_counts_are_known_or_absent_and_never_nothing(catalogue: dict[str, Any]) -> None:
    empty = [
        name
        for name, row in catalogue["tasks"].items()
        if row.get("characters") == 0 or row.get("samples") == 0
    ]
    assert empty == []


def test_text_that_differs_from_mteb_s_is_seen_in_every_type(tmp_path: Path) -> None:
    task = mteb_task("CUADPriceRestrictionsLegalBenchClassification")
    assert task is not None
    # as many rows as mteb's own, other texts
    rows: list[dict[str, object]] = [
        {"text": f"text {number}", "label": number % 2} for number in range(task.samples or 0)
    ]
    for split in ("train", "test"):
        write_rows(tmp_path / task.dataset / f"{split}.parquet", rows)
    located = locate(task, tmp_path)
    loaded = build(task, located)
    loaded.load_data()
    verification = verify(loaded, task, located)
    assert [part.samples for part in verification.parts] == [task.samples]
    assert verification.verdict == "differs"
