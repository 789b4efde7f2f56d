"""Commands that disturb each other for an hour: `python -m benchmarks.soak --minutes 60`.

Three commands and a Python process compute the same models at once, into one results folder and
through one vector store. Every 20 seconds one of the commands is killed, and started again; in two
rounds their files may not grow, as on a full disk. After each round an undisturbed command computes
the same alone: results and predictions have to be equal. Ends with 1 where something was wrong.
"""

import argparse
import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.command import MODEL
from benchmarks.core import ROOT
from benchmarks.processes import environment
from benchmarks.sts_data import DATASETS
from benchmarks.timing import say

COMMANDS = 3
KILL_SECONDS = 20.0
KILLS = 2  # of a command in a round, so that also a slow machine comes to its end
FULL_BYTES = 4_000  # no file may grow beyond that where the disk is said to be full
FULL_AT = (1 / 3, 2 / 3)  # of the time
PAIRS = 100  # of each task
LONGEST = 200  # rounds differ in --max-length, so that each computes anew
CLOSE = 1e-5  # scores of texts in other batches
GROWTH = 1.05  # of the surviving process's memory, the last third to the middle one
LEFT = (".tmp", ".holder", ".old")
MARK = "ANGLE_BENCH_SOAK"
TASKS = [name for name in DATASETS if name.startswith("STS1")]
WORDS = [
    "a",
    "man",
    "woman",
    "dog",
    "eats",
    "plays",
    "the",
    "red",
    "small",
    "apple",
    "while",
    "two",
]

SURVIVOR = """
import json, sys, warnings
import angle_bench
warnings.simplefilter("ignore")
for line in sys.stdin:
    asked = json.loads(line)
    angle_bench.run(asked.pop("models"), tasks=asked.pop("tasks"), progress=False, **asked)
    said = open("/proc/self/status").read()
    print(int(said.split("VmRSS:")[1].split()[0]), flush=True)
"""


@dataclass
class Counts:
    """What happened.

    Attributes:
        wrong: What must not happen, a line each.
        memory: KiB of the surviving process after each round.
    """

    rounds: int = 0
    killed: int = 0
    full: int = 0
    results: int = 0
    same_bytes: int = 0
    wrong: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where everything lies."""

    folder: Path

    def words(self, length: int, results: str = "results", *more: str) -> list[str]:
        """The command of a round."""
        asked = ["run", "-m", MODEL, "-t", ",".join(TASKS), "-d", "cpu:1", "-q"]
        asked += ["--max-length", str(length), "--mirror", str(self.folder / "mirror")]
        return [
            sys.executable,
            "-m",
            "angle_bench",
            *asked,
            "-r",
            str(self.folder / results),
            *more,
        ]

    @property
    def store(self) -> list[str]:
        """The one store of all commands."""
        return ["--cache-dir", str(self.folder / "store")]

    @property
    def env(self) -> dict[str, str]:
        """With a mark by which a process that was left is found."""
        return environment(self.folder) | {MARK: str(self.folder), "OMP_NUM_THREADS": "1"}


def make_mirror(place: Path) -> None:
    """Made-up pairs of each task."""
    draw = random.Random(0)
    for task in TASKS:
        rows = [
            {
                "sentence1": " ".join(draw.choices(WORDS, k=draw.randint(4, 30))),
                "sentence2": " ".join(draw.choices(WORDS, k=draw.randint(4, 30))),
                "score": draw.uniform(0, 5),
            }
            for _ in range(PAIRS)
        ]
        file = place / DATASETS[task] / "test.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _no_growth() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails, as on a full disk


class Lane:
    """One command, started again until it ends by itself."""

    def __init__(self, number: int, place: Place, length: int, full: bool) -> None:
        self._number, self._place, self._length, self.full = number, place, length, full
        self.killed = 0
        self.process = self._start()

    def kill(self) -> None:
        """As the system does where memory runs out."""
        self.killed += 1
        self.process.kill()

    def _start(self) -> "subprocess.Popen[bytes]":
        said = (self._place.folder / f"lane-{self._number}.err").open("wb")
        with said:
            return subprocess.Popen(
                self._place.words(self._length, "results", *self._place.store),
                cwd=ROOT,
                env=self._place.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                preexec_fn=_no_growth if self.full else None,
            )

    def go_on(self, counts: Counts) -> bool:
        """Whether it is still needed: what was killed, or had a full disk, is started again."""
        code = self.process.poll()
        if code is None:
            return True
        said = (self._place.folder / f"lane-{self._number}.err").read_text(errors="replace")
        if "Traceback" in said or code not in (0, 1, 2, -signal.SIGKILL):
            counts.wrong.append(f"a command ended with {code}: {said[-600:]}")
            return False
        if code in (1, 2) and not (self.full and "error:" in said):
            counts.wrong.append(f"a command ended with {code}: {said[-600:]}")
            return False
        if code == 0:
            return False
        if code in (1, 2):
            counts.full += 1
            self.full = False
        self.process = self._start()
        return True


@contextmanager
def survivor(place: Place) -> "Iterator[subprocess.Popen[str]]":
    """A Python process that computes every round, and is never killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", SURVIVOR],
        cwd=ROOT,
        env=place.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def one_round(
    place: Place, length: int, full: bool, kept: "subprocess.Popen[str]", counts: Counts
) -> None:
    """All at once, until each has ended by itself."""
    assert kept.stdin is not None
    assert kept.stdout is not None
    asked: dict[str, Any] = {"models": MODEL, "tasks": TASKS, "max_length": length}
    asked |= {"results": str(place.folder / "results"), "device": "cpu:1"}
    asked |= {"mirror": str(place.folder / "mirror"), "cache_dir": str(place.folder / "store")}
    lanes = [Lane(number, place, length, full) for number in range(COMMANDS)]
    before = counts.full
    draw, due = random.Random(length), time.monotonic() + KILL_SECONDS
    told = False
    try:
        while going := [lane for lane in lanes if lane.go_on(counts)]:
            if not told and (not full or counts.full > before):  # else it computes all alone
                kept.stdin.write(json.dumps(asked) + "\n")
                kept.stdin.flush()
                told = True
            alive = [lane for lane in going if lane.killed < KILLS]
            if alive and time.monotonic() >= due:
                due = time.monotonic() + KILL_SECONDS
                draw.choice(alive).kill()
                counts.killed += 1
            time.sleep(0.2)
    finally:
        for lane in lanes:
            lane.process.kill()
    if not told:
        counts.wrong.append("no command met the full disk")
        kept.stdin.write(json.dumps(asked) + "\n")
        kept.stdin.flush()
    if not (said := kept.stdout.readline()):
        raise RuntimeError("the surviving process ended")
    counts.memory.append(int(said))


