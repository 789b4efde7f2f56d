"""The scripts of the guide "Job arrays", run as each scheduler would run them."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.shards import cut, parse_shard
from angle_bench.suites.select import select
from tests.checkpoints import sts_rows, write_rows

pytestmark = pytest.mark.process

PAGE = Path(__file__).resolve().parents[2] / "docs/guide/clusters.md"
# programs of schedulers, as far as the scripts need them: each does what stands after its options
STUBS = {"srun": '"$@"', "ray": 'while [ "$1" != -- ]; do shift; done; shift; "$@"'}
TELLS = 'printf "%s\\0" "$@"'


@dataclass
class ArrayJob:
    """One job of an array: what its environment says, and what it runs."""

    environment: dict[str, str]
    script: str


def scripts() -> dict[str, str]:
    """What stands under each heading of the page."""
    found = re.findall(r"^### (.+?)\n.*?^```\w+\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return dict(found)


def asked(script: str, pattern: str) -> range:
    """The numbers that a script asks its scheduler for."""
    found = re.search(pattern, script, re.MULTILINE)
    assert found, pattern
    return range(int(found[1]), int(found[2]) + 1)


def slurm(script: str) -> Iterator[ArrayJob]:
    numbers = asked(script, r"^#SBATCH --array=(\d+)-(\d+)$")
    for at in numbers:
        said = {"ID": at, "MIN": numbers[0], "MAX": numbers[-1], "COUNT": len(numbers), "STEP": 1}
        yield ArrayJob({f"SLURM_ARRAY_TASK_{k}": str(v) for k, v in said.items()}, script)


def pbs(script: str) -> Iterator[ArrayJob]:
    for at in asked(script, r"^#PBS -J (\d+)-(\d+)$"):
        yield ArrayJob({"PBS_ARRAY_INDEX": str(at), "PBS_O_WORKDIR": "."}, script)


def lsf(script: str) -> Iterator[ArrayJob]:
    numbers = asked(script, r'^#BSUB -J "\w+\[(\d+)-(\d+)\]"$')
    for at in numbers:
        said = {"JOBINDEX": at, "JOBINDEX_END": numbers[-1], "JOBINDEX_STEP": 1}
        yield ArrayJob({f"LSB_{name}": str(value) for name, value in said.items()}, script)


def sge(script: str) -> Iterator[ArrayJob]:
    numbers = asked(script, r"^#\$ -t (\d+)-(\d+)$")
    for at in numbers:
        said = {"ID": at, "FIRST": numbers[0], "LAST": numbers[-1], "STEPSIZE": 1}
        yield ArrayJob({f"SGE_TASK_{name}": str(value) for name, value in said.items()}, script)


def kubernetes(script: str) -> Iterator[ArrayJob]:
    spec = yaml.safe_load(script)["spec"]
    assert spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    for at in range(spec["completions"]):
        yield ArrayJob({"JOB_COMPLETION_INDEX": str(at)}, " ".join(container["command"]))


def skypilot(script: str) -> Iterator[ArrayJob]:
    said = yaml.safe_load(script)
    nodes = said["num_nodes"]
    for at in range(nodes):
        named = {"SKYPILOT_NODE_RANK": str(at), "SKYPILOT_NUM_NODES": str(nodes)}
        yield ArrayJob(named, said["run"])


def ray_jobs(script: str) -> Iterator[ArrayJob]:
    yield ArrayJob({}, script)  # which submits all of them


SIMULATED = {
    "SLURM": slurm,
    "PBS": pbs,
    "LSF": lsf,
    "SGE": sge,
    "Kubernetes": kubernetes,
    "SkyPilot": skypilot,
    "Ray Jobs": ray_jobs,
}


def run(job: ArrayJob, folder: Path, programs: dict[str, str]) -> str:
    """What a job prints, run by bash among programs of these names."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    for name, body in programs.items():
        (place / name).write_text(f"#!/bin/sh\n{body}\n")
        (place / name).chmod(0o755)
    path = f"{place}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-eu", "-c", job.script],
        env=os.environ | job.environment | {"PATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_script_of_the_page_is_tried() -> None:
    assert list(scripts()) == list(SIMULATED)


@pytest.mark.parametrize("scheduler", SIMULATED)
def test_the_jobs_of_a_script_do_everything_once(scheduler: str, tmp_path: Path) -> None:
    whole = [Job([], select(["MTEB-eng-v1"])) for _ in range(2)]
    dealt: list[str] = []
    parts = 0
    for job in SIMULATED[scheduler](scripts()[scheduler]):
        printed = run(job, tmp_path, STUBS | {"angle-bench": TELLS})
        for words in re.findall(r"run\0(.*?)(?=run\0|\Z)", printed, re.DOTALL):
            typed = words.split("\0")
            assert typed[0] == "study.toml"
            shard = parse_shard(typed[typed.index("--shard") + 1], job.environment)
            mine = cut([Job([], each.suite) for each in whole], shard)
            dealt += [task.name for each in mine for task in each.suite.task]
            parts += 1
    assert parts == (4 if scheduler == "SkyPilot" else 8)
    names = Counter(dealt)
    assert names == Counter(task.name for each in whole for task in each.suite.task)
    assert set(names.values()) == {2}  # once for each model


@pytest.mark.long
@pytest.mark.parametrize("scheduler", ["SLURM", "PBS", "LSF", "SGE"])
def test_a_script_runs(scheduler: str, tiny_bert: Path, tmp_path: Path) -> None:
    """With two jobs instead of eight: six tasks, each computed by one of them."""
    names = ["STS12", "STS13", "STS14", "STS15", "STS16"]
    for seed, name in enumerate(names):
        place = tmp_path / f"mirror/mteb/{name.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(20, seed=seed))
    (tmp_path / "study.toml").write_text(f'models = ["{tiny_bert}"]\ntasks = {names}\n')
    script = scripts()[scheduler].replace("1-8", "1-2").replace("auto/8", "auto/2")
    script = script.replace("$HOME/bundle", "mirror").replace("$HOME/results", "results")
    real = {"angle-bench": f'exec {sys.executable} -m angle_bench "$@"'}
    for job in SIMULATED[scheduler](script):
        run(job, tmp_path, STUBS | real)
    records = [
        json.loads(place.read_text()) for place in (tmp_path / "results/.runs").glob("*.json")
    ]
    scored = [
        name for each in records for done in each["outcome"].values() for name in done["scored"]
    ]
    assert len(records) == 2
    assert sorted(scored) == names
