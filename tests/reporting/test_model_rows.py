"""Rows from what is stored."""

from pathlib import Path
from typing import Any

import pytest

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.evaluation.scored.scored_models import find_rows
from angle_bench.reporting.tables.signature import parts_of
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.select import select
from tests.result_files import put, put_record

SUITE = select(["STS12,STS13"])
SETTINGS = {"pooling": "cls", "normalize": False, "prompts": {}, "max_length": 512}


def rows(root: Path, *typed: str) -> tuple[list[TableRow], list[str]]:
    warnings: list[str] = []
    models = models_of(collect([root]).folders)
    chosen = every_model(models)
    if typed:
        stored = [StoredModel.of(model) for model in models]
        access = LoadOptions.of(None, None, False, False)
        chosen = find_rows(typed, stored, access, "STS", warnings)
    return model_rows(SUITE, chosen, warnings), warnings


def model(name: str, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "revision": "sha256-aa",
        "settings": {**SETTINGS, "dtype": "float32", **settings},
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results"


def own(root: Path, revision: str, task: str, score: float, **settings: Any) -> None:
    folder = root / "local__ft" / revision
    put(folder, task, score, revision="local-0123")
    put_record(
        folder,
        task,
        model("local/ft", **settings),
        origin="mirror",
        verification={"verdict": "differs"},
    )


def test_revisions_of_a_published_model_are_one_row(root: Path) -> None:
    sts12 = SUITE.task[0].revision
    put(root / "org__m" / "abcdef0123", "STS12", 0.5, version="1.18.0", revision=sts12)
    put(root / "org__m" / "external", "STS13", 0.6, version=None)
    ((row,), warnings) = rows(root)
    assert (row.label, row.scores, warnings) == ("m", [0.5, 0.6], [])
    first, second = (cell.origin for cell in row.cells)
    assert first is not None
    assert second is not None
    assert (first.main, first.other_data) == (True, False)
    assert (second.main, second.other_data, second.revision) == (False, True, "external")
    assert row.signature == (
        "model:org/m|rev:abcdef01+model card|settings:unrecorded|mteb:1.18.0,unknown"
        f"|suite:{SUITE.signature}|data:hub"
    )


def test_our_revisions_are_rows_of_their_own(root: Path) -> None:
    own(root, "sha256-aa", "STS12", 0.5)
    own(root, "sha256-bb", "STS13", 0.6)  # the overwritten checkpoint fills no gap
    put(root / "local__ft" / "external", "STS13", 0.7)
    found, _ = rows(root)
    assert [row.scores for row in found] == [[None, 0.7], [0.5, None], [None, 0.6]]
    assert [row.source.kind for row in found if row.source] == ["public", "own", "own"]


def test_our_rows_have_verdicts_and_settings(root: Path) -> None:
    own(root, "sha256-aa", "STS12", 0.5)
    ((row,), _) = rows(root)
    assert row.cells[0].data == "differs"
    assert row.cells[0].origin is not None
    assert not row.cells[0].origin.other_data  # the verdict says more
    parts = parts_of(row.signature)
    assert (parts["pool"], parts["dtype"], parts["data"]) == ("cls", "float32", "mirror")


def test_tasks_under_differing_settings_show_in_the_signature(root: Path) -> None:
    own(root, "sha256-aa", "STS12", 0.5)
    own(root, "sha256-aa", "STS13", 0.5, max_length=128)
    ((row,), _) = rows(root)
    assert parts_of(row.signature)["max"] == "512,128"


def test_settings_of_their_own_are_rows_of_their_own(root: Path) -> None:
    put(root / "org__m" / "abc", "STS12", 0.5)
    put(root / "org__m" / "abc" / "experiments" / "settings_0a", "STS12", 0.6)
    found, _ = rows(root)
    assert [(row.scores[0], row.source.settings) for row in found if row.source] == [
        (0.5, None),
        (0.6, "settings_0a"),
    ]


def test_models_without_a_result_are_counted(root: Path) -> None:
    put(root / "org__m" / "abc", "STS12", 0.5)
    for name in "uvwxyz":
        put(root / f"org__{name}" / "abc", "ArguAna", 0.5)
    found, warnings = rows(root)
    assert len(found) == 1
    assert warnings == [f"without a result for {SUITE.name}: u, v, w and 3 more"]


def test_labels_rename_one_and_average_several(root: Path) -> None:
    for seed, score in ((1, 0.25), (2, 0.75)):
        put(root / f"local__ft-seed{seed}" / "r", "STS12", score)
    put(root / "local__base" / "r", "STS12", 0.5)
    found, _ = rows(root, "recipe=ft-seed*", "BASE=base")
    assert [(row.label, row.scores[0], len(row.runs)) for row in found] == [
        ("recipe (2 runs)", 0.5, 2),
        ("BASE", 0.5, 0),
    ]
    assert parts_of(found[0].signature)["model"] == "local/ft-seed1,local/ft-seed2"


def test_the_most_doubtful_data_of_the_runs_counts(root: Path) -> None:
    own(root, "sha256-aa", "STS12", 0.5)
    put(root / "local__other" / "r", "STS12", 0.5)
    ((row,), _) = rows(root, "both=*")
    assert row.cells[0].data == "differs"
