"""Two processes on one machine give what one gives."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from angle_bench.files.places import tasks_folder
from angle_bench.training.model.fsdp import environment
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.to_toml import recipe_toml
from tests.checkpoints import WORDS, build_tiny, build_tiny_bert, write_rows
from tests.training.trainings import (
    assert_same_weights,
    dev_mirror,
    recipe_of,
    rows_of,
    trained,
    weights,
)

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
STEPS = 5
EVERY = {"cosine_w": 1.0, "ibn_w": 1.0, "cln_w": 1.0, "angle_w": 1.0}
ONE = {name: dict.fromkeys(EVERY, 0.0) | {name: 1.0} for name in EVERY}


def case(
    folder: Path, start: Path, format: str, gather: bool, rate: float = 1e-2, **more: Any
) -> Recipe:
    """Five steps of two batches of 16, by plain gradient descent, a checkpoint each."""
    place = folder / f"{format}.jsonl"
    if not place.is_file():
        write_rows(place, rows_of(format, 32 * STEPS, seed=1))
    return recipe_of(
        folder,
        start,
        format,
        **{
            "data": {"train": [{"path": str(place)}]},
            "loss": EVERY,
            **more,
            "model": {"dropout": 0.0, **more.get("model", {})},
            "train": {
                "epochs": 1,
                "batch_size": 16,
                "optimizer": "sgd",
                "schedule": "constant",
                "warmup": 0,
                "learning_rate": rate,
                "max_grad_norm": 0,
                "save_steps": 1,
                "keep": 2 * STEPS,
                "gather": gather,
            },
        },
    )


def cases(folder: Path) -> dict[str, Recipe]:
    bert, llama = folder / "bert", build_tiny(folder / "llama", "llama")
    build_tiny_bert(bert)
    found = {}
    for format, names in (
        ("A", ("cosine_w", "ibn_w", "angle_w")),
        ("B", ("ibn_w",)),
        ("C", tuple(EVERY)),
    ):
        for name in names:
            found[f"{format}-{name}"] = case(folder, bert, format, True, loss=ONE[name])
        found[f"{format}-apart"] = case(folder, bert, format, False)
    for name in ("cosine_w", "ibn_w", "angle_w"):
        # beyond four, a tiny model's singular values lie so close that rounding turns its vectors
        found[f"ese-{name}"] = case(
            folder, bert, "A", True, 1e-3, espresso={"size": 4}, loss=ONE[name]
        )
    found["lora"] = case(
        folder,
        llama,
        "C",
        True,
        1e-4,
        model={"pooling": "last", "bidirectional_start": 1},
        prompts={},
        lora={"r": 4, "dropout": 0.0},
    )
    rows = rows_of("A", 32 * STEPS, seed=2)
    for number, row in enumerate(rows):
        if number % 32 >= 16:  # the second process's share
            row["text1"] = " ".join(WORDS[:30])
    write_rows(folder / "uneven.jsonl", rows)
    data = {"train": [{"path": str(folder / "uneven.jsonl")}], "shuffle": False}
    found["uneven"] = case(folder, bert, "A", True, data=data)
    return found


def launched(
    words: list[str | Path], processes: int = 2, more: Mapping[str, str] = MappingProxyType({})
) -> "subprocess.CompletedProcess[str]":
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    launcher += ["--master_addr", "127.0.0.1", "--master_port", "0", "--nnodes", "1"]
    launcher += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    return subprocess.run(
        [*launcher, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", **more},
        capture_output=True,
        text=True,
        timeout=500,
    )


def one_process(recipe: Recipe) -> Recipe:
    """The same steps in one process: one batch of 32, or two of 16 whose gradients are averaged."""
    gathered = recipe.train.gather
    more = {"batch_size": 32} if gathered else {"accumulation": 2}
    train = recipe.train.model_copy(update={"gather": False, **more})
    return recipe.model_copy(update={"train": train})


def assert_close_weights(one: Path, other: Path) -> None:
    mine, its = weights(one), weights(other)
    assert mine.keys() == its.keys()
    for name, weight in mine.items():
        torch.testing.assert_close(weight, its[name], atol=1e-5, rtol=0, msg=name)


def train_in_two(folder: Path, found: dict[str, Recipe], more: Mapping[str, str]) -> None:
    text = {name: recipe.model_dump(mode="json") for name, recipe in found.items()}
    (folder / "cases.json").write_text(json.dumps(text))
    ended = launched(["-m", "tests.training.in_processes", folder], more=more)
    assert ended.returncode == 0, ended.stderr[-4000:]


def assert_as_one(folder: Path, name: str, recipe: Recipe, shards: bool) -> None:
    """Both processes have the same weights after each step, and they are those of one process."""
    first, second = (json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in (0, 1))
    assert first["sharded"] == second["sharded"] == [shards], name
    assert first["digests"] == second["digests"], name
    assert len(set(first["digests"])) == STEPS, name
    alone, seen = trained(one_process(recipe), folder / f"{name}-alone")
    assert first["losses"] == pytest.approx(seen.losses, rel=1e-5, abs=1e-5), name
    for step in range(1, STEPS + 1):
        assert_close_weights(
            folder / name / f"checkpoint-{step}", alone.folder / f"checkpoint-{step}"
        )


@pytest.mark.long
def test_two_processes_are_as_one(tmp_path: Path) -> None:
    found = cases(tmp_path)
    train_in_two(tmp_path, found, {})
    for name, recipe in found.items():
        assert_as_one(tmp_path, name, recipe, shards=False)


def taught_cases(folder: Path) -> dict[str, Recipe]:
    """Teachers of vectors and of similarities, the latter of another width; a guide."""
    start, wide = folder / "bert", folder / "wide"
    build_tiny_bert(start)
    build_tiny_bert(wide, seed=5, hidden_size=48)
    teachers = [
        {"model": str(wide), "compare": "similarities", "weight": 50.0},
        {"model": "self", "weight": 2.0},
    ]
    guided = {"ibn_w": 1.0, "ibn_margin": 0.0, "ibn_guide": "teacher"}
    return {
        "taught": case(folder, start, "C", True, teacher=teachers, loss=ONE["cln_w"]),
        "taught-apart": case(folder, start, "A", False, teacher=teachers, loss=ONE["angle_w"]),
        "guided": case(folder, start, "B", True, teacher=teachers, loss=guided),
    }


@pytest.mark.long
@pytest.mark.parametrize("shards", [False, True], ids=["ddp", "fsdp"])
def test_teachers_in_two_processes_are_as_in_one(tmp_path: Path, shards: bool) -> None:
    """Each process computes the teacher's vectors of its own texts, into one store."""
    found = taught_cases(tmp_path)
    place = {"ANGLE_BENCH_CACHE": str(tmp_path / "cache")}
    train_in_two(tmp_path, found, place | (environment() if shards else {}))
    for name, recipe in found.items():
        assert_as_one(tmp_path, name, recipe, shards=shards)


