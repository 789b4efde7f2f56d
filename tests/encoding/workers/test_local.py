"""Worker processes that die: whose work goes where, what the user is told, what stays behind."""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from angle_bench.encoding.workers import silence, worker_process
from angle_bench.encoding.workers.contract import Batch, BatchFailed, Probe, Vectors
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.errors import ModelError
from tests.encoding.workers import kinds
from tests.encoding.workers.faults import sitecustomize as fault
from tests.encoding.workers.kinds import answers, assert_gone, assert_same, batch, gone

pytestmark = pytest.mark.process

Start = Callable[[int], LocalWorkers]


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["fork", "spawn"])
def fork(request: pytest.FixtureRequest) -> bool:
    """Whether several workers are forked from one process."""
    return bool(request.param)


@pytest.fixture
def start(folder: Path, fork: bool) -> Iterator[Start]:
    """Start so many workers; they are closed with the test."""
    started: list[LocalWorkers] = []

    def begin(count: int) -> LocalWorkers:
        started.append(kinds.local(folder, count, fork))
        return started[-1]

    yield begin
    for workers in started:
        workers.close()


def said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_the_work_of_dead_workers_goes_to_the_others_while_there_are_any(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start(2)
    run = workers.run(asked)
    found = dict([next(run)])
    victim, last = workers.pids
    os.kill(victim, signal.SIGKILL)
    for number, vectors in run:
        assert number not in found
        found[number] = vectors
    assert_same(found, right)
    assert workers.pids == [last]
    (warning,) = workers.warnings
    assert f"worker {victim} on cpu was killed by signal 9" in warning
    assert "goes to the others" in warning

    run = workers.run(asked)
    next(run)
    os.kill(last, signal.SIGKILL)
    with pytest.raises(ModelError, match=f"worker {last} on cpu was killed by signal 9") as caught:
        list(run)
    assert "the same command" in caught.value.fix
    assert workers.count == 0
    assert_gone([victim, last])
    with pytest.raises(ModelError, match=f"worker {last} on cpu was killed by signal 9"):
        answers(workers, asked)


@pytest.mark.long
def test_workers_killed_between_runs_are_found_by_the_next_question(
    start: Start, asked: list[Batch], right: dict[int, Vectors]
) -> None:
    workers = start(3)
    _ = workers.loaded
    os.kill(workers.pids[0], signal.SIGKILL)
    assert_same(answers(workers, asked), right)
    assert (workers.count, len(workers.warnings)) == (2, 1)
    os.kill(workers.pids[0], signal.SIGKILL)
    assert list(workers.probe(2, Probe(1, (64,), 30.0))) == [64]
    assert (workers.count, len(workers.warnings)) == (1, 2)


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        pytest.param([[5, fault.DEADLY]], "the second on the same text", marks=pytest.mark.long),
        ([[5, fault.DEADLY], [6], [7]], "the second on the same batch of 3 texts"),
    ],
)
def test_a_batch_that_kills_its_workers_is_named_and_spares_the_last(
    start: Start,
    faults: None,
    asked: list[Batch],
    right: dict[int, Vectors],
    texts: list[list[int]],
    named: str,
) -> None:
    workers = start(3)
    with pytest.raises(BatchFailed, match=named) as caught:
        answers(workers, [*asked[:7], batch(7, *texts), *asked[8:]])
    assert (caught.value.number, caught.value.text) == (7, 0)
    assert workers.count == 1
    assert_same(answers(workers, asked), right)


@pytest.mark.long
def test_a_batch_that_kills_the_only_worker_ends_the_run(start: Start, faults: None) -> None:
    workers = start(1)
    with pytest.raises(ModelError, match="was killed by signal 9"):
        answers(workers, [batch(0, [5, fault.DEADLY])])


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), 9)", "was killed by signal 9"),
        ("os._exit(7)", "ended with status 7"),
    ],
)
def test_a_death_while_loading_is_told_with_the_workers_last_words(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, how: str
) -> None:
    # found before the real one, as a broken installation is
    (tmp_path / "torch.py").write_text(
        f"import os, sys\nprint('the driver is too old', file=sys.stderr, flush=True)\n{end}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    workers = start(2)
    pids = workers.pids
    with pytest.raises(ModelError, match=f"{how} while it loaded the model") as caught:
        _ = workers.loaded
    assert "the driver is too old" in said(caught.value)
    assert_gone(pids)
    with pytest.raises(ModelError, match=how):
        answers(workers, [])


def test_a_worker_that_cannot_end_by_itself_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "SHUTDOWN_SECONDS", 0.1)
    workers = start(1)
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    workers.close()
    assert gone(pid)


@pytest.mark.long
def test_a_death_is_found_though_a_grandchild_holds_the_socket_open(
    start: Start,
    fork: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[Batch],
    right: dict[int, Vectors],
) -> None:
    monkeypatch.setattr(silence, "POLL_SECONDS", 0.1)
    # forks before the worker can keep the socket from its children
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "if os.environ.pop('FORKS', ''):\n"
        "    if child := os.fork():\n"
        f"        open(f'{tmp_path}/{{os.getpid()}}.child', 'w').write(str(child))\n"
        "    else:\n"
        "        signal.pause()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FORKS", "1")
    workers = start(2)
    _ = workers.loaded
    children = [int(place.read_text()) for place in tmp_path.glob("*.child")]
    try:
        os.kill(workers.pids[0], signal.SIGKILL)
        assert_same(answers(workers, asked), right)
        assert (workers.count, len(workers.warnings)) == (1, 1)
        assert not [child for child in children if gone(child)]
        assert len(children) == (1 if fork else 2)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


ENDLESS = """
import sys
from itertools import count
from pathlib import Path

import numpy as np

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Batch
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.checkpoints.folder.read_folder import read_folder

folder = Path(sys.argv[1])
checkpoint = Checkpoint(folder, "", "", "", read_folder(folder).settings, 0)
workers = LocalWorkers(checkpoint, ["cpu"], threads=1)
ids, lengths = np.full(64 * 60, 5, np.int32), np.full(64, 60, np.int32)
for done, _ in enumerate(workers.run(Batch(number, ids, lengths) for number in count())):
    if not done:
        print(*workers.pids, flush=True)
"""


def test_a_parent_that_is_killed_in_mid_run_leaves_no_worker(folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(folder)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
    assert len(pids) == 1
    assert_gone(pids)
