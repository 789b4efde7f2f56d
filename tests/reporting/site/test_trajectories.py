"""Which rows are a curve, under which name."""

from pathlib import Path

import pytest

from angle_bench.files.atomic import write_json
from angle_bench.reporting.site.trajectories import Trajectory, trajectories
from angle_bench.reporting.tables.arrange import LeaderboardOptions, arrange
from angle_bench.reporting.tables.stored_rows import model_rows
from angle_bench.results.find.collect import collect
from angle_bench.results.find.selected_models import every_model, models_of
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import ModelFolder
from angle_bench.results.result_file import read_object
from tests.conftest import Cli
from tests.stored import MEAN, Pairs, Results, suite, task

OF = suite(task("A"), task("B"))
PAIRS = {name: Pairs(name) for name in "AB"}


def put(
    results: Results, place: Path, noise: float, revision: str, tasks: str = "AB", **more: object
) -> ModelFolder:
    for name in tasks:
        part = PAIRS[name].part(PAIRS[name].scores(noise, 1))
        folder = results.put(
            f"local/{place.name}",
            name,
            part,
            revision=revision,
            checkpoint=place,
            **more,  # type: ignore[arg-type]
        )
    return folder


def found(results: Results) -> list[Trajectory]:
    rows = model_rows(OF, every_model(models_of(collect([results.root]).folders)), [])
    board = arrange(OF, rows, LeaderboardOptions())
    models = {row.label: [StoredModel.of(each) for each in row.models] for row in board.rows}
    return trajectories(board, models)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def test_steps_ascend_and_a_step_without_all_tasks_has_no_score(results: Results) -> None:
    run = Path("/ckpts/run1")
    put(results, run / "checkpoint-1000", 0.1, "r1")
    put(results, run / "checkpoint-20", 0.5, "r2")
    put(results, run / "checkpoint-300", 0.3, "r3", tasks="A")
    put(results, run, 0.1, "r1")  # the chosen candidate is no step
    put(results, Path("/ckpts/run2/checkpoint-20"), 0.1, "r4")  # one step is no curve
    (only,) = found(results)
    assert (only.curve.label, only.curve.what) == ("run1", "mean of 2")
    assert [point.step for point in only.curve.points] == [20, 300, 1000]
    assert [point.score is None for point in only.curve.points] == [False, True, False]
    assert only.curve.best is only.curve.points[2]
    assert only.labels[1] == "checkpoint-300"


def test_trainings_of_one_name_and_settings_are_told_apart(results: Results) -> None:
    other = MEAN.with_changes(layer=2)
    for step in (1, 2):
        put(results, Path(f"/a/run/checkpoint-{step}"), 0.1, "ra")
        put(results, Path(f"/b/run/checkpoint-{step}"), 0.2, "rb")
        cut = {"settings": other, "settings_id": "0123abcd"}
        put(results, Path(f"/b/run/checkpoint-{step}"), 0.3, "rb", **cut)
    names = sorted(each.curve.label for each in found(results))
    assert names == ["a/run", "b/run (mean)", "b/run (mean, layer 2)"]


def test_what_runs_called_it_is_its_name(results: Results) -> None:
    called = {}
    for step in (1, 2):
        folder = put(results, Path(f"/a/run/checkpoint-{step}"), 0.1, "r")
        called[f"warm step {step}"] = {"folder": str(folder.path)}
    write_json(results.root / ".runs/1.json", {"outcome": called})
    (only,) = found(results)
    assert (only.curve.label, only.labels) == ("warm", ["warm step 1", "warm step 2"])


def test_a_step_that_was_overwritten_counts_as_it_is_now(results: Results) -> None:
    first = Path("/a/run/checkpoint-1")
    put(results, Path("/a/run/checkpoint-2"), 0.2, "r")
    for revision, noise, utc in (("new", 0.1, "2026-02-01"), ("old", 0.4, "2026-01-01")):
        folder = put(results, first, noise, revision)
        for name in "AB":
            record = {**read_object(folder.record(name)), "utc": utc}
            write_json(folder.record(name), record)
    (only,) = found(results)
    assert [point.step for point in only.curve.points] == [1, 2]
    assert only.curve.best is only.curve.points[0]


def test_no_training_no_section(cli: Cli, results: Results, tmp_path: Path) -> None:
    pairs = Pairs("STS12")
    for step in (1, 2):
        results.put(f"local/checkpoint-{step}", "STS12", pairs.part(pairs.scores(0.1, step)))
    assert cli("leaderboard", "-t", "STS12", "-o", "site", "-q").code == 0
    assert "Training curves" not in (tmp_path / "site/index.html").read_text()
