"""Workers that one process forks: shared weights, and what happens when that process dies."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from angle_bench.encoding.workers.contract import Batch, Vectors
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.encoding.workers.worker_process import WorkerProcess
from angle_bench.errors import ModelError
from tests.checkpoints import build_tiny_bert
from tests.encoding.workers import kinds
from tests.encoding.workers.kinds import answers, assert_gone, assert_same, batch

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone"),
]

Start = Callable[..., LocalWorkers]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start two workers; they are closed with the test."""
    started: list[LocalWorkers] = []

    def begin(place: Path = folder, threads: int = 1) -> LocalWorkers:
        started.append(LocalWorkers(kinds.checkpoint(place), ["cpu", "cpu"], threads))
        return started[-1]

    yield begin
    for workers in started:
        workers.close()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def proportional(pid: int) -> int:
    """Bytes of its memory, where what several processes share counts once for all of them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (line,) = [line for line in rollup.splitlines() if line.startswith("Pss:")]
    return 1024 * int(line.split()[1])


@pytest.mark.long
def test_weights_are_in_memory_once(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    build_tiny_bert(folder, intermediate_size=400_000)
    made = kinds.checkpoint(folder)
    weights = 2 * 2 * 32 * 400_000 * 2  # in bfloat16, so that no process can map the file's
    half = replace(made, settings=made.settings.model_copy(update={"dtype": "bfloat16"}))

    def taken(fork: bool) -> int:
        workers = LocalWorkers(half, ["cpu", "cpu"], threads=1, fork=fork)
        try:
            assert len(answers(workers, [batch(n, [5, 6, 7]) for n in range(4)])) == 4
            parents = {parent_of(pid) for pid in workers.pids} - {os.getpid()}
            return sum(map(proportional, {*workers.pids, *parents}))
        finally:
            workers.close()

    assert taken(fork=False) - taken(fork=True) > weights / 2


@pytest.mark.parametrize("threads", [1, 3])
def test_they_have_the_threads_that_were_asked_for(
    start: Start, asked: list[Batch], right: dict[int, Vectors], threads: int
) -> None:
    workers = start(threads=threads)
    large = batch(99, *([5, 6, 7, 8] * 16 for _ in range(64)))
    assert_same({n: v for n, v in answers(workers, [*asked, large]).items() if n != 99}, right)
    # one listens to the parent
    counts = [len(os.listdir(f"/proc/{pid}/task")) for pid in workers.pids]
    assert max(counts) == threads + 1


def test_they_go_on_without_the_process_that_forked_them(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start()
    _ = workers.loaded
    victim, last = workers.pids
    os.kill(parent_of(victim), signal.SIGKILL)
    assert_same(answers(workers, asked), right)
    assert (workers.count, workers.warnings) == (2, [])
    os.kill(victim, signal.SIGKILL)
    assert_same(answers(workers, asked), right)
    (warning,) = workers.warnings
    assert f"the worker {victim} on cpu is gone" in warning
    assert workers.pids == [last]
    workers.close()
    assert_gone([victim, last])


def test_its_death_while_it_loads_is_told(start: Start) -> None:
    workers = start()
    (forking,) = set(workers.pids)  # no worker is there yet
    os.kill(forking, signal.SIGKILL)
    with pytest.raises(ModelError, match="killed by signal 9 while it loaded the model"):
        _ = workers.loaded
    assert_gone([forking])


def test_workers_that_are_closed_while_they_load_leave_no_process(start: Start) -> None:
    workers = start()
    pids = workers.pids
    workers.close()
    assert_gone(pids)


def test_where_a_library_runs_threads_each_worker_loads_the_model(
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[Batch],
    right: dict[int, Vectors],
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    workers = start()
    assert_same(answers(workers, asked), right)
    assert len(set(workers.pids)) == 2
    words = [
        Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0") for pid in workers.pids
    ]
    assert all(len(each) == 7 for each in words)  # interpreter, -P, -c, code, root, line, order
    victim, last = workers.pids
    os.kill(victim, signal.SIGKILL)
    assert_same(answers(workers, asked), right)
    (warning,) = workers.warnings
    assert f"the worker {victim} on cpu was killed by signal 9" in warning
    workers.close()
    assert_gone([victim, last])


def test_a_process_that_is_not_forked_yet_has_the_id_of_the_one_that_will(start: Start) -> None:
    workers = start()
    before = set(workers.pids)
    _ = workers.loaded
    assert len(before) == 1
    assert len(set(workers.pids) - before) == 2
    assert isinstance(workers._processes[0], WorkerProcess)
    assert np.all([parent_of(pid) in before for pid in workers.pids])
