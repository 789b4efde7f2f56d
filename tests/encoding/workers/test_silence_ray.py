"""Actors of a real Ray that are stopped: it is said, they are ended, their batches go to others."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from angle_bench.encoding.workers.contract import Batch, Vectors
from angle_bench.encoding.workers.ray.ray_workers import RayWorkers, start_ray
from angle_bench.encoding.workers.silence import Patience
from angle_bench.errors import ModelError
from tests.encoding.workers import kinds
from tests.encoding.workers.kinds import answers, assert_gone, assert_same

Start = Callable[[int, Patience], RayWorkers]

pytestmark = [
    pytest.mark.process,
    pytest.mark.usefixtures("ray_here"),
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="it reads /proc"),
]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start so many actors with a patience; they are closed with the test."""
    started: list[RayWorkers] = []

    def begin(count: int, patience: Patience) -> RayWorkers:
        asked = kinds.checkpoint(folder), f"cpu:{count}", patience
        started.append(start_ray("auto", *asked))
        workers = started[-1]
        _ = workers.loaded
        assert len(workers.pids) == count
        return workers

    yield begin
    for workers in started:
        for pid in workers.pids:
            os.kill(pid, signal.SIGCONT)
        workers.close()


@pytest.mark.long
def test_a_stopped_actor_is_said_once_and_its_work_is_kept(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    said: list[str] = []

    def go_on(text: str) -> None:
        said.append(text)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    stopped: list[int] = []
    workers = start(1, Patience(say=go_on, least=0.5))
    (victim,) = workers.pids
    said.clear()  # a slow machine may have been told of the loading
    run = workers.run(asked)
    found = dict([next(run)])
    stopped.append(victim)
    os.kill(victim, signal.SIGSTOP)
    found |= dict(run)
    assert_same(found, right)
    (line,) = said
    assert line.startswith(f"the actor {victim} on ")
    assert f"It is stopped; kill -CONT {victim} lets it go on." in line
    assert "--worker-timeout SECONDS gives its work to others" in line
    assert workers.warnings == []


@pytest.mark.long
def test_an_actor_that_is_stopped_is_ended_and_its_batch_given_to_others(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start(2, Patience(end_after=3.0))
    victim, last = workers.pids
    run = workers.run(asked)
    found = dict([next(run)])
    os.kill(victim, signal.SIGSTOP)
    found |= dict(run)
    assert_same(found, right)
    assert workers.pids == [last]
    (warning,) = workers.warnings
    assert warning.startswith(f"the actor {victim} on ")
    assert warning.endswith(" s and was ended. Its work goes to the others.")
    assert_gone([victim])
    assert_same(answers(workers, asked), right)


@pytest.mark.long
def test_the_only_actor_stopped_for_too_long_ends_the_run(start: Start, asked: list[Batch]) -> None:
    workers = start(1, Patience(end_after=2.0))
    (pid,) = workers.pids
    run = workers.run(asked)
    next(run)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelError, match=r"did not answer for .* and was ended") as told:
        dict(run)
    assert "--worker-timeout" in told.value.fix
    assert_gone([pid])
