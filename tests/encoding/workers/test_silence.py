"""Workers that are stopped: said once, waited for, or ended where a limit is set."""

import math
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
import pytest

from angle_bench.encoding.workers import silence as module
from angle_bench.encoding.workers.contract import Batch, BatchFailed, Probe, Vectors
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.encoding.workers.silence import Patience, Silence, WorkerPace, check_timeout
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.run.run_options import Computing
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Command
from tests.encoding.workers import kinds
from tests.encoding.workers.faults import sitecustomize as fault
from tests.encoding.workers.kinds import answers, assert_gone, assert_same, batch

pytestmark = pytest.mark.process

Start = Callable[..., LocalWorkers]


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["fork", "spawn"])
def start(folder: Path, faults: None, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start so many workers with a patience; they are closed with the test."""
    started: list[LocalWorkers] = []

    def begin(count: int, patience: Patience) -> LocalWorkers:
        devices = ["cpu"] * count
        checkpoint = kinds.checkpoint(folder)
        workers = LocalWorkers(checkpoint, devices, 1, patience=patience, fork=request.param)
        started.append(workers)
        return started[-1]

    yield begin
    for workers in started:
        for pid in workers.pids:
            os.kill(pid, signal.SIGCONT)
        workers.close()


def stopping(number: int) -> Batch:
    """A batch whose worker stops itself before it computes it."""
    return batch(number, [5, fault.STOPPED], [6, 7])


def test_a_stopped_worker_is_said_once_and_its_work_is_kept(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    said: list[str] = []

    def go_on(text: str) -> None:
        said.append(text)
        os.kill(victim, signal.SIGCONT)

    workers = start(1, Patience(say=go_on, least=0.2))
    (victim,) = workers.pids
    _ = workers.loaded
    said.clear()  # a slow machine may have been told of the loading
    run = workers.run(asked)
    found = dict([next(run)])
    os.kill(victim, signal.SIGSTOP)
    found |= dict(run)
    assert_same(found, right)
    (line,) = said
    assert line.startswith(f"the worker {victim} on cpu has not answered for ")
    assert f"It is stopped; kill -CONT {victim} lets it go on." in line
    assert "--worker-timeout SECONDS gives its work to others" in line
    assert workers.warnings == []


def test_a_worker_that_is_silent_for_too_long_is_ended_and_its_batch_given_to_others(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start(2, Patience(end_after=1.0))
    _ = workers.loaded
    victim, last = workers.pids
    run = workers.run(asked)
    found = dict([next(run)])
    os.kill(victim, signal.SIGSTOP)
    found |= dict(run)
    assert_same(found, right)
    assert workers.pids == [last]
    (warning,) = workers.warnings
    assert warning.startswith(f"the worker {victim} on cpu did not answer for ")
    assert warning.endswith(" s and was ended. Its work goes to the others.")
    assert_gone([victim])


@pytest.mark.long
def test_a_batch_that_stops_two_workers_is_named(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start(3, Patience(end_after=1.0))
    with pytest.raises(
        BatchFailed, match=r"did not answer .* the second on the same batch"
    ) as told:
        answers(workers, [*asked[:7], stopping(7), *asked[8:]])
    assert told.value.number == 7
    assert workers.count == 1
    assert_same(answers(workers, asked), right)


@pytest.mark.long
def test_the_only_worker_silent_for_too_long_ends_the_run(start: Start) -> None:
    workers = start(1, Patience(end_after=1.0))
    (pid,) = workers.pids
    _ = workers.loaded
    with pytest.raises(ModelError, match=r"did not answer for .* and was ended") as told:
        answers(workers, [stopping(0)])
    assert "--worker-timeout" in told.value.fix
    assert_gone([pid])


def test_a_worker_that_is_stopped_while_it_loads(start: Start) -> None:
    said: list[str] = []
    workers = start(1, Patience(0.5, said.append, 0.2))
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelError, match="was ended while it loaded the model"):
        _ = workers.loaded
    assert len(said) == 1
    assert "It is ended after " in said[0]
    assert_gone([pid])


@pytest.mark.long
def test_a_worker_that_is_stopped_in_a_measurement(start: Start) -> None:
    workers = start(2, Patience(end_after=1.0))
    _ = workers.loaded
    os.kill(workers.pids[0], signal.SIGSTOP)
    assert list(workers.probe(2, Probe(1, (64,), 30.0))) == [64]
    assert workers.count == 1


def large(number: int) -> Batch:
    """One that fits no socket's buffer, in either direction."""
    return Batch(number, np.full(120_000, 5, np.int32), np.full(40_000, 3, np.int32))


@pytest.mark.long
def test_a_worker_that_stops_in_the_midst_of_its_answer_and_reads_no_question(start: Start) -> None:
    workers = start(2, Patience(end_after=20.0))  # a large batch takes seconds
    run = workers.run(large(number) for number in range(6))
    found = [next(run)[0]]
    victim = workers._processes[0]
    assert wait([victim.connection], kinds.GUARD_SECONDS)  # the first bytes of an answer are there
    os.kill(victim.process.pid, signal.SIGSTOP)
    found += [number for number, _ in run]
    assert sorted(found) == list(range(6))
    assert workers.count == 1
    assert_gone([victim.process.pid])


class Clock:
    """The module `time`, as far as silence asks it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_time_in_which_nobody_listened_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    silence = Silence(Patience(end_after=300))
    silence.begin(0)
    clock.now = 3600.0  # the machine slept
    silence.grow()
    assert (silence.seconds, silence.too_long) == (10.0, False)
    for clock.now in range(3605, 3895, 5):
        silence.grow()
    assert (silence.seconds, silence.too_long) == (300.0, True)


def test_a_silence_is_long_beside_what_such_a_batch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    said: list[str] = []
    silence, pace = Silence(Patience(say=said.append)), WorkerPace()
    small, twice = batch(0, [5, 6]), batch(1, [5, 6, 7, 8])
    pace.begin(silence, [small])
    clock.now = 9.0
    pace.learn(silence, small)
    pace.begin(silence, [twice])
    assert silence.expected == 18.0
    for clock.now in range(14, 189, 5):
        silence.grow()
        silence.tell("w", 0)
    assert said == []
    for clock.now in range(189, 400, 5):
        silence.grow()
        silence.tell("w", 0)
    assert [line[:30] for line in said] == ["w has not answered for 180 s. "]
    pace.learn(silence, twice)  # a silence that was said is no measure of a batch
    pace.begin(silence, [twice])
    assert silence.expected == 18.0


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="--worker-timeout"):
        check_timeout(seconds)
    with pytest.raises(UsageError, match="--worker-timeout"):
        Computing(worker_timeout=seconds)


STOPS_ONCE = """
import os, signal, sys
sys.path.insert(0, {faults!r})
import sitecustomize as fault

def stopping(forward):
    def stop_once(self, ids, lengths, skip=0):
        try:
            os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return forward(self, ids, lengths, skip)
        os.kill(os.getpid(), signal.SIGSTOP)
    return stop_once

fault.wrapped = stopping
sys.meta_path.insert(0, fault.AfterImport())
"""


@pytest.mark.long
def test_a_run_goes_on_without_a_stopped_worker(
    angle_bench: Command, tiny_bert: Path, tmp_path: Path
) -> None:
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.jsonl", sts_rows(60))
    words = ["run", "-m", tiny_bert, "-t", "STS12", "--mirror", tmp_path / "mirror"]
    words += ["--no-cache", "-d", "cpu:2"]
    plain = angle_bench(*words, "-r", tmp_path / "plain")
    assert plain.returncode == 0, plain.stderr
    (tmp_path / "hooks").mkdir()
    kinds_of = {"faults": str(Path(fault.__file__).parent), "mark": str(tmp_path / "mark")}
    hook = STOPS_ONCE.format(**kinds_of).replace("import sitecustomize as", "import faulty as")
    (tmp_path / "hooks" / "faulty.py").write_text(Path(fault.__file__).read_text())
    (tmp_path / "hooks" / "sitecustomize.py").write_text(hook)
    env = os.environ | {"PYTHONPATH": str(tmp_path / "hooks")}
    found = angle_bench(*words, "--worker-timeout", "3", "-r", tmp_path / "stopped", env=env)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "mark").exists()
    assert " s and was ended. Its work goes to the others." in found.stderr
    assert found.stdout == plain.stdout
