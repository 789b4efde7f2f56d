"""Commands on one results folder: several at once, killed ones, broken surroundings, parts."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import mteb
import pytest
from mteb.results import TaskResult

from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

SIX = {
    "STS12": "sts12-sts",
    "STS13": "sts13-sts",
    "STS14": "sts14-sts",
    "STS15": "sts15-sts",
    "STS16": "sts16-sts",
    "STSBenchmark": "stsbenchmark-sts",
}
ALL = ("-t", ",".join(SIX), "--mirror", "mirror")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Six small STS tasks."""
    for seed, dataset in enumerate(SIX.values()):
        rows = sts_rows(30 + seed, seed=seed)
        write_rows(tmp_path / f"mirror/mteb/{dataset}/test.parquet", rows)
    return tmp_path / "mirror"


def start(folder: Path, *words: str | Path, **more: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "angle_bench", "run", *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def scores(results: Path) -> dict[str, float]:
    """The main score of every result file, each read by mteb itself."""
    found = {}
    for place in results.glob("*/*/*.json"):
        if place.name != "model_meta.json":
            result = TaskResult.from_disk(place)
            found[result.task_name] = result.get_score()
    return found


def records(results: Path) -> list[dict[str, Any]]:
    return [json.loads(place.read_text()) for place in (results / ".runs").glob("*.json")]


@pytest.mark.long
def test_four_commands_at_once_compute_each_result_once(
    tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    running = [start(tmp_path, "-m", tiny_bert, *ALL) for _ in range(4)]
    ended = [each.communicate(timeout=300) for each in running]
    assert [each.returncode for each in running] == [0] * 4, ended[0][1]
    assert len({out for out, _ in ended}) == 1  # all print the same table
    computed = Counter(
        name
        for record in records(tmp_path / "results")
        for name in record["outcome"]["tiny-bert"]["scored"]
    )
    assert computed == dict.fromkeys(SIX, 1)
    assert set(scores(tmp_path / "results")) == set(SIX)
    assert any("waiting for tiny-bert" in err for _, err in ended)
    assert not list((tmp_path / "results").rglob("*.holder"))


@pytest.fixture
def undisturbed(cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path) -> dict[str, float]:
    """The results of a run that nothing disturbs."""
    assert cli("run", "-m", tiny_bert, *ALL, "-r", "calm").code == 0
    return scores(tmp_path / "calm")


@pytest.mark.long
@pytest.mark.parametrize("moment", range(20))
def test_a_killed_run_is_finished_by_the_same_command(
    moment: int,
    undisturbed: dict[str, float],
    cli: Cli,
    tiny_bert: Path,
    mirror: Path,
    tmp_path: Path,
) -> None:
    """Killed after a random number of results, and a random time after that."""
    chance = random.Random(moment)
    until, then = chance.randint(0, 6), chance.random() * 0.2
    running = start(tmp_path, "-m", tiny_bert, *ALL, "--no-cache")
    assert running.stderr is not None
    told = 0
    for line in running.stderr:
        told += any(f" {name} {number}/6 " in line for number, name in enumerate(SIX, start=1))
        if told == until and ("unique of" in line or told):
            break
    time.sleep(then)  # a moment between two events, which is what is tried here
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()

    again = cli("run", "-m", tiny_bert, *ALL)
    assert again.code == 0, again.err
    assert scores(tmp_path / "results") == pytest.approx(undisturbed, abs=1e-4)
    for place in (tmp_path / "results").rglob("*.json"):
        json.loads(place.read_text())
    kept = [p for p in (tmp_path / "results").rglob("*.tmp") if ".runs" not in p.parts]
    assert kept == []


@pytest.mark.long
def test_whatever_is_broken_is_named_and_costs_the_others_nothing(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    """A failing task, a missing data set, a corrupt old result and no space for a large file."""
    assert cli("run", "-m", tiny_bert, "-t", "STS12,STS16", "--mirror", mirror).code == 0
    (folder,) = (tmp_path / "results").glob("local__tiny-bert/*")
    corrupt = folder / "STS16.json"
    corrupt.write_bytes(corrupt.read_bytes()[:100])
    half = corrupt.read_bytes()
    good = (folder / "STS12.json").read_bytes()
    write_rows(mirror / "mteb/sts13-sts/test.parquet", [{"a": "x", "score": 1.0}] * 4)
    (mirror / "mteb/sts14-sts/test.parquet").unlink()
    (mirror / "mteb/sts14-sts").rmdir()
    write_rows(mirror / "mteb/sts16-sts/test.parquet", sts_rows(2500, seed=1))  # large predictions
    calm = cli("run", "-m", tiny_bert, "-t", "STS16", "--mirror", mirror, "-r", "calm")
    assert calm.code == 0  # its data is converted, so that only the result is too large below

    most = 60_000
    running = start(
        tmp_path,
        *("-m", tiny_bert, *ALL, "--no-cache"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    out, err = running.communicate(timeout=300)
    assert running.returncode == 1
    assert "3 of 6" in out
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in errors] == ["STS13", "STS14", "STS16"]
    assert "File too large" in errors[2]
    assert "STS16 is computed again" in err
    assert "Traceback" not in err
    assert corrupt.read_bytes() == half  # it makes room only for a result that is there
    assert (folder / "STS12.json").read_bytes() == good
    assert {path.stem for path in folder.glob("STS*.json")} == {
        "STS12",
        "STS15",
        "STS16",
        "STSBenchmark",
    }


def test_mteb_reads_the_folder_with_the_same_scores(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    ended = cli("run", "-m", tiny_bert, *ALL, "--pooling", "mean", "--json")
    (row,) = json.loads(ended.out)["models"]
    cache = mteb.ResultCache(tmp_path)
    plain = cache.load_results()
    assert [result.model_name for result in plain.model_results] == []  # it is an experiment
    read = cache.load_results(models=[row["name"]], load_experiments="match_name")
    (model,) = read.model_results
    assert model.model_revision == row["revision"]
    assert {each.task_name: round(100 * each.get_score(), 4) for each in model.task_results} == (
        row["scores"]
    )


def test_the_shards_of_a_command_together_are_the_command(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    build_tiny_bert(tmp_path / "other", seed=1)
    words = ("run", "-m", tiny_bert, "-m", tmp_path / "other", *ALL)
    parts = [cli(*words, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert [part.code for part in parts] == [0] * 3
    done = [
        name
        for record in records(tmp_path / "results")
        for outcome in record["outcome"].values()
        for name in outcome["scored"]
    ]
    assert Counter(done) == dict.fromkeys(SIX, 2)
    whole = cli(*words)
    assert "all stored before" in whole.err
    assert whole.err.count("all stored before") == 2


def test_a_shard_of_a_job_array_is_what_slurm_says(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = cli("run", "-m", tiny_bert, *ALL, "--shard", "auto")
    assert alone.code == 2
    assert "there is no SLURM_ARRAY_TASK_ID, PBS_ARRAY_INDEX" in alone.errors[0]
    for name, value in (("ID", "11"), ("MIN", "10"), ("COUNT", "6")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert cli("run", "-m", tiny_bert, *ALL, "--shard", "auto").code == 0
    assert len(scores(tmp_path / "results")) == 1


def test_a_plan_gives_what_is_not_typed(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    Path("plan.toml").write_text(
        f'models = ["one={tiny_bert}"]\ntasks = ["STS12", "STS13"]\nmirror = "mirror"\n'
        'max-length = 16\npooling = "mean"\n'
    )
    ended = cli("run", "plan.toml", "--pooling", "cls", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["models"]
    assert row["label"] == "one"
    assert "|pool:cls|" in row["signature"]
    assert "|max:16|" in row["signature"]
    assert set(row["scores"]) == {"STS12", "STS13"}


@pytest.mark.parametrize(
    ("text", "says", "fix"),
    [
        ("modells = ['a']", "modells is no option of this command. Did you mean models?", "models"),
        ("models = ", "is no TOML", "corrected"),
        ("[models]\na = 1", "models is a table", "models = VALUE"),
    ],
)
def test_a_plan_that_cannot_be_meant(cli: Cli, text: str, says: str, fix: str) -> None:
    Path("plan.toml").write_text(text)
    ended = cli("run", "plan.toml")
    assert ended.code == 2
    assert says in ended.errors[0]
    assert fix in ended.errors[1]
    assert not Path("results").exists()


def test_a_plan_that_is_not_there(cli: Cli) -> None:
    ended = cli("run", "plan.toml")
    assert ended.code == 2
    assert "plan.toml cannot be read" in ended.errors[0]


def test_a_smoke_run_is_stored_apart(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    smoke = cli("run", "-m", tiny_bert, *ALL, "--limit", "8")
    assert smoke.code == 0, smoke.err
    assert smoke.out.startswith("smoke run: 8 samples a task")
    assert " 6/6  100 %" in smoke.err
    assert not list(Path("results").glob("*/*/*.json"))
    (record,) = Path("results/.limit/8").glob("*/*/.angle-bench/STS12.json")
    assert json.loads(record.read_text())["counts"]["samples"] == 8
    assert "all stored before" in cli("run", "-m", tiny_bert, *ALL, "--limit", "8").err
    whole = cli("run", "-m", tiny_bert, *ALL)
    assert "all stored before" not in whole.err


def test_a_dry_run_says_what_is_left_and_writes_nothing(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    assert cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", mirror).code == 0
    before = sorted(Path("results").rglob("*"))
    ended = cli("run", "-m", tiny_bert, "-t", "STS12,STS13", "--mirror", mirror, "-n", "--json")
    assert ended.code == 0, ended.err
    (told,) = json.loads(ended.out)
    stored, todo = told["tasks"]
    assert (stored["name"], stored["state"]) == ("STS12", "stored")
    assert (todo["name"], todo["state"]) == ("STS13", "to do")
    assert todo["texts"] == 3000  # of mteb's own data, whose counts the suite holds
    assert todo["tokens"] > todo["texts"]
    assert told["seconds"] > 0
    assert sorted(Path("results").rglob("*")) == before
    shown = cli("run", "-m", tiny_bert, "-t", "STS12,STS13", "--mirror", mirror, "-n")
    assert "1 of 2 tasks to compute" in shown.out
