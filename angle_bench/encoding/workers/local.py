"""Worker processes on this machine, one per device named.

Each is a new interpreter that loads the model from its folder and settings, never from a pickle,
and talks over a socket. A process that dies closes its end, whatever killed it, so that a wait
for an answer is also a wait for a death.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
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
from angle_bench.encoding.workers.work import Work, freest
from angle_bench.errors import ModelError
from angle_bench.places import package_folder

END_SECONDS = 5.0
LOOK_SECONDS = 5.0  # between two looks at processes that say nothing

# -P: a file of the user's, such as ./datasets.py, must not stand in for a library
_CHILD = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from angle_bench.encoding.workers.child import main; main()"
)


@dataclass(eq=False)
class _Process:
    device: str
    connection: Connection
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    batches: deque[Batch] = field(default_factory=deque)
    stale: int = 0  # answers still to come that nobody waits for any more

    @property
    def load(self) -> int:
        return len(self.batches)

    def last_words(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip()[-2000:]

    def answer(self) -> Any:
        """The next answer; EOFError once the process is dead."""
        # a process that the worker itself started may hold its end open after its death
        while not wait([self.connection], LOOK_SECONDS):
            if self.process.poll() is not None and not self.connection.poll():
                raise EOFError
        try:
            return self.connection.recv()
        except OSError as error:
            raise EOFError from error

    def drain(self) -> None:
        """Take the answers that nobody waits for; those of a dead process never come."""
        try:
            while self.stale:
                self.answer()
                self.stale -= 1
        except EOFError:
            self.stale = 0

    def forget(self) -> None:
        """After an error or an early end: what is asked is no longer waited for."""
        self.stale += len(self.batches)
        self.batches.clear()

    def ask(self, question: Any) -> bool:
        """Send; False where the process is dead, which a wait then finds."""
        try:
            self.connection.send(question)
        except OSError:
            return False
        return True


class LocalWorkers:
    """Worker processes, one per named device; a device may be named twice.

    They start loading at once; `loaded` waits for them.

    Args:
        checkpoint: What they load.
        devices: A device for each process.
        threads: Threads of each process; 0 leaves it to torch.
        may_shrink: Whether fewer processes with more threads would be as welcome.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        devices: Sequence[str],
        threads: int = 0,
        may_shrink: bool = False,
    ) -> None:
        self._processes: list[_Process] = []
        self._last_death: ModelError | None = None
        self._turn: object = None  # the run that answers belong to
        self.warnings: list[str] = []
        self.threads = threads
        self.may_shrink = may_shrink
        try:
            for device in devices:
                self._processes.append(_start(checkpoint.order(device, threads)))
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
                        continue
                    batch = process.batches.popleft()
                    if isinstance(answer, Failed):
                        answer.throw(batch.number)
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
            process.ask(Switch(checkpoint.order(process.device, self.threads)))
        del self.loaded

    def close(self) -> None:
        """End every process."""
        self._turn = None
        self._end(self._processes)
        self._processes = []

    def _ready(self) -> list[_Process]:
        ready = wait([process.connection for process in self._processes], LOOK_SECONDS)
        return [
            process
            for process in self._processes
            if process.connection in ready or (not ready and process.process.poll() is not None)
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
            process.connection.close()
        for process in processes:
            _ended(process)
            process.log.close()

    def _fill(self, work: Work) -> None:
        while process := freest(self._processes):
            batch = work.next()
            if batch is None:
                return
            process.batches.append(batch)
            process.ask(batch)  # if it is dead, the wait finds its closed end

    def _bury(self, process: _Process, work: Work) -> None:
        self._processes.remove(process)
        process.connection.close()
        self._last_death = dead = _death(process)
        process.log.close()
        work.give_back(process.batches, dead, blame=not process.stale)
        if not self._processes:
            raise dead
        self.warnings.append(f"{dead.what} Its work goes to the others.")


def _ended(process: _Process) -> int:
    """How it ended; it has a little time to do so."""
    try:
        return process.process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.process.kill()
        return process.process.wait()


def _death(process: _Process, doing: str = "") -> ModelError:
    status = _ended(process)
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    error = ModelError(
        f"the worker {process.process.pid} on {process.device} {how}{doing}.",
        "the same command to go on; -d with fewer workers, if memory ran out",
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
    loaded: Loaded = answer
    return loaded


def _start(order: dict[str, Any]) -> _Process:
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
    return _Process(order["device"], Connection(ours.detach()), process, log)
