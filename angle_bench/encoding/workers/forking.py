"""A process that loads a model once and forks workers, which share its weights.

It computes nothing itself: it waits for the workers that it forked, and tells the parent how each
ended, since only the process that forked another one is told.
"""

import gc
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import NoReturn

ENDING_SECONDS = 0.5

Serve = Callable[[int], None]


class ParentWatch:
    """Ends this process when its parent is gone, until it is told to stop.

    Args:
        control: The line to the parent, on which nothing comes.
    """

    def __init__(self, control: Connection) -> None:
        self._control = control
        self._told, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        if self._control in wait([self._control, self._told]):
            os._exit(0)

    def stop(self) -> None:
        """From now on nobody looks, and no thread is left."""
        os.write(self._stop, b".")
        self._thread.join()
        os.close(self._told)
        os.close(self._stop)


@dataclass(frozen=True)
class WorkerEnds:
    """The ends of sockets and files of workers in the process that forks them.

    Attributes:
        lines: A descriptor of each worker's line to the parent.
        logs: One of what each writes to its standard streams.
        control: The parent's line to this process.
    """

    lines: tuple[int, ...]
    logs: tuple[int, ...]
    control: Connection

    def only(self, at: int) -> int:
        """In a worker: leave it its own line and log. Who holds another's line hides its death."""
        self.control.close()
        for stream in (1, 2):
            os.dup2(self.logs[at], stream)
        for other in {*self.lines, *self.logs} - {self.lines[at]}:
            os.close(other)
        return self.lines[at]

    def leave(self) -> None:
        """In the process that forked them: they are the workers' now."""
        for descriptor in {*self.lines, *self.logs}:
            os.close(descriptor)

    def tell(self, at: int, status: int) -> None:
        """How a worker ended; when nobody asks any more, this process ends, too."""
        try:
            self.control.send((at, os.waitstatus_to_exitcode(status)))
        except OSError:
            os._exit(0)


def one_thread() -> bool:
    """Whether this process has a single thread, of any library; a fork takes no other along.

    A thread that was waited for may be there a moment longer.
    """
    end = time.monotonic() + ENDING_SECONDS
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def fork_each(ends: WorkerEnds, serve: Serve) -> list[int]:
    """Fork a worker for each line.

    Args:
        ends: The lines and logs.
        serve: What a worker does with its line, until it ends.

    Returns:
        Their process ids.
    """
    gc.collect()
    gc.freeze()  # a later collection writes to none of the pages that they share
    return [_forked(at, ends, serve) for at in range(len(ends.lines))]


def start_each(ends: WorkerEnds, interpreter: Sequence[str], order: str) -> list[int]:
    """Start a worker for each line as a process that loads the model itself.

    Args:
        ends: The lines and logs.
        interpreter: The words that this process was started by, before its line and order.
        order: What is loaded, as JSON.

    Returns:
        Their process ids.
    """
    started = []
    for line, log in zip(ends.lines, ends.logs, strict=True):
        os.set_inheritable(line, True)
        files = [(os.POSIX_SPAWN_DUP2, log, stream) for stream in (1, 2)]
        words = [*interpreter, f"[{line}]", order]
        started.append(os.posix_spawn(interpreter[0], words, os.environ, file_actions=files))
        os.set_inheritable(line, False)
    return started


def reap(started: Sequence[int], ends: WorkerEnds) -> NoReturn:
    """Tell the parent how each of these processes ends; with the last one this one ends, too."""
    ends.leave()
    places = {pid: at for at, pid in enumerate(started)}
    while places:
        pid, status = os.wait()
        if (at := places.pop(pid, None)) is not None:
            ends.tell(at, status)
    os._exit(0)


def _forked(at: int, ends: WorkerEnds, serve: Serve) -> int:
    pid = os.fork()
    if not pid:
        _work(at, ends, serve)
    return pid


def _work(at: int, ends: WorkerEnds, serve: Serve) -> NoReturn:
    """What a forked process does; it never returns to what its parent was doing."""
    status = 1
    try:
        serve(ends.only(at))
        status = 0
    except BaseException:
        traceback.print_exc()  # into its log
    finally:
        os._exit(status)
