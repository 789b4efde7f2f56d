"""A training that is killed again and again ends where an undisturbed one does."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.model.fsdp import environment
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import build_tiny_bert, write_rows
from tests.training.test_processes import ROOT, train_in_two
from tests.training.trainings import assert_same_weights, recipe_of, rows_of

pytestmark = pytest.mark.process

SAID = re.compile(r"rank (\d) pid (\d+) step (\d+)")
FURTHEST = 5  # steps after the first that a launch does, at which it is killed at the latest


def recipe(folder: Path, start: Path) -> Recipe:
    """With all that a checkpoint has to bring back: dropout, moments, a schedule, a teacher."""
    build_tiny_bert(folder / "teacher", seed=5, hidden_size=48)
    write_rows(folder / "rows.jsonl", rows_of("C", 56, seed=4))
    return recipe_of(
        folder,
        start,
        data={"train": [{"path": str(folder / "rows.jsonl")}]},
        model={"dropout": 0.1},
        teacher={"model": str(folder / "teacher"), "compare": "similarities", "weight": 20.0},
        train={
            "batch_size": 4,
            "epochs": 24,
            "learning_rate": 1e-3,
            "gather": True,
            "save_steps": 2,
            "keep": 2,
        },
    )


def launch(folder: Path, more: Mapping[str, str]) -> "subprocess.Popen[str]":
    """The case of a folder in two processes, which say each step on stdout."""
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    words += ["--nnodes", "1", "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    words += ["-m", "tests.training.in_processes", str(folder)]
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def until(running: "subprocess.Popen[str]", later: int) -> Iterator[tuple[int, int]]:
    """Rank and process of what is said, until a process is so many steps after its first."""
    assert running.stdout is not None
    first: dict[int, int] = {}
    for line in running.stdout:
        if found := SAID.search(line):
            rank, pid, step = map(int, found.groups())
            yield rank, pid
            if len(first) == 2 and step - first[rank] >= later:
                return
            first.setdefault(rank, step)


def killed(folder: Path, more: Mapping[str, str], draw: random.Random) -> str:
    """Launch, kill somebody at a step, wait for all to end; who it was.

    One of the processes is killed, whose launcher ends the other; or all of them at once.
    """
    victim = draw.choice(["first", "second", "all"])
    with launch(folder, more) as running:
        processes = dict(until(running, draw.randint(0, FURTHEST)))
        assert set(processes) == {0, 1}, "it came to its end, or never began"
        chosen = {
            "first": [processes[0]],
            "second": [processes[1]],
            "all": [running.pid, *processes.values()],
        }
        for pid in chosen[victim]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.communicate(timeout=120)
    assert running.returncode != 0
    return victim


def put(folder: Path, asked: Recipe) -> dict[str, str]:
    """A folder for a launch with a store of its own: what its environment says."""
    folder.mkdir()
    (folder / "cases.json").write_text(json.dumps({"out": asked.model_dump(mode="json")}))
    return {"ANGLE_BENCH_CACHE": str(folder / "cache")}


def logged(place: Path) -> list[dict[str, Any]]:
    return list(json.loads((place / "training.json").read_text())["log"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("times", "seed", "shards"),
    [(12, 20, False), (4, 18, True), (30, 21, False)],
    ids=["ddp-12-times", "fsdp-4-times", "ddp-30-times"],
)
def test_killed_and_resumed_is_undisturbed(
    tmp_path: Path, tiny_bert: Path, times: int, seed: int, shards: bool
) -> None:
    more = environment() if shards else {}
    asked = recipe(tmp_path, tiny_bert)
    whole, disturbed = tmp_path / "whole", tmp_path / "killed"
    train_in_two(whole, {"out": asked}, put(whole, asked) | more)
    said = put(disturbed, asked) | more
    draw = random.Random(seed)
    victims = [killed(disturbed, said, draw) for _ in range(times)]
    assert len(set(victims)) == 3
    assert list(disturbed.glob("out/checkpoint-*"))
    assert not (disturbed / "out/training.json").exists()
    train_in_two(disturbed, {"out": asked}, said)
    assert_same_weights(whole / "out", disturbed / "out")
    ends = [read_training_texts(place / "out") for place in (whole, disturbed)]
    assert ends[0] == ends[1]
    assert ends[0] is not None
    losses = [
        {entry["step"]: entry["loss_cln"] for entry in logged(place / "out") if "loss" in entry}
        for place in (whole, disturbed)
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 7 * 24
