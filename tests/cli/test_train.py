"""`angle-bench train` from the command line."""

import json
import shlex
from pathlib import Path

import pytest

from angle_bench.training.recipe.to_toml import recipe_toml
from tests.conftest import Cli, Command
from tests.training.trainings import dev_mirror, recipe_of


def put(folder: Path, model: Path, **sections: object) -> Path:
    place = folder / "small.toml"
    place.write_text(recipe_toml(recipe_of(folder, model, **sections)))
    return place


def test_a_recipe_becomes_a_candidate(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, select={"suite": "STSB-dev"})
    mirror = dev_mirror(tmp_path / "mirror")
    ended = cli("train", recipe, "--mirror", mirror, "-d", "cpu", "--track", "tensorboard")
    assert (ended.code, ended.errors) == (0, [])
    assert ended.out.startswith("saved checkpoints/small  6 steps")
    assert "STSB-dev/1" in ended.out
    for said in ("best so far", "saved checkpoints/small/checkpoint-6", "next: angle-bench run"):
        assert said in ended.err
    folder = tmp_path / "checkpoints/small"
    assert list(folder.glob("runs/*/events.out.tfevents.*"))
    again = cli("train", recipe, "--mirror", mirror, "-d", "cpu")
    assert again.code == 2
    assert "--resume" in again.errors[1]
    resumed = cli("train", recipe, "--mirror", mirror, "-d", "cpu", "--resume", "--json")
    (said,) = json.loads(resumed.out)
    assert (said["steps"], said["finished"]) == (6, True)


@pytest.mark.process
@pytest.mark.long
def test_what_comes_next_can_be_pasted(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    """With the mirror, pooling, length and prompt of the training, odd names quoted."""
    start = tiny_bert.rename(tmp_path / "tiny bert's")
    model = {"pooling": "cls", "max_length": 24}
    made = recipe_of(tmp_path, start, model=model, prompts={"text": "a man: {text}"})
    recipe = tmp_path / "small.toml"
    recipe.write_text(recipe_toml(made))
    mirror = dev_mirror(tmp_path / "local data")
    ended = cli("train", recipe, "--seeds", "1,2", "--mirror", mirror, "-o", "my out", "-d", "cpu")
    assert ended.code == 0, ended.err
    lines = ended.err[ended.err.index("next: ") + len("next: ") :].splitlines()
    run, compare = (shlex.split(line.strip()) for line in lines[:2])
    on_dev = [
        ["STSB-dev" if word == "STS" else word for word in words[1:]] for words in (run, compare)
    ]
    ran = cli(*on_dev[0])
    assert ran.code == 0, ran.err
    compared = cli(*on_dev[1])
    assert compared.code == 0, compared.err
    assert "my out (2 seeds)" in compared.out


def test_seeds_are_trainings_of_their_own(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    ended = cli("train", recipe, "--seeds", "1,2", "-o", "out", "-d", "cpu", "-q")
    assert (ended.code, ended.err) == (0, "")
    assert sorted(place.name for place in (tmp_path / "out").iterdir()) == ["seed-1", "seed-2"]
    one, other = (
        (tmp_path / "out" / name / "model.safetensors").read_bytes()
        for name in ("seed-1", "seed-2")
    )
    assert one != other


def test_bad_words(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    for words, said, types in (
        (["--seeds", "1,1"], "no list of different numbers", "--seeds 1,2,3"),
        (["--track", "tensorbord"], "no tracker tensorbord", "--track tensorboard"),
        (["-d", "gpu"], "no device 'gpu'", "-d auto"),
        (["--set", "train.epoch=2"], "Did you mean train.epochs", "--set train.epochs="),
        (["--set", "train.epochs=two"], "train.epochs: input", "--set train.epochs=VALUE"),
        (["--set", "select.suite=STSB-deev"], "STSB-dev", "--set select.suite=STSB-dev"),
        (["--set", "model.name=all-MiniLM-L6"], "", "--set model.name="),
    ):
        ended = cli("train", recipe, *words)
        assert ended.code == 2, words
        assert said in ended.errors[0]
        assert ended.errors[1].startswith(f"  type: {types}"), ended.errors
    assert not (tmp_path / "checkpoints").exists()


def test_an_interrupt_saves_a_checkpoint(
    angle_bench: Command, tmp_path: Path, tiny_bert: Path
) -> None:
    import signal
    import subprocess
    import sys

    recipe = put(tmp_path, tiny_bert, train={"epochs": 2000, "save_steps": 2, "keep": 2})
    words = [sys.executable, "-m", "angle_bench", "train", str(recipe), "-d", "cpu", "-o", "out"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert any("checkpoint-" in line for line in running.stderr)
        running.send_signal(signal.SIGTERM)
        rest = running.stderr.read()
    assert running.returncode == 130
    assert "stopped after step" in rest
    assert "--resume" in rest
    step = int(rest.partition("stopped after step ")[2].partition(";")[0].replace(",", ""))
    assert (tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json").is_file()