@pytest.mark.long
def test_positives_of_a_query_are_masked_across_processes(tmp_path: Path, tiny_bert: Path) -> None:
    """The second process has other positives of the first one's queries."""
    rows = rows_of("B", 32 * STEPS, seed=3)
    for number, row in enumerate(rows):
        if number % 32 >= 16:
            row["query"] = rows[number - 16]["query"]
    write_rows(tmp_path / "shared.jsonl", rows)
    data = {"train": [{"path": str(tmp_path / "shared.jsonl")}], "shuffle": False}
    loss = {"ibn_w": 1.0, "mask_duplicates": True}
    recipe = case(tmp_path, tiny_bert, "B", True, data=data, loss=loss)
    train_in_two(tmp_path, {"masked": recipe}, {})
    assert_as_one(tmp_path, "masked", recipe, shards=False)
    said = json.loads((tmp_path / "masked-0.json").read_text())
    unmasked = recipe.model_copy(
        update={"loss": recipe.loss.model_copy(update={"mask_duplicates": False})}
    )
    _, seen = trained(one_process(unmasked), tmp_path / "unmasked")
    assert seen.losses[0] > said["losses"][0] + 0.01


@pytest.mark.long
def test_shards_are_as_one(tmp_path: Path) -> None:
    """Through accelerate's FSDP, which is made to shard on CPUs, too."""
    every = cases(tmp_path)
    names = ("A-angle_w", "A-apart", "C-cln_w", "ese-ibn_w", "lora", "uneven")
    found = {name: every[name] for name in names}
    plain = every["C-ibn_w"]
    cached = plain.train.model_copy(update={"chunk_tokens": 40})
    found["cached"] = plain.model_copy(update={"train": cached})
    train_in_two(tmp_path, found, environment())
    for name, recipe in found.items():
        assert_as_one(tmp_path, name, recipe, shards=True)


