"""Worker processes on this machine, one per device named.

Each is a new interpreter that loads the model from its folder and settings, never from a pickle,
and talks over a socket. A process that dies closes its end, whatever killed it, so that a wait
for an answer is also a wait for a death. One that says nothing, stopped or hung in a driver, keeps
its end open: how long it has been silent is counted while it is waited for.
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection, wait
from typing import IO, Any

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import (
    Batch,
    Failed,
    Loaded,
    Probe,
    Rates,
    Switch,
    Vectors,
    WorkerTraceback,
    common_rates,
)
from angle_bench.encoding.workers.silence import Patience, Silence, WorkerPace
from angle_bench.encoding.workers.work import Work, freest
from angle_bench.errors import ModelError
from angle_bench.files.places import package_folder

END_SECONDS = 5.0

# -P: a file of the user's, such as ./datasets.py, must not stand in for a library
_CHILD = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from angle_bench.encoding.workers.child import main; main()"
)


class _Line(Connection):
    """A connection that is read from as somebody else says: also a message may stop half-way."""

    def __init__(self, handle: int, read: Callable[[int, int], bytes]) -> None:
        super().__init__(handle)
        self._patient = read

    def _recv(self, size: int, _read: Any = None) -> Any:
        return super()._recv(size, self._patient)  # type: ignore[misc]


@dataclass(eq=False)
class _Process:
    device: str
    line: socket.socket
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    silence: Silence
    batches: deque[Batch] = field(default_factory=deque)
    stale: int = 0  # answers still to come that nobody waits for any more
    _questions: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.connection = _Line(os.dup(self.line.fileno()), self._read)
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def __str__(self) -> str:
        return f"the worker {self.process.pid} on {self.device}"

    @property
    def load(self) -> int:
        return len(self.batches)

    @property
    def busy(self) -> bool:
        return bool(self.batches or self.stale)

    def last_words(self) -> str:
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


class LocalWorkers:
    """Worker processes, one per named device; a device may be named twice.

    They start loading at once; `loaded` waits for them.

    Args:
        checkpoint: What they load.
        devices: A device for each process.
        threads: Threads of each process; 0 leaves it to torch.
        may_shrink: Whether fewer processes with more threads would be as welcome.
        patience: How long one of them may be silent.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        devices: Sequence[str],
        threads: int = 0,
        may_shrink: bool = False,
        patience: Patience = Patience(),  # noqa: B008  a frozen value
    ) -> None:
        self._processes: list[_Process] = []
        self._last_death: ModelError | None = None
        self._turn: object = None  # the run that answers belong to
        self._pace = WorkerPace()
        self._patience = patience
        self.warnings: list[str] = []
        self.threads = threads
        self.may_shrink = may_shrink
        try:
            for device in devices:
                started = _start(checkpoint.order(device, threads), Silence(patience))
                self._processes.append(started)
                started.silence.begin_loading(checkpoint.bytes)
        except BaseException:
            self.close()
            raise

    @cached_property
    def loaded(self) -> Loaded:
        """The model as the processes have it."""
        self._refuse_none()
        try:
            told = [_greeting(process) for process in self._processes]
        except BaseException as error:
            self._last_death = error if isinstance(error, ModelError) else None
            self.close()
            raise
        self.warnings += told[0].warnings
        return told[0]

    @property
    def count(self) -> int:
        """How many processes live."""
        return len(self._processes)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that live."""
        return [process.process.pid for process in self._processes]

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        """Vectors of every batch as they come; a dead worker's batches go to the others."""
        _ = self.loaded
        self._refuse_none()
        self._forget()  # a former run may hang in a traceback that somebody keeps
        turn = self._turn = object()
        work = Work(batches)
        try:
            self._fill(work)
            while any(process.batches for process in self._processes):
                for process in self._ready():
                    try:
                        answer = process.answer()
                    except EOFError:
                        self._bury(process, work)
                        continue
                    if process.stale:
                        process.stale -= 1
                        self._pace.begin(process.silence, process.batches)
                        continue
                    batch = process.batches.popleft()
                    if isinstance(answer, Failed):
                        answer.throw(batch.number)
                    self._pace.learn(process.silence, batch)
                    self._pace.begin(process.silence, process.batches)
                    self._fill(work)  # before the answer is looked at: no one idles
                    yield batch.number, answer
                    if self._turn is not turn:
                        raise RuntimeError("another run of the same workers has begun")
                self._fill(work)
        finally:
            if self._turn is turn:
                self._forget()

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of the first `count` processes, asked all at once."""
        _ = self.loaded
        self._refuse_none()
        asked = self._processes[:count]
        for process in asked:
            process.stale += 1  # whatever ends the probe, nobody takes its answer for vectors
            process.silence.begin(question.seconds)
            process.ask(question)
        rates: list[Rates] = []
        for process in asked:
            try:
                while process.stale:
                    answer = process.answer()
                    process.stale -= 1
            except EOFError:
                self._bury(process, Work([]))
                continue
            if isinstance(answer, Failed):
                answer.throw(-1)
            rates.append(answer)
        return common_rates(rates)

    def keep(self, count: int) -> None:
        """End all processes but the first `count`."""
        self._end(self._processes[count:])
        self._processes = self._processes[:count]

    def switch(self, checkpoint: Checkpoint) -> None:
        """Put another adapter on the base that the processes have loaded."""
        _ = self.loaded
        self._refuse_none()
        self._forget()
        for process in self._processes:
            process.drain()
            process.silence.begin_loading(checkpoint.bytes)
            process.ask(Switch(checkpoint.order(process.device, self.threads)))
        del self.loaded

    def close(self) -> None:
        """End every process."""
        self._turn = None
        self._end(self._processes)
        self._processes = []

    def _ready(self) -> list[_Process]:
        """Those that have answered, are dead, or were silent for too long."""
        ready = wait([process.connection for process in self._processes], self._patience.look)
        return [
            process
            for process in self._processes
            if process.connection in ready
            or (not ready and process.process.poll() is not None)
            or (process.busy and process.silent_too_long())
        ]

    def _forget(self) -> None:
        for process in self._processes:
            process.forget()

    def _refuse_none(self) -> None:
        if not self._processes:
            raise self._last_death or ModelError("the workers are closed.", "the same command")

    def _end(self, processes: Sequence[_Process]) -> None:
        """Close their sockets, which ends them; wait a little, then kill."""
        for process in processes:
            process.hang_up()
        for process in processes:
            _ended(process)
            process.log.close()

    def _fill(self, work: Work) -> None:
        while process := freest(self._processes):
            batch = work.next()
            if batch is None:
                return
            process.batches.append(batch)
            if len(process.batches) == 1:
                self._pace.begin(process.silence, process.batches)
            process.ask(batch)

    def _bury(self, process: _Process, work: Work) -> None:
        self._processes.remove(process)
        self._last_death = dead = _death(process)
        process.hang_up()
        process.log.close()
        work.give_back(process.batches, dead, blame=not process.stale)
        if not self._processes:
            raise dead
        self.warnings.append(f"{dead.what} Its work goes to the others.")


def _ended(process: _Process) -> int:
    """How it ended; it has a little time to do so, unless it was silent for too long."""
    with suppress(subprocess.TimeoutExpired):
        return process.process.wait(0 if process.silence.too_long else END_SECONDS)
    process.process.kill()
    with suppress(subprocess.TimeoutExpired):
        return process.process.wait(END_SECONDS)
    return -signal.SIGKILL  # it hangs in the kernel, which ends it once that returns


def _death(process: _Process, doing: str = "") -> ModelError:
    silent = process.silence.too_long
    status = _ended(process)
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    if silent:
        how = f"did not answer for {process.silence.seconds:.0f} s and was ended"
    error = ModelError(
        f"{process} {how}{doing}.",
        "a larger --worker-timeout, or -d with other devices"
        if silent
        else "the same command to go on; -d with fewer workers, if memory ran out",
    )
    if words := process.last_words():
        error.__cause__ = WorkerTraceback(words)
    return error


def _greeting(process: _Process) -> Loaded:
    try:
        answer = process.answer()
    except EOFError:
        dead = _death(process, " while it loaded the model")
        raise dead from dead.__cause__  # its last words
    if isinstance(answer, Failed):
        answer.throw(-1)
    process.silence.begin(0)
    loaded: Loaded = answer
    return loaded


def _start(order: dict[str, Any], silence: Silence) -> _Process:
    ours, theirs = socket.socketpair()
    log = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
    root = str(package_folder().parent)
    limits = {"OMP_NUM_THREADS": str(order["threads"])} if order["threads"] else {}
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-c",
            _CHILD,
            root,
            str(theirs.fileno()),
            json.dumps(order),
        ],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=os.environ | limits,
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )
    theirs.close()
    return _Process(order["device"], ours, process, log, silence)
