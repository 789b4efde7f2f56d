"""The script for Ray Jobs on a cluster that is there: head, dashboard and two jobs on this machine.

Ray's dashboard needs packages that only `ray[default]` brings, so it has an environment of its own.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.core import SkipBenchmark
from benchmarks.environments import environment_of
from tests.checkpoints import sts_rows, write_rows
from tests.cli.test_job_arrays import scripts

pytestmark = [pytest.mark.process, pytest.mark.long]

TASKS = ["STS12", "STS13", "STS14", "STS15"]
SECONDS = 300


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def cluster() -> Iterator[dict[str, str]]:
    """A head with two pretended GPUs: the environment of who submits to it."""
    try:
        python = environment_of("ray-jobs", f"ray[default]=={version('ray')}")
    except SkipBenchmark as reason:
        pytest.skip(str(reason))
    port = free_port()
    where = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a path of sockets has to be short
    programs = f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = os.environ | {
        "PATH": programs,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ADDRESS": f"http://127.0.0.1:{port}",
        "OMP_NUM_THREADS": "1",
    }
    words = [str(python.with_name("ray")), "start", "--head", "--block", "--port", str(free_port())]
    words += ["--node-ip-address", "127.0.0.1", "--dashboard-host", "127.0.0.1"]
    words += ["--dashboard-port", str(port), "--num-cpus", "2", "--num-gpus", "2"]
    words += ["--temp-dir", where]
    without = {key: value for key, value in said.items() if key != "RAY_ADDRESS"}
    with subprocess.Popen(
        words, env=without, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as head:
        assert head.stdout is not None
        heard = []
        for line in head.stdout:
            heard.append(line)
            if "--block" in line:  # it says that it stays
                break
        else:
            pytest.fail("".join(heard))
        try:
            yield said
        finally:
            head.send_signal(signal.SIGTERM)
            head.communicate(timeout=60)
            shutil.rmtree(where, ignore_errors=True)


def test_the_script_runs(cluster: dict[str, str], tiny_bert: Path, tmp_path: Path) -> None:
    """With two jobs instead of eight."""
    for seed, name in enumerate(TASKS):
        write_rows(tmp_path / f"mirror/mteb/{name.lower()}-sts/test.parquet", sts_rows(20, seed))
    study = f'models = ["{tiny_bert}"]\ntasks = {TASKS}\nmirror = "mirror"\n'
    (tmp_path / "study.toml").write_text(study)
    script = scripts()["Ray Jobs"].replace("seq 8", "seq 2").replace("$part/8", "$part/2")
    script = script.replace("http://127.0.0.1:8265", cluster["RAY_ADDRESS"])
    submitted = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env=cluster,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert submitted.returncode == 0, submitted.stderr + submitted.stdout
    jobs = dict.fromkeys(re.findall(r"raysubmit_\w+", submitted.stdout))
    assert len(jobs) == 2
    for job in jobs:  # until it ends
        subprocess.run(
            ["ray", "job", "logs", "--follow", job], env=cluster, timeout=SECONDS, check=True
        )
    records = [
        json.loads(place.read_text()) for place in (tmp_path / "results/.runs").glob("*.json")
    ]
    assert len(records) == 2
    scored = [
        name for each in records for done in each["outcome"].values() for name in done["scored"]
    ]
    assert sorted(scored) == TASKS