def check(place: Place, length: int, counts: Counts) -> None:
    """Compare a round's results with those of a command that nothing disturbed."""
    alone = f"alone-{length}"
    subprocess.run(
        place.words(length, alone, "--no-cache"),
        cwd=ROOT,
        env=place.env,
        check=True,
        capture_output=True,
    )
    for right in sorted((place.folder / alone).glob("**/*.json")):
        if right.stem not in TASKS or right.parent.name.startswith("."):
            continue
        found = place.folder / "results" / right.relative_to(place.folder / alone)
        counts.results += 1
        if (what := _differs(right, found)) is not None:
            counts.wrong.append(f"{found}: {what}")
        counts.same_bytes += _predictions(right).read_bytes() == _predictions(found).read_bytes()
    for left in (place.folder / "results").rglob("*"):
        if left.name.endswith(LEFT):
            counts.wrong.append(f"{left} was left")
        if left.suffix == ".lock" and _is_held(left):
            counts.wrong.append(f"{left} is held, and nobody computes")


def _is_held(lock: Path) -> bool:
    """Whether some process has a lock; the file itself stays."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _predictions(result: Path) -> Path:
    return result.parent / ".angle-bench" / f"{result.stem}.parquet"


def _differs(right: Path, found: Path) -> str | None:
    if not found.is_file() or not _predictions(found).is_file():
        return "it is not there"
    scores = [
        json.loads(each.read_text())["scores"]["test"][0]["main_score"] for each in (right, found)
    ]
    if abs(scores[0] - scores[1]) > CLOSE:
        return f"{scores[1]}, and alone {scores[0]}"
    tables = [pq.read_table(_predictions(each)) for each in (right, found)]
    if tables[0].drop_columns(["score"]) != tables[1].drop_columns(["score"]):
        return "other pairs"
    apart = np.abs(np.subtract(*(table["score"].to_numpy() for table in tables))).max()
    return f"similarities that are {apart} apart" if apart > CLOSE else None


def orphans(place: Place) -> list[int]:
    """Processes of the soak that still run."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={place.folder}".encode() in (each / "environ").read_bytes()
            ended = (each / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if marked and not ended:
            found.append(int(each.name))
    return found


def last_look(place: Place, counts: Counts) -> None:
    """What must not be left, and whether memory grew."""
    until = time.monotonic() + 30
    while (left := orphans(place)) and time.monotonic() < until:
        time.sleep(0.5)
    if left:
        counts.wrong.append(f"processes were left: {left}")
    third = len(counts.memory) // 3
    if third:
        before, after = (float(np.median(part)) for part in _thirds(counts.memory, third))
        say(f"memory of the survivor: {before / 1024:.0f} MiB, then {after / 1024:.0f} MiB")
        if after > GROWTH * before:
            counts.wrong.append(f"memory grew from {before:.0f} to {after:.0f} KiB")


def _thirds(memory: Sequence[int], third: int) -> tuple[Sequence[int], Sequence[int]]:
    """The middle and the last third: the first one still imports."""
    return memory[third : 2 * third], memory[-third:]


def soak(minutes: float, folder: Path) -> Counts:
    """Rounds until the time is over; the last one is finished."""
    place, counts = Place(folder), Counts()
    make_mirror(folder / "mirror")
    began = time.monotonic()
    full_at = [share * 60 * minutes for share in FULL_AT]
    with survivor(place) as kept:
        while (passed := time.monotonic() - began) < 60 * minutes or full_at:
            full = bool(full_at) and passed >= full_at[0]
            if full:
                full_at.pop(0)
            length = LONGEST - counts.rounds % (LONGEST - 8)
            one_round(place, length, full, kept, counts)
            before = len(counts.wrong)
            check(place, length, counts)
            for line in counts.wrong[before:]:
                say(f"wrong: {line}")
            counts.rounds += 1
            say(
                f"{passed / 60:.0f} min: round {counts.rounds}{', disk full' if full else ''}, "
                f"{counts.killed} killed, {counts.full} of a full disk, {len(counts.wrong)} wrong"
            )
    last_look(place, counts)
    return counts


def main(words: Sequence[str] | None = None) -> int:
    """Soak, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the commands end with this one
    with tempfile.TemporaryDirectory(prefix="angle-bench-soak-") as folder:
        counts = soak(options.minutes, Path(folder).resolve())
    print(
        f"{counts.rounds} rounds, {counts.killed} commands killed, {counts.full} ended by a full "
        f"disk; {counts.results} results, {counts.same_bytes} of them equal byte for byte; "
        f"{len(counts.wrong)} wrong"
    )
    print("\n".join(counts.wrong))
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
