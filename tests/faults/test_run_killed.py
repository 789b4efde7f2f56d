"""Killed at moments drawn over a whole run, a run goes on, and ends where an undisturbed one does.

The moments are calls of the process itself: on the disk, on the vector store, to its workers. They
are counted, not timed, so that storing and scoring are met as often as encoding.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from angle_bench.encoding.store.lmdb_store import open_store
from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.conftest import TESTS
from tests.faults.test_every_call import left_over, make_old

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds workers in /proc"),
]

TASKS = ["STS12", "STS13", "STS14", "STS15"]
RUN = ["run", "-m", "../tiny", "-t", ",".join(TASKS), "--mirror", "../mirror", "-d", "cpu:2"]
SECONDS = 120.0  # without an end is a hang
MARK = "KILLED_RUN_OF"


@dataclass
class Killed:
    """A run in a folder of its own, started again and again.

    Attributes:
        place: Where it runs.
        right: What each task has to come to; empty as long as that is not known.
        results: Tasks that are stored.
        vectors: How many vectors are stored.
    """

    place: Path
    right: dict[str, "Stored"] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    vectors: int = 0

    def start(self, at: int) -> tuple[int, str]:
        """Run, killed at a call or not: its status, and what it said."""
        self.place.mkdir(exist_ok=True)
        ended = subprocess.run(
            [sys.executable, "-m", "tests.faults.killed_run", str(self.counted), str(at), *RUN],
            cwd=self.place,
            env=os.environ
            | {
                "PYTHONPATH": str(TESTS.parent),
                "ANGLE_BENCH_CACHE": str(self.place / "cache"),
                MARK: str(self.place),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return ended.returncode, ended.stderr

    @property
    def counted(self) -> Path:
        return self.place.with_suffix(".calls")

    def calls(self) -> list[str]:
        """Those of the last start."""
        return self.counted.read_text().splitlines()

    def check(self) -> None:
        """No process is left; nothing stored is lost, and all of it is right."""
        assert not orphans(str(self.place))
        found = stored(self.place)
        assert found.keys() >= self.results
        if self.right:
            for task, ended in found.items():
                assert_same(ended, self.right[task])
        self.results = set(found)
        with_vectors = self.place / "cache/vectors"
        if with_vectors.exists():
            store = open_store(self.place / "cache")
            vectors = sum(info.vectors for info in store.info())
            store.close()
            assert vectors >= self.vectors
            self.vectors = vectors


class Stored(NamedTuple):
    """A task's scores, predictions and record, without the times."""

    scores: dict[str, float]
    predictions: pd.DataFrame
    recorded: dict[str, Any]


def stored(place: Path) -> dict[str, "Stored"]:
    """What there is of each task."""
    found = {}
    for result in place.glob("results/*/*/STS*.json"):
        side = result.parent / ".angle-bench"
        record = json.loads((side / result.name).read_text())
        scores = json.loads(result.read_text())["scores"]["test"][0]
        found[result.stem] = Stored(
            {name: of for name, of in scores.items() if isinstance(of, float)},
            pd.read_parquet(side / f"{result.stem}.parquet"),
            {key: record[key] for key in ("model", "data", "prompts")},
        )
    return found


def assert_same(one: "Stored", other: "Stored") -> None:
    """Equal but for the last digits: who goes on computes in other batches."""
    pd.testing.assert_frame_equal(one.predictions, other.predictions, atol=2e-6, rtol=0)
    assert one.recorded == other.recorded
    assert one.scores == pytest.approx(other.scores, abs=2e-5)


def orphans(mark: str) -> list[int]:
    """Processes of a run that do not end by themselves; they are killed."""
    left = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() not in Path(f"/proc/{pid}/environ").read_bytes():
                continue
            process = os.pidfd_open(pid)
            if not select.select([process], [], [], SECONDS)[0]:
                left.append(pid)
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)
    return left


def lose_nothing(folder: Path, kills: int, seed: int) -> Counter[str]:
    """Kill as often; at what kind of call, how often."""
    build_tiny_bert(folder / "tiny", initializer_range=0.3)  # vectors that differ
    for number, task in enumerate(TASKS):
        name = f"mteb/{task.lower()}-sts/test.parquet"
        write_rows(folder / "mirror" / name, sts_rows(300, seed=number))
    whole = Killed(folder / "whole")
    code, said = whole.start(-1)
    assert code == 0, said
    right, calls = stored(whole.place), whole.calls()
    assert set(right) == set(TASKS)
    draw = random.Random(seed)
    met: Counter[str] = Counter()
    run = Killed(folder / "run-0", right)
    while met.total() < kills:
        at = draw.randrange(len(calls))
        code, said = run.start(at)
        killed_at = run.calls()[-1]
        run.check()
        make_old(run.place)
        if code == 0:  # it had less to do than the whole one
            run = ended(run)
            continue
        assert code == -signal.SIGKILL, said
        met[killed_at.split()[0]] += 1
    code, said = run.start(-1)
    assert code == 0, said
    ended(run)
    return met


def ended(run: Killed) -> Killed:
    """Look at one that came to its end; the next."""
    code, said = run.start(-1)
    assert code == 0, said
    run.check()
    assert run.results == set(TASKS)
    assert left_over(run.place) == []
    return Killed(run.place.with_name(f"run-{int(run.place.name[4:]) + 1}"), run.right)


@pytest.mark.long
def test_a_hundred_kills(tmp_path: Path) -> None:
    met = lose_nothing(tmp_path, 100, seed=5)
    print(f"killed at {dict(met)}")
    assert {"open", "fsync", "os.rename"} <= set(met)
    assert {"ask", "answer", "commit", "committed"} & set(met)  # few among all calls