@pytest.mark.long
def test_a_sharded_training_chooses_and_goes_on(tmp_path: Path, tiny_bert: Path) -> None:
    mirror = dev_mirror(tmp_path / "mirror", 333)
    train = {"batch_size": 4, "gather": True, "save_steps": 3, "keep": 9}
    recipe = recipe_of(
        tmp_path, tiny_bert, select={"suite": "STSB-dev"}, train=train, model={"dropout": 0.0}
    )
    (tmp_path / "r.toml").write_text(recipe_toml(recipe))

    def run(out: Path, *more: str) -> dict[str, Any]:
        words = ["train", tmp_path / "r.toml", "-d", "cpu", "--processes", "2", "--fsdp", "--json"]
        words += ["-q", "-o", out, "--mirror", mirror, *more]
        ended = subprocess.run(
            [sys.executable, "-m", "angle_bench", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=ROOT,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout)[0]

    whole = run(tmp_path / "whole")
    for step in whole["best_step"], whole["steps"]:
        assert (tmp_path / f"whole/checkpoint-{step}").is_dir()
    half = tmp_path / "half"
    shutil.copytree(tmp_path / "whole/checkpoint-3", half / "checkpoint-3")
    shutil.copy(tmp_path / "whole/recipe.toml", half)
    again = run(half, "--resume")
    assert (again["steps"], again["score"]) == (whole["steps"], whole["score"])
    assert_same_weights(
        half / f"checkpoint-{whole['steps']}", tmp_path / f"whole/checkpoint-{whole['steps']}"
    )
    one = recipe.train.model_copy(update={"batch_size": 8, "gather": False})
    alone, _ = trained(recipe.model_copy(update={"train": one}), tmp_path / "alone", mirror=mirror)
    assert whole["score"] == pytest.approx(alone.score, abs=1e-4)
    assert_close_weights(tmp_path / "whole", alone.folder)


@pytest.mark.long
def test_shards_that_nobody_made_are_an_error(tmp_path: Path, tiny_bert: Path) -> None:
    (tmp_path / "r.toml").write_text(recipe_toml(recipe_of(tmp_path, tiny_bert)))
    words = ["-m", "angle_bench.training", tmp_path / "r.toml", "-d", "cpu", "-o", tmp_path / "out"]
    ended = launched(words, processes=1, more=environment())
    assert ended.returncode != 0
    assert "FSDP was asked for, and nothing is sharded" in ended.stderr
    ended = launched(words, more={**environment(), "FSDP_VERSION": "1"})
    assert ended.returncode != 0
    assert "fsdp_version: 2" in ended.stderr


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_ready_configurations_are_accelerates(name: str) -> None:
    """What its launcher makes of them is what `--fsdp` says to the processes."""
    place = tasks_folder() / "accelerate" / f"{name}.yaml"
    typed = launch_command_parser().parse_args(["--config_file", str(place), "train.py"])
    args, _, _ = _validate_launch_command(typed)
    assert (args.multi_gpu, args.use_fsdp) == (name == "ddp", name == "fsdp")
    said = prepare_multi_gpu_env(args)
    ours = environment() if name == "fsdp" else {}
    assert {key: said[key].lower() for key in ours} == {k: v.lower() for k, v in ours.items()}
    assert ("ACCELERATE_USE_FSDP" in said) == (name == "fsdp")


@pytest.mark.parametrize("format", ["A", "C"])
@pytest.mark.parametrize("sections", [{}, {"espresso": {"size": 8}}], ids=["plain", "espresso"])
def test_gradient_caching_is_the_plain_step(
    format: str, sections: dict[str, Any], tmp_path: Path, tiny_bert: Path
) -> None:
    plain = case(tmp_path, tiny_bert, format, False, **sections)
    train = plain.train.model_copy(update={"max_steps": STEPS})
    plain = plain.model_copy(update={"train": train})
    # Espresso's singular vectors magnify the rounding of other groups: there one chunk holds all
    tokens = 100_000 if sections else 40
    train = plain.train.model_copy(update={"chunk_tokens": tokens})
    one, first = trained(plain, tmp_path / "plain")
    other, second = trained(plain.model_copy(update={"train": train}), tmp_path / "chunks")
    assert first.losses == pytest.approx(second.losses, rel=1e-5, abs=1e-5)
    for step in range(1, STEPS + 1):
        name = f"checkpoint-{step}"
        assert_close_weights(one.folder / name, other.folder / name)


def test_gradient_caching_draws_the_same_twice(tmp_path: Path, tiny_bert: Path) -> None:
    """With one chunk of everything, dropout falls as it does in a plain step."""
    plain = recipe_of(tmp_path, tiny_bert, train={"epochs": 1, "batch_size": 2, "max_steps": 4})
    train = plain.train.model_copy(update={"chunk_tokens": 100_000})
    one, first = trained(plain, tmp_path / "plain")
    other, second = trained(plain.model_copy(update={"train": train}), tmp_path / "chunks")
    assert first.losses == second.losses
    assert_close_weights(one.folder, other.folder)


@pytest.mark.long
def test_the_command_launches_processes(tmp_path: Path, tiny_bert: Path) -> None:
    recipe = case(tmp_path, tiny_bert, "A", True)
    (tmp_path / "r.toml").write_text(recipe_toml(recipe))
    words = [sys.executable, "-m", "angle_bench", "train", tmp_path / "r.toml", "-d", "cpu"]
    words += ["-o", tmp_path / "out", "--processes", "2"]
    ended = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.startswith(f"saved {tmp_path / 'out'}  5 steps")
    assert ended.stdout.count("saved") == 1
    alone, _ = trained(one_process(recipe), tmp_path / "alone")
    assert_close_weights(tmp_path / "out", alone.folder)
    assert len(list((tmp_path / "out/checkpoint-5").glob("rng_state_*.pth"))) == 2


def processes_of_rank(rank: int, folder: Path) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal():
            continue
        try:
            said, typed = (place / "environ").read_bytes(), (place / "cmdline").read_bytes()
        except OSError:  # it ended, or is somebody else's
            continue
        if f"RANK={rank}".encode() in said.split(b"\0") and str(folder).encode() in typed:
            found.append(int(place.name))
    return found


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_a_killed_process_ends_the_training(tmp_path: Path, tiny_bert: Path) -> None:
    train = {"epochs": 4, "batch_size": 4, "save_steps": 1, "gather": True, "keep": 99}
    recipe = recipe_of(tmp_path, tiny_bert, train=train)
    (tmp_path / "r.toml").write_text(recipe_toml(recipe))
    out = tmp_path / "out"
    words = [sys.executable, "-m", "angle_bench", "train", tmp_path / "r.toml", "-d", "cpu"]
    words += ["-o", out, "--processes", "2"]
    typed = list(map(str, words))
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True, cwd=ROOT) as training:
        while not list(out.glob("checkpoint-*")):
            assert training.poll() is None
            time.sleep(0.01)
        (second,) = processes_of_rank(1, out)
        os.kill(second, signal.SIGKILL)
        _, said = training.communicate(timeout=60)
    assert training.returncode == 1
    assert "did not come to its end" in said
    assert "--resume" in said
    kept = max(int(place.name.rpartition("-")[2]) for place in out.glob("checkpoint-*"))
    assert kept < 12
    ended = subprocess.run([*typed, "--resume"], cwd=ROOT, timeout=300, check=False)
    assert ended.returncode == 0
    whole = [str(tmp_path / "whole") if word == str(out) else word for word in typed]
    assert subprocess.run(whole, cwd=ROOT, timeout=300, check=False).returncode == 0
    assert_same_weights(out, tmp_path / "whole")
