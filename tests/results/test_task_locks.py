"""TaskLocks: one process has a task, and a dead one has none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from angle_bench.errors import ResultsError
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import locked
from angle_bench.results.task_locks import TaskLocks, forget_dead, holder, task_locks

HOLDS = """
import sys
from pathlib import Path
from angle_bench.results.task_locks import TaskLocks
from angle_bench.results.layout import ModelFolder
held = TaskLocks()
print(held.acquire(ModelFolder(Path(sys.argv[1]), "a/b", "r"), "STS12"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path, "a/b", "r")


def other(folder: ModelFolder) -> "subprocess.Popen[str]":
    """Another process that has STS12."""
    running = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline().strip() == "True"
    return running


@pytest.mark.process
def test_a_task_is_one_process_s(folder: ModelFolder) -> None:
    running = other(folder)
    with task_locks() as ours:
        assert not ours.acquire(folder, "STS12")
        assert ours.acquire(folder, "STS13")
        assert holder(folder, "STS12").startswith(f"process {running.pid} on ")
        running.communicate("")
        ours.wait(folder, "STS12")
        assert ours.acquire(folder, "STS12")


@pytest.mark.process
def test_a_killed_process_has_nothing(folder: ModelFolder) -> None:
    running = other(folder)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    with task_locks() as ours:
        assert ours.acquire(folder, "STS12")
        assert holder(folder, "STS12").startswith(f"process {os.getpid()} on ")


def test_a_claim_of_ours_is_ours(folder: ModelFolder) -> None:
    ours = TaskLocks()
    assert ours.acquire(folder, "STS12")
    assert ours.acquire(folder, "STS12")
    ours.release(folder, "STS12")
    ours.release(folder, "STS12")
    assert holder(folder, "STS12") == "another process"
    with task_locks() as theirs:
        assert theirs.acquire(folder, "STS12")


def test_leaving_lets_everything_go(folder: ModelFolder) -> None:
    with task_locks() as ours:
        ours.acquire(folder, "STS12")
    assert not list(folder.side.glob("*.holder"))


def test_a_folder_that_cannot_be_written(folder: ModelFolder) -> None:
    folder.root.joinpath("a__b").write_text("a file")
    with task_locks() as ours, pytest.raises(ResultsError, match="cannot be written"):
        ours.acquire(folder, "STS12")


@pytest.mark.process
def test_a_killed_process_is_forgotten_and_a_living_one_is_not(folder: ModelFolder) -> None:
    said = folder.task_lock("STS12").with_suffix(".holder")
    running = other(folder)
    forget_dead(folder, "STS12")
    assert said.exists()
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    forget_dead(folder, "STS12")
    assert not said.exists()


WITHOUT_LOCKS = """
import errno, fcntl, os, sys
def missing(handle, operation):
    raise OSError(errno.{error}, os.strerror(errno.{error}))
fcntl.flock = missing
"""


@pytest.mark.process
@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_where_a_file_system_has_no_locks_a_task_is_one_process_s(
    folder: ModelFolder, error: str
) -> None:
    """The stand-in for a network folder: every flock fails, as the system says it there."""
    takes = WITHOUT_LOCKS.format(error=error) + HOLDS
    running = subprocess.Popen(
        [sys.executable, "-c", takes, str(folder.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    first = running.stdout.readline().strip()
    second = subprocess.run(
        [sys.executable, "-c", takes, str(folder.root)],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (first, second.stdout.strip()) == ("True", "False"), second.stderr
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    third = subprocess.run(
        [sys.executable, "-c", takes, str(folder.root)], input="", capture_output=True, text=True
    )
    assert third.stdout.strip() == "True", third.stderr


def test_no_lock_file_stays(folder: ModelFolder) -> None:
    with task_locks() as ours:
        ours.acquire(folder, "STS12")
        ours.acquire(folder, "STS13")
        ours.release(folder, "STS12")
        ours.wait(folder, "STS12")
    with locked(folder):
        assert (folder.side / "lock").exists()
    assert list(folder.side.iterdir()) == []


COUNTS = """
import sys
from pathlib import Path
from angle_bench.files import locks
from angle_bench.files.locks import acquired, release
locks.POLL_SECONDS = 0.001
place, counter = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    lock = acquired(place)
    counter.write_text(str(int(counter.read_text()) + 1))
    release(lock)
"""


@pytest.mark.process
def test_a_lock_whose_file_goes_is_one_process_s(tmp_path: Path) -> None:
    """Processes count in a file, which would lose counts if two of them had the lock at once."""
    place, counter = tmp_path / "lock", tmp_path / "count"
    counter.write_text("0")
    words = [sys.executable, "-c", COUNTS, str(place), str(counter), "200"]
    running = [subprocess.Popen(words) for _ in range(4)]
    assert [each.wait(timeout=120) for each in running] == [0] * 4
    assert counter.read_text() == "800"
    assert not place.exists()
