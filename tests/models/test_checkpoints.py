"""The saved steps of trainings: order, labels, losses, what is no training."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.checkpoints.folder.saved_steps import SavedTraining, step_of, trainings
from angle_bench.checkpoints.resolve import resolve_all
from angle_bench.errors import ModelError, UsageError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(folder: Path, step: int, log: list[dict[str, Any]] | None = None) -> Path:
    """A saved step as far as its name and its log go."""
    place = folder / f"checkpoint-{step}"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    if log is not None:
        (place / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    return place


def one(text: str) -> SavedTraining:
    (found,) = trainings([text])
    return found


def test_steps_in_their_order_and_under_the_trainings_name(tmp_path: Path) -> None:
    for step in (1000, 20, 300):
        save(tmp_path / "lr=1@x", step)
    (tmp_path / "lr=1@x" / "checkpoint-5").mkdir()  # not written yet
    (tmp_path / "lr=1@x" / "checkpoint-best").mkdir()
    (tmp_path / "lr=1@x" / "runs").mkdir()
    found = one("lr=1@x")
    assert [each.step for each in found.saved] == [20, 300, 1000]
    assert found.left_out == ("lr=1@x/checkpoint-5",)
    assert found.refs()[0].label == "lr=1@x step 20"
    assert found.refs()[0].name == str(tmp_path / "lr=1@x" / "checkpoint-20")
    assert one("warm=lr=1@x").refs()[2].label == "warm step 1000"


def test_trainings_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place in ("a/run", "b/run", "c"):
        save(tmp_path / place, 1)
    labels = [each.label for each in trainings(["a/run", "b/run", "c", "./a/run/", "mine=c/"])]
    assert labels == ["a/run", "b/run", "c"]
    assert [each.label for each in trainings(["a/run", "x=b/run"])] == ["run", "x"]


def test_a_loss_is_the_last_one_since_the_step_before(tmp_path: Path) -> None:
    log = [
        {"step": 5, "loss": 3.0, "learning_rate": 1e-5},
        {"step": 10, "loss": 2.0},
        {"step": 10, "eval_loss": 9.0},
        {"step": 35, "loss": 1.0},
        {"step": 40, "train_runtime": 3.0},
    ]
    save(tmp_path / "run", 10, log[:3])
    save(tmp_path / "run", 30, log[:3])
    save(tmp_path / "run", 40, log)
    assert [each.loss for each in one("run").saved] == [2.0, None, 1.0]
    save(tmp_path / "run", 50)  # a step without a log of its own
    assert [each.loss for each in one("run").saved] == [2.0, None, 1.0, None]


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    place = save(tmp_path / "run", 10, [])
    (place / "trainer_state.json").write_text('{"log_hist')
    with pytest.raises(ModelError, match=r"checkpoint-10/trainer_state\.json cannot be read"):
        trainings(["run"])


@pytest.mark.parametrize(
    ("typed", "what", "fix"),
    [
        ("rnu", "there is no folder rnu. Did you mean run?", "--checkpoints FOLDER"),
        ("run/checkpoint-10", "holds no checkpoint-N", "--checkpoints run"),
        ("seeds", "holds no checkpoint-N", "--checkpoints seeds/1 --checkpoints seeds/2"),
        ("model", "holds no checkpoint-N", "-m model"),
        ("empty", "holds no checkpoint-N", "--checkpoints FOLDER"),
    ],
)
def test_what_is_no_training(tmp_path: Path, typed: str, what: str, fix: str) -> None:
    save(tmp_path / "run", 10)
    save(tmp_path / "seeds/1", 0)
    save(tmp_path / "seeds/2", 0)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "empty/checkpoint-3").mkdir(parents=True)
    with pytest.raises(UsageError) as error:
        trainings([typed])
    assert what in error.value.what
    assert error.value.fix.startswith(fix)


def test_the_name_of_a_step() -> None:
    assert step_of("checkpoint-0") == 0
    assert step_of("checkpoint-500") == 500
    assert step_of("checkpoint-500.tmp") is None
    assert step_of("my-checkpoint-500") is None


def test_trust_is_for_one_training_not_for_two(tmp_path: Path, tiny_bert: Path) -> None:
    import shutil

    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.checkpoints.spec import Trust

    for place in ("a/checkpoint-1", "a/checkpoint-2", "b/checkpoint-1"):
        shutil.copytree(tiny_bert, tmp_path / place)
    access = LoadOptions(trust=Trust(pickle=True))
    steps = one("a").refs()
    specs = resolve_all(steps, None, access)
    assert [spec.label for spec in specs] == ["a step 1", "a step 2"]
    for more in (["./tiny-bert"], one("b").refs()):
        with pytest.raises(UsageError, match="--allow-pickle is for one model, and 2 are named"):
            resolve_all([*steps, *more], None, access)
