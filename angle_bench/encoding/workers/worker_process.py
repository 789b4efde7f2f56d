"""A worker process: talking with it, and what its death says.

It talks over a socket. A process that dies closes its end, whatever killed it, so that a wait
for an answer is also a wait for a death. One that says nothing, stopped or hung in a driver, keeps
its end open: how long it has been silent is counted while it is waited for.
"""

import os
import queue
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import IO, Any, Protocol

from angle_bench.encoding.workers.contract import Batch, Failed, Loaded, WorkerTraceback
from angle_bench.encoding.workers.forked import GONE, ForkedProcess
from angle_bench.encoding.workers.silence import Silence
from angle_bench.errors import MEMORY_FIX, ModelError, no_memory

SHUTDOWN_SECONDS = 5.0


class RunningProcess(Protocol):
    """What is asked of a process, whoever started it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """How it ended; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; `subprocess.TimeoutExpired` where it has not within so many seconds."""

    def kill(self) -> None:
        """End it at once."""


class _Line(Connection):
    """A connection that is read from as somebody else says: also a message may stop half-way."""

    def __init__(self, handle: int, read: Callable[[int, int], bytes]) -> None:
        super().__init__(handle)
        self._patient = read

    def _recv(self, size: int, _read: Any = None) -> Any:
        return super()._recv(size, self._patient)  # type: ignore[misc]


@dataclass(eq=False)
class WorkerProcess:
    """A process with the batches that it was given.

    Attributes:
        device: What it computes on.
        line: Our end of the socket.
        process: The process itself.
        log: What it writes to its standard streams.
        silence: How long it has said nothing.
        batches: What it was asked for, in order.
        stale: How many answers are still to come that nobody waits for any more.
    """

    device: str
    line: socket.socket
    process: RunningProcess
    log: IO[bytes]
    silence: Silence
    batches: deque[Batch] = field(default_factory=deque)
    stale: int = 0
    _questions: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.connection = _Line(os.dup(self.line.fileno()), self._read)
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def __str__(self) -> str:
        return f"the worker {self.process.pid} on {self.device}"

    @property
    def load(self) -> int:
        """How many batches it has."""
        return len(self.batches)

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return bool(self.batches or self.stale)

    def last_words(self) -> str:
        """The end of its log."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip()[-2000:]

    def answer(self) -> Any:
        """The next answer; EOFError once the process is dead, or was silent for too long."""
        try:
            return self.connection.recv()
        except OSError as error:
            raise EOFError from error

    def _read(self, handle: int, size: int) -> bytes:
        # a process that the worker itself started may hold its end open after its death
        while not wait([handle], self.silence.patience.look):
            if self.process.poll() is not None and not wait([handle], 0):
                raise EOFError
            if self.silent_too_long():
                raise EOFError
        return os.read(handle, size)

    def silent_too_long(self) -> bool:
        """Whether it is to be ended; a long silence is said."""
        self.silence.grow()
        if not self.silence.too_long:
            self.silence.tell(str(self), self.process.pid)
        return self.silence.too_long

    def drain(self) -> None:
        """Take the answers that nobody waits for; those of a dead process never come."""
        try:
            while self.stale:
                self.answer()
                self.stale -= 1
        except EOFError:
            self.process.kill()
            self.stale = 0

    def forget(self) -> None:
        """After an error or an early end: what is asked is no longer waited for."""
        self.stale += len(self.batches)
        self.batches.clear()

    def give(self, batch: Batch) -> None:
        """Ask for the vectors of a batch."""
        self.batches.append(batch)
        self.ask(batch)

    def ask(self, question: Any) -> None:
        """Send, without waiting for a process that does not read."""
        self._questions.put(question)

    def _send(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                self.connection.send(question)
            except OSError:  # it is dead, which a wait for its answer finds
                return

    def hang_up(self) -> None:
        """Close the line, which ends the process if it can."""
        with suppress(OSError):
            self.line.shutdown(socket.SHUT_RDWR)  # ends a sending that waits, too
        self._questions.put(None)
        self._sender.join()
        self.line.close()
        self.connection.close()


def ended(process: WorkerProcess) -> int:
    """How it ended; it has a little time to do so, unless it was silent for too long."""
    with suppress(subprocess.TimeoutExpired):
        return process.process.wait(0 if process.silence.too_long else SHUTDOWN_SECONDS)
    process.process.kill()
    with suppress(subprocess.TimeoutExpired):
        return process.process.wait(SHUTDOWN_SECONDS)
    return -signal.SIGKILL  # it hangs in the kernel, which ends it once that returns


def death(process: WorkerProcess, doing: str = "") -> ModelError:
    """The error that a process died, caused by its last words.

    Args:
        process: A dead one, or one that was silent for too long, which is ended.
        doing: What it was doing.
    """
    silent = process.silence.too_long
    status = ended(process)
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    if status == GONE:
        how = "is gone"
    if silent:
        how = f"did not answer for {process.silence.seconds:.0f} s and was ended"
    said = WorkerTraceback(process.last_words())
    fix = "the same command to go on; -d with fewer workers, if memory ran out"
    if silent:
        fix = "a larger --worker-timeout, or -d with other devices"
    elif no_memory(said):
        how, fix = f"{how}, as memory ran out", MEMORY_FIX
    error = ModelError(f"{process} {how}{doing}.", fix)
    if said.args[0]:
        error.__cause__ = said
    return error


def greeting(process: WorkerProcess) -> Loaded:
    """The model as a process has it, once it is loaded.

    Raises:
        ModelError: It cannot be loaded, or the process died meanwhile.
    """
    try:
        answer = process.answer()
    except EOFError:
        dead = death(process, " while it loaded the model")
        raise dead from dead.__cause__  # its last words
    if isinstance(answer, Failed):
        answer.throw(-1)
    process.silence.begin(0)
    loaded: Loaded = answer
    if isinstance(process.process, ForkedProcess):
        process.process.born(loaded.pid)
    return loaded
