"""`angle-bench train` with lists: cells, parts, failures, and one table at the end."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.training.trainings import assert_same_weights, dev_mirror, recipe_of

GRID = ("loss.angle_w=[0, 1]", "train.learning_rate=[1e-3, 1e-2]")
CELLS = [
    f"angle_w={weight}+learning_rate={rate}" for weight in (0, 1) for rate in ("0.001", "0.01")
]


def put(folder: Path, model: Path, **sections: object) -> Path:
    """A recipe chosen on word salad, `recipe.toml`, with its data in `mirror`."""
    from angle_bench.training.recipe.to_toml import recipe_toml

    dev_mirror(folder / "mirror")
    place = folder / "recipe.toml"
    recipe = recipe_of(folder, model, **{"select": {"suite": "STSB-dev"}, **sections})
    place.write_text(recipe_toml(recipe))
    return place


def words(recipe: Path, *changes: str) -> list[str | Path]:
    given = [word for change in changes for word in ("--set", change)]
    return ["train", recipe, "--mirror", recipe.parent / "mirror", "-d", "cpu:1", *given]


def table_of(out: str) -> str:
    """What is printed below the lines of trainings."""
    return out[out.index("rank ") :]


@pytest.mark.process
@pytest.mark.long
def test_parts_give_what_one_command_gives(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    typed = words(recipe, *GRID)
    whole = cli(*typed, "-o", "one", "-r", "one-results")
    assert (whole.code, whole.errors) == (0, [])
    assert sorted(place.name for place in (tmp_path / "one").iterdir()) == CELLS

    first = cli(*typed, "-o", "two", "-r", "two-results", "--shard", "1/2")
    assert (first.code, first.out.count("saved two/")) == (0, 2)
    assert "rank" not in first.out
    assert "2 of 4 trainings have ended" in first.err
    began = sorted(place.name for place in (tmp_path / "two").iterdir())
    assert len(began) == 2
    second = cli(*typed, "-o", "two", "-r", "two-results", "--shard", "2/2")
    assert (second.code, second.errors) == (0, [])
    assert table_of(second.out) == table_of(whole.out)
    for cell in CELLS:
        assert_same_weights(tmp_path / "one" / cell, tmp_path / "two" / cell)

    times = {cell: (tmp_path / "one" / cell / "training.json").stat().st_mtime_ns for cell in CELLS}
    again = cli(*typed, "-o", "one", "-r", "one-results", "--resume")
    assert again.code == 0
    assert "loss" not in again.err
    assert table_of(again.out) == table_of(whole.out)
    for cell, time in times.items():
        assert (tmp_path / "one" / cell / "training.json").stat().st_mtime_ns == time

    lines = table_of(whole.out).splitlines()
    assert lines[0].split()[:4] == ["rank", "angle_w", "learning_rate", "STSB-dev"]
    scores = [
        float(re.split(r" {2,}", line)[-1 if line.startswith("start") else 3])
        for line in lines[1:6]
    ]
    assert scores == sorted(scores, reverse=True)
    assert sum(line.startswith("start") for line in lines) == 1
    assert "Holm over 4 cells" in whole.out
    assert "STSB-dev chose" in whole.out
    assert re.search(r"next: angle-bench run -m \S+ -m one/angle_w=\S+ -t STS", whole.err)

    board = cli("leaderboard", "one-results", "-t", "STSB-dev", "--json")
    assert {row["model"] for row in json.loads(board.out)["rows"]} == {*CELLS, "tiny-bert"}
    best = json.loads(cli(*typed, "-o", "one", "-r", "one-results", "--resume", "--json").out)
    row = next(each for each in best["table"]["rows"] if each["start"] is not None)
    pair = cli(
        "compare",
        tiny_bert,
        row["folders"][0],
        "-t",
        "STSB-dev",
        "-r",
        "one-results",
        "--allow-different",
        "--json",
    )
    (found,) = json.loads(pair.out)["candidates"]
    assert found["mean"]["difference"] == pytest.approx(row["to_start"]["difference"])


@pytest.mark.process
@pytest.mark.long
def test_a_cell_that_fails_costs_no_other(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, train={"warmup": 0})
    typed = words(recipe, "train.learning_rate=[1e30, 1e-3]")
    ended = cli(*typed, "-o", "out")
    assert ended.code == 1
    bad, good = "learning_rate=1e30", "learning_rate=0.001"
    assert ended.errors[0].startswith(f"error: out/{bad}: the loss of step")
    assert (tmp_path / "out" / good / "model.safetensors").is_file()
    assert f"failed: {bad}: the loss of step" in ended.out
    assert table_of(ended.out).splitlines()[1].split()[:2] in (["1", "0.001"], ["start", "–"])

    again = cli(*typed, "-o", "out", "--resume", "--json", "-q")
    said = json.loads(again.out)
    assert again.code == 1
    assert [each["folder"] for each in said["trained"]] == [f"out/{good}"]
    assert list(said["failed"]) == [f"out/{bad}"]
    table = said["table"]
    assert table["settings"] == ["train.learning_rate"]
    assert list(table["failed"]) == [bad]
    rows = {row["label"]: row for row in table["rows"]}
    assert rows[good]["settings"] == {"train.learning_rate": 0.001}
    assert rows[good]["start"] == "tiny-bert"
    assert rows[good]["to_start"]["difference"] == pytest.approx(
        100 * (rows[good]["score"] - rows["tiny-bert"]["score"]), abs=1e-3
    )  # result files hold six decimals
    kept = json.loads((tmp_path / "out" / good / "training.json").read_text())
    assert rows[good]["score"] == pytest.approx(kept["score"], abs=1e-5)


@pytest.mark.process
@pytest.mark.long
def test_seeds_of_a_cell_are_one_row(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    ended = cli(
        *words(recipe, "model.pooling=['cls', 'mean']"), "--seeds", "1,2", "-o", "out", "--json"
    )
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert [each["folder"] for each in said["trained"]] == [
        f"out/pooling={pooling}/seed-{seed}" for pooling in ("cls", "mean") for seed in (1, 2)
    ]
    rows = said["table"]["rows"]
    cells = [row for row in rows if row["start"] is not None]
    assert {row["label"] for row in cells} == {"pooling=cls", "pooling=mean"}
    for row in cells:
        assert (row["seeds"], row["standard_deviation"] > 0) == (2, True)
        assert len(row["folders"]) == 2
    starts = {row["label"]: row["settings"] for row in rows if row["start"] is None}
    assert starts == {
        f"tiny-bert (pooling {pooling})": {"model.pooling": pooling} for pooling in ("cls", "mean")
    }


def test_a_preview_says_which_cells(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    typed = words(recipe, *GRID)
    shown = cli(*typed, "-n", "-o", "out", "--seeds", "1,2")
    assert shown.code == 0
    assert "sweep: 4 cells of loss.angle_w, train.learning_rate" in shown.err
    assert "trained here: 8 trainings" in shown.err
    assert f"  out/{CELLS[3]}/seed-2\n" in shown.err
    assert "steps: 6 of 8 x 1 rows" in shown.err
    part = json.loads(cli(*typed, "-n", "-o", "out", "--shard", "2/3", "--json").out)
    assert [each["name"] for each in part["sweep"]["cells"]] == CELLS
    assert part["sweep"]["trained_here"] == [f"out/{CELLS[1]}"]
    assert part["recipe"]["train"]["learning_rate"] == 1e-2
    assert not (tmp_path / "out").exists()


def test_without_a_suite_there_is_no_table(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, select={"suite": ""}, train={"max_steps": 1})
    ended = cli(*words(recipe, "loss.angle_w=[0, 1]"), "-o", "out")
    assert (ended.code, ended.out.count("saved out/")) == (0, 2)
    assert "the recipe has no select.suite" in ended.err
    assert not (tmp_path / "results").exists()


def test_nothing_is_made_where_a_cell_is_refused(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert)
    for changes, more, said in (
        (["train.learning_rate=[1e-3, 0]"], [], "train.learning_rate = 0"),
        (["model.name=['tiny-bert', './nothing']"], [], "nothing"),
        (["train.seed=[1, 2]"], [], "--seeds"),
        (["loss.angle_w=[0, 1]"], ["--shard", "3/2"], "--shard 3/2 is no part"),
        ([], ["--shard", "1/2"], "here is one"),
    ):
        ended = cli(*words(recipe, *changes), "-o", "out", *more)
        assert ended.code == 2, changes
        assert said in " ".join(ended.errors), changes
        trained: list[Any] = [*(tmp_path / "out").glob("**/*.safetensors")]
        assert trained == []


@pytest.mark.process
@pytest.mark.long
def test_an_interrupt_stops_the_whole_sweep(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, train={"epochs": 2000, "save_steps": 2}, select={"suite": ""})
    typed = [sys.executable, "-m", "angle_bench", *map(str, words(recipe, "loss.angle_w=[0, 1]"))]
    with subprocess.Popen(
        [*typed, "-o", "out"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert any("checkpoint-" in line for line in running.stderr)
        running.send_signal(signal.SIGTERM)
        rest = running.stderr.read()
    assert running.returncode == 130
    assert "stopped after step " in rest
    assert rest.splitlines()[-1].endswith(" --resume")
    assert list((tmp_path / "out/angle_w=0").glob("checkpoint-*"))
    assert [place.name for place in (tmp_path / "out/angle_w=1").iterdir()] == ["recipe.toml"]


@pytest.mark.process
@pytest.mark.long  # the moment between two lines of a process, which a loaded machine may miss
def test_an_interrupt_of_the_scoring_says_what_goes_on(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, train={"max_steps": 1})
    typed = [sys.executable, "-m", "angle_bench", *map(str, words(recipe, "loss.angle_w=[0, 1]"))]
    # a store of its own: with the vectors of other tests nothing would be left to interrupt
    own = {**os.environ, "ANGLE_BENCH_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(
        [*typed, "-o", "out"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=own
    ) as running:
        assert running.stderr is not None
        assert any(" loading " in line for line in running.stderr)  # the scoring begins
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
    assert running.returncode == 130
    again = shlex.join(["angle-bench", *typed[3:], "-o", "out", "--resume"])
    assert rest.splitlines()[-1] == f"  type: {again}"


@pytest.mark.process
@pytest.mark.long
def test_each_cell_has_processes_of_its_own(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    recipe = put(tmp_path, tiny_bert, train={"warmup": 0})
    typed = words(recipe, "train.learning_rate=[1e30, 1e-3]")
    ended = cli(*typed, "-o", "out", "--processes", "2", "--json", "-q")
    assert ended.code == 1
    said = json.loads(ended.out)
    assert [each["folder"] for each in said["trained"]] == ["out/learning_rate=0.001"]
    assert "is not finite" in said["failed"]["out/learning_rate=1e30"]
    labels = {row["label"] for row in said["table"]["rows"]}
    assert labels == {"learning_rate=0.001", "tiny-bert"}
