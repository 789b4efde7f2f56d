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
from pathlib import Path
from typing import IO, Any

from angle_bench.encoding.workers.contract import (
    Batch,
    BatchFailed,
    Failed,
    Loaded,
    Probe,
    Rates,
    Vectors,
    WorkerTraceback,
)
from angle_bench.errors import ModelError
from angle_bench.models.spec import Settings

IN_FLIGHT = 2  # the next batch waits at the worker while it computes, so that it never idles
DEATHS_OF_A_BATCH = 2
END_SECONDS = 5.0


@dataclass
class _Process:
    device: str
    connection: Connection
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    batches: deque[Batch] = field(default_factory=deque)
    stale: int = 0  # answers still to come that nobody waits for any more

    def last_words(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip()[-2000:]

    def answer(self) -> Any:
        """The next answer; EOFError once the process is dead."""
        try:
            return self.connection.recv()
        except OSError as error:
            raise EOFError from error

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
        folder: The checkpoint.
        settings: What is used of it.
        devices: A device for each process.
        threads: Threads of each process; 0 leaves it to torch.
        layers: The layers to pool, instead of the one of the settings.
        may_shrink: Whether fewer processes with more threads would be as welcome.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        devices: Sequence[str],
        threads: int = 0,
        layers: tuple[int | None, ...] = (),
        may_shrink: bool = False,
    ) -> None:
        self._processes: list[_Process] = []
        self.warnings: list[str] = []
        self.threads = threads
        self.may_shrink = may_shrink
        order = {
            "folder": str(folder),
            "settings": settings.model_dump(mode="json"),
            "layers": layers,
            "threads": threads,
        }
        try:
            for device in devices:
                self._processes.append(_start(order | {"device": device}, threads))
        except BaseException:
            self.close()
            raise

    @cached_property
    def loaded(self) -> Loaded:
        """The model as the processes have it."""
        try:
            told = [_greeting(process) for process in self._processes]
        except BaseException:
            self.close()
            raise
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
        waiting = iter(batches)
        again: deque[Batch] = deque()
        deaths: dict[int, int] = {}
        try:
            self._fill(waiting, again)
            while any(process.batches for process in self._processes):
                for process in self._ready():
                    try:
                        answer = process.answer()
                    except EOFError:
                        self._bury(process, again, deaths)
                        continue
                    if process.stale:
                        process.stale -= 1
                        continue
                    batch = process.batches.popleft()
                    if isinstance(answer, Failed):
                        answer.throw(batch.number)
                    self._fill(waiting, again)  # before the answer is looked at: no one idles
                    yield batch.number, answer
                self._fill(waiting, again)
        finally:
            for process in self._processes:
                process.forget()

    def _ready(self) -> list[_Process]:
        ready = wait([process.connection for process in self._processes])
        return [process for process in self._processes if process.connection in ready]

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of the first `count` processes, asked all at once."""
        _ = self.loaded
        asked = [process for process in self._processes[:count] if process.ask(question)]
        rates: list[Rates] = []
        for process in asked:
            try:
                answers = [process.answer() for _ in range(process.stale + 1)]
            except EOFError as error:
                raise _death(process) from error
            process.stale = 0
            if isinstance(answers[-1], Failed):
                answers[-1].throw(-1)
            rates.append(answers[-1])
        common = set(rates[0]).intersection(*rates)
        return {budget: sum(rate[budget] for rate in rates) for budget in sorted(common)}

    def keep(self, count: int) -> None:
        """End all processes but the first `count`."""
        self._end(self._processes[count:])
        self._processes = self._processes[:count]

    def close(self) -> None:
        """End every process."""
        self._end(self._processes)
        self._processes = []

    def _end(self, processes: Sequence[_Process]) -> None:
        """Close their sockets, which ends them; wait a little, then kill."""
        for process in processes:
            process.connection.close()
        for process in processes:
            try:
                process.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait()
            process.log.close()

    def _fill(self, waiting: Iterator[Batch], again: deque[Batch]) -> None:
        for process in self._processes:
            while len(process.batches) < IN_FLIGHT:
                batch = again.popleft() if again else next(waiting, None)
                if batch is None:
                    return
                process.batches.append(batch)
                if not process.ask(batch):
                    break  # the wait finds its closed end and hands its batches on

    def _bury(self, process: _Process, again: deque[Batch], deaths: dict[int, int]) -> None:
        self._processes.remove(process)
        process.connection.close()
        dead = _death(process)
        if not self._processes:
            raise dead
        if process.batches:
            first = process.batches[0].number
            deaths[first] = deaths.get(first, 0) + 1
            if deaths[first] >= DEATHS_OF_A_BATCH:
                raise BatchFailed(first, 0, f"{dead.what} It is the second on the same batch.")
        self.warnings.append(f"{dead.what} Its work goes to the others.")
        again.extendleft(reversed(process.batches))


def _death(process: _Process, doing: str = "") -> ModelError:
    status = process.process.wait()
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
    except EOFError as error:
        raise _death(process, " while it loaded the model") from error
    if isinstance(answer, Failed):
        answer.throw(-1)
    loaded: Loaded = answer
    return loaded


def _start(order: dict[str, Any], threads: int) -> _Process:
    ours, theirs = socket.socketpair()
    log = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
    command = [sys.executable, "-m", "angle_bench.encoding.workers.child"]
    limits = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    process = subprocess.Popen(
        [*command, str(theirs.fileno()), json.dumps(order)],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=os.environ | limits,
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )
    theirs.close()
    return _Process(order["device"], Connection(ours.detach()), process, log)
