"""A row from what is stored."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.files.atomic import write_json
from angle_bench.reporting.tables.run_table import stored_row
from angle_bench.reporting.tables.table import TableCell, TableRow
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import StoredTask, read_record
from angle_bench.results.result_file import parsed, result_of
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Suite, Task

MODEL = {"name": "local/ft", "revision": "sha256-0123456789abcdef", "settings": None}


def task(name: str, **changes: Any) -> Task:
    row = {"name": name, "type": "STS", "dataset": "o/d", "revision": "r", "splits": ("test",)}
    return Task.model_validate({**row, "metric": "cosine_spearman", **changes})


TASKS = (task("A"), task("B", splits=("validation", "test"), subsets=("en", "de")))
SUITE = Suite(name="S", version="3", task=TASKS)


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """A folder with results for A, and for B with more than is asked for."""
    folder = ModelFolder(tmp_path, "local/ft", "sha256-0123456789abcdef")
    put(folder, "A", {"test": {"default": 0.5}}, origin="hub")
    scores = {"en": 0.1, "de": 0.2, "fr": 0.9}
    parts = {"validation": scores, "test": scores, "train": scores}
    put(folder, "B", parts, origin="mirror", verification={"verdict": "differs"})
    return folder


def put(
    folder: ModelFolder, name: str, scores: dict[str, dict[str, float]], **data: object
) -> None:
    rows = {
        split: [{"hf_subset": key, "main_score": score} for key, score in values.items()]
        for split, values in scores.items()
    }
    head = {"task_name": name, "dataset_revision": "r", "mteb_version": "2.26.24"}
    write_json(folder.record(name), {"data": data})
    write_json(folder.result(name), {**head, "scores": rows})


def answers(folder: ModelFolder, *names: str) -> dict[str, StoredTask]:
    """What a folder holds of tasks, as a look into it gives it."""
    found = {}
    for name in names:
        raw = parsed(folder.result(name))
        found[name] = StoredTask(raw, result_of(raw), read_record(folder, name))
    return found


def row(folder: ModelFolder, *names: str) -> TableRow:
    return stored_row("ft", MODEL, SUITE, answers(folder, *names))


def test_a_row_has_scores_marks_and_a_signature(folder: ModelFolder) -> None:
    made = row(folder, "A", "B")
    assert made.label == "ft"
    assert made.cells[0] == TableCell(0.5, "hub")
    assert made.cells[1].score == pytest.approx(0.15)  # only what the suite asks for
    assert made.cells[1].data == "differs"
    assert made.signature == (
        "model:local/ft|rev:01234567|settings:mteb|mteb:2.26.24|suite:S/3|data:hub,mirror"
    )


def test_a_stored_result_that_is_not_the_one_asked_for_stays_out(folder: ModelFolder) -> None:
    made = row(folder, "A")
    assert made.cells == (TableCell(0.5, "hub"), TableCell(None))
    assert made.signature.endswith("|data:hub")


def test_the_files_order_of_tasks_is_the_suites(folder: ModelFolder) -> None:
    turned = SUITE.model_copy(update={"task": TASKS[::-1]})
    made = stored_row("ft", MODEL, turned, answers(folder, "A", "B"))
    assert [cell.score for cell in made.cells] == [pytest.approx(0.15), 0.5]


def test_without_a_record_the_data_is_unknown(folder: ModelFolder) -> None:
    folder.record("A").unlink()
    assert row(folder, "A").signature.endswith("|data:unknown")


def test_a_published_folder_becomes_a_row(shared: Path) -> None:
    commit = "369c368f70f16a613f19f5598d4f12d9f44235d4"
    folder = ModelFolder(shared / "results_repo/results", "WhereIsAI/UAE-Large-V1", commit)
    found = [mteb_task(name) for name in ("STS12", "STS17")]
    suite = Suite(name="S", version="1", task=tuple(task for task in found if task))
    made = stored_row(
        "UAE", {**MODEL, "revision": commit}, suite, answers(folder, "STS12", "STS17")
    )
    raw = json.loads(folder.result("STS17").read_text())["scores"]["test"]
    assert made.cells[0].text() == "79.09"
    assert made.cells[1].score == pytest.approx(sum(r["main_score"] for r in raw) / len(raw))
