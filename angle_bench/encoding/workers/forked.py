"""Workers that another process forked, as this one knows them: `subprocess.Popen` for them."""

import math
import os
import signal
import subprocess
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait

GONE = 1 << 16  # no exit status: whoever could have told it died before


class ForkingProcess:
    """The process that loads the model and forks the workers.

    Args:
        process: It.
        control: Over which it tells how workers ended.
        workers: How many it forks.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", control: Connection, workers: int
    ) -> None:
        self.process = process
        self.control = control
        self._workers = workers
        self._ends: dict[int, int] = {}

    def listen(self) -> dict[int, int]:
        """How workers ended, by their places, as far as that is told; it is closed with the last.

        Whatever ends this process closes the line, too.
        """
        if self.control.closed:
            return self._ends
        with suppress(EOFError, OSError):
            while len(self._ends) < self._workers:
                if not self.control.poll():
                    return self._ends
                at, status = self.control.recv()
                self._ends[at] = status
        self.control.close()
        self.process.wait()  # it is ending
        return self._ends


class ForkedProcess:
    """A worker, from before it is forked.

    Args:
        forking: The process that forks it.
        at: Its place among those.
    """

    def __init__(self, forking: ForkingProcess, at: int) -> None:
        self._forking = forking
        self._at = at
        self._pid: int | None = None
        self._descriptor: int | None = None
        self._status: int | None = None

    @property
    def pid(self) -> int:
        """Its process id; until it is forked, that of the process that will fork it."""
        return self._forking.process.pid if self._pid is None else self._pid

    def born(self, pid: int) -> None:
        """It is forked, and has this process id."""
        if self._pid is not None:
            return
        self._pid = pid
        with suppress(ProcessLookupError):  # it has ended meanwhile
            self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        if self._status is None:
            self._status = self._ended()
            if self._status is not None and self._descriptor is not None:
                os.close(self._descriptor)
        return self._status

    def _ended(self) -> int | None:
        told = self._forking.listen()
        if self._at in told or not self._forking.control.closed:
            return told.get(self._at)
        if self._pid is None:  # it was never forked
            return self._forking.process.returncode
        runs = self._descriptor is not None and not wait([self._descriptor], 0)
        return None if runs else GONE

    def wait(self, timeout: float | None = None) -> int:
        """How it ended.

        Raises:
            subprocess.TimeoutExpired: It has not ended after so many seconds.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0.0)
            control = self._forking.control
            told = self._descriptor if control.closed else control
            wait([told], None if timeout is None else left)  # type: ignore[list-item]
        return status

    def kill(self) -> None:
        """End it at once; before it is forked, the process that would fork it."""
        if self._pid is None:
            self._forking.process.kill()
        elif self._status is None and self._descriptor is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
