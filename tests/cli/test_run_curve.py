"""`run --checkpoints`: every saved step of a training is scored, and the steps are a curve."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import build_tiny_bert
from tests.conftest import Cli
from tests.training.trainings import dev_mirror, recipe_of, trained

pytestmark = pytest.mark.process

DEMO = ("-t", "demo", "-d", "cpu:1")


def folder_of(place: Path, *steps: int) -> Path:
    """A training as transformers' Trainer leaves it, each step of other weights."""
    for step in steps:
        checkpoint = place / f"checkpoint-{step}"
        build_tiny_bert(checkpoint, seed=step)
        log = [{"step": at, "loss": 10 / at} for at in steps if at <= step]
        state = {"global_step": step, "log_history": log}
        (checkpoint / "trainer_state.json").write_text(json.dumps(state))
    return place


@pytest.mark.long
def test_a_training_becomes_a_curve(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = recipe_of(tmp_path, tiny_bert, select={"suite": "STSB-dev"}, train={"keep": 2})
    mirror = dev_mirror(tmp_path / "mirror")
    done, seen = trained(recipe, tmp_path / "ckpts/run1", mirror=mirror)
    told = dict((step, score) for step, score, _ in seen.scores)
    words = ("run", "--checkpoints", "ckpts/run1", "-t", "STSB-dev", "--mirror", mirror)
    ended = cli(*words, "-d", "cpu:1", "--json")
    assert ended.code == 0, ended.err
    models = json.loads(ended.out)["models"]
    assert [row["label"] for row in models] == ["run1 step 3", "run1 step 6"]
    assert [row["step"] for row in models] == [3, 6]
    assert [row["loss"] for row in models] == pytest.approx(
        [seen.losses[step - 1] for step in (3, 6)], abs=1e-4
    )
    assert {row["training"] for row in models} == {str(tmp_path / "ckpts/run1")}
    for row in models:  # what training measured on the way, by the same path
        assert row["mean"] == pytest.approx(100 * told[row["step"]], abs=0.01)
    ended = cli(*words)
    assert ended.err.count("all stored before") == 2
    curve = ended.out.partition("\n\nrun1\n")[2].splitlines()
    assert curve[0].split() == ["step", "STSB-dev", "loss"]
    assert [line.split()[0] for line in curve[1:]] == ["3", "6"]
    (best,) = [line.split()[0] for line in curve if line.endswith(" best")]
    assert int(best) == done.best_step


def models_of(ended: Any) -> list[dict[str, Any]]:
    assert ended.code == 0, ended.err
    rows: list[dict[str, Any]] = json.loads(ended.out)["models"]
    return rows


@pytest.mark.long
def test_a_folder_of_another_trainer_beside_a_model(
    cli: Cli, tmp_path: Path, tiny_bert: Path
) -> None:
    folder_of(tmp_path / "out", 100, 20)
    (tmp_path / "out/checkpoint-300").mkdir()
    words = ("run", "-m", "base=./tiny-bert", "--checkpoints", "ft=out", *DEMO)
    ended = cli(*words, "--json")
    rows = models_of(ended)
    assert "out/checkpoint-300 holds no model and is left out" in ended.err
    assert [row["label"] for row in rows] == ["base", "ft step 20", "ft step 100"]
    assert [row["step"] for row in rows] == [None, 20, 100]
    assert [row["loss"] for row in rows] == [None, 0.5, 0.1]
    assert cli("leaderboard", "-t", "demo", "-o", "site", "-q").code == 0
    drawn = (tmp_path / "site/index.html").read_text()
    assert "<caption>ft</caption>" in drawn.partition("<h2>Training curves</h2>")[2]
    # the results are those of the checkpoint under any name
    (alone,) = models_of(cli("run", "-m", "out/checkpoint-20", *DEMO, "--json"))
    assert alone["folder"] == rows[1]["folder"]
    (record,) = [json.loads(each.read_text()) for each in (tmp_path / "results/.runs").iterdir()][
        :1
    ]
    assert "checkpoints" in record["asked"]


@pytest.mark.long
def test_one_step_that_fails_leaves_the_others(cli: Cli, tmp_path: Path) -> None:
    folder_of(tmp_path / "out", 1, 2, 3)
    (tmp_path / "out/checkpoint-2/model.safetensors").write_bytes(b"cut off")
    ended = cli("run", "--checkpoints", "out", *DEMO)
    assert ended.code == 1
    curve = ended.out.partition("\n\nout\n")[2].splitlines()
    assert [line.split()[:2][1] == "–" for line in curve[1:]] == [False, True, False]
    shutil.copy(tmp_path / "out/checkpoint-1/model.safetensors", tmp_path / "out/checkpoint-2")
    assert cli("run", "--checkpoints", "out", *DEMO).code == 0


@pytest.mark.long
def test_layers_of_each_step_are_grids(cli: Cli, tmp_path: Path) -> None:
    folder_of(tmp_path / "out", 1, 2)
    ended = cli("run", "--checkpoints", "out", *DEMO, "--layers", "1,2")
    assert ended.code == 0, ended.err
    heads = [block.splitlines()[0] for block in ended.out.split("\n\n")]
    assert heads == ["out step 1", "out step 2"]
    first = cli("run", "--checkpoints", "out", *DEMO, "--layers", "1")
    assert first.out.split("\n\n")[1].startswith("out\nstep")  # one layer is a curve again


def test_a_dry_run_and_a_plan(cli: Cli, tmp_path: Path) -> None:
    folder_of(tmp_path / "out", 1, 2)
    (tmp_path / "study.toml").write_text('checkpoints = ["out"]\ntasks = ["demo"]\n')
    ended = cli("run", "study.toml", "-n", "--json")
    assert ended.code == 0, ended.err
    assert [each["label"] for each in json.loads(ended.out)] == ["out step 1", "out step 2"]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("folder", "what"),
    [("nothing", "there is no folder nothing"), ("tiny-bert", "tiny-bert holds no checkpoint-N")],
)
def test_no_saved_steps(cli: Cli, tmp_path: Path, tiny_bert: Path, folder: str, what: str) -> None:
    ended = cli("run", "--checkpoints", folder, *DEMO)
    assert ended.code == 2
    assert what in ended.errors[0]
    assert not (tmp_path / "results").exists()
