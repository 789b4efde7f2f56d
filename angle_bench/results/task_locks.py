"""Who computes what: several processes on one results folder never compute a result twice."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, Timeout

from angle_bench.errors import ResultsError
from angle_bench.files.locks import acquired, release
from angle_bench.results.layout import ModelFolder


class TaskLocks:
    """The tasks that this process computes.

    A task's lock is a file beside the run record. The system frees it when a process dies;
    `files.locks` says what is done where a file system has no locks.
    """

    def __init__(self) -> None:
        self._held: dict[Path, BaseFileLock] = {}

    def acquire(self, folder: ModelFolder, task: str) -> bool:
        """Lock a task; False if another process has it.

        Raises:
            ResultsError: The folder cannot be written.
        """
        place = folder.task_lock(task)
        if place in self._held:
            return True
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = acquired(place, blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise ResultsError(
                f"{place} cannot be written: {error.strerror or error}.",
                "-r FOLDER that can be written and has space",
            ) from error
        self._held[place] = lock
        with suppress(OSError):  # on a full disk the lock counts, not who is said to hold it
            _holder(place).write_text(f"process {os.getpid()} on {platform.node()}")
        return True

    def release(self, folder: ModelFolder, task: str) -> None:
        """Let others have a task, if this process has it."""
        place = folder.task_lock(task)
        if place in self._held:
            _holder(place).unlink(missing_ok=True)
            release(self._held.pop(place))

    def wait(self, folder: ModelFolder, task: str) -> None:
        """Return once no other process has the task."""
        place = folder.task_lock(task)
        release(acquired(place))

    def close(self) -> None:
        """Let others have everything."""
        for place, lock in self._held.items():
            _holder(place).unlink(missing_ok=True)
            release(lock)
        self._held.clear()


@contextmanager
def task_locks() -> Iterator[TaskLocks]:
    """Locks that are released at the end of the block."""
    held = TaskLocks()
    try:
        yield held
    finally:
        held.close()


def holder(folder: ModelFolder, task: str) -> str:
    """Who has a task: `process 4711 on node7`."""
    try:
        return _holder(folder.task_lock(task)).read_text()
    except OSError:  # it was let go meanwhile, or its holder was killed before it said so
        return "another process"


def forget_dead(folder: ModelFolder, task: str) -> None:
    """Remove what a killed process left of a task, and of a folder, that it held."""
    if _holder(folder.task_lock(task)).exists() or folder.task_lock(task).exists():
        with suppress(ResultsError), task_locks() as held:
            held.acquire(folder, task)
    if folder.lock.exists():
        with suppress(OSError):  # somebody holds it, or it may not be removed here
            release(acquired(folder.lock, blocking=False))


def _holder(place: Path) -> Path:
    return place.with_suffix(".holder")
