"""Worker processes on this machine, one per device named."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from multiprocessing.connection import wait
from typing import Any

from angle_bench.encoding.portable_tokenizer import PortableTokenizer
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import (
    Batch,
    Failed,
    Loaded,
    Probe,
    Rates,
    Switch,
    TokenizerWanted,
    Vectors,
    common_rates,
)
from angle_bench.encoding.workers.process_start import can_fork, start_forking, start_process
from angle_bench.encoding.workers.silence import Patience, Silence, WorkerPace
from angle_bench.encoding.workers.turns import Turns
from angle_bench.encoding.workers.work import Work
from angle_bench.encoding.workers.worker_process import (
    WorkerProcess,
    death,
    ended,
    greeting,
)
from angle_bench.errors import ModelError


class LocalWorkers:
    """Worker processes, one per named device; a device may be named twice.

    They start loading at once; `loaded` waits for them.

    Args:
        checkpoint: What they load.
        devices: A device for each process.
        threads: Threads of each process; 0 leaves it to torch.
        may_shrink: Whether fewer processes with more threads would be as welcome.
        patience: How long one of them may be silent.
        fork: Whether several on a CPU may share one copy of the weights.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        devices: Sequence[str],
        threads: int = 0,
        may_shrink: bool = False,
        patience: Patience = Patience(),  # noqa: B008  a frozen value
        fork: bool = True,
    ) -> None:
        self._processes: list[WorkerProcess] = []
        self._last_death: ModelError | None = None
        self._turns = Turns()
        self._pace = WorkerPace()
        self._patience = patience
        self.warnings: list[str] = []
        self.threads = threads
        self.may_shrink = may_shrink
        try:
            if fork and can_fork(checkpoint, devices):
                order = checkpoint.order(devices[0], threads)
                self._processes += start_forking(order, [Silence(patience) for _ in devices])
            else:
                for device in devices:
                    order = checkpoint.order(device, threads)
                    self._processes.append(start_process(order, Silence(patience)))
            for process in self._processes:
                process.silence.begin_loading(checkpoint.bytes)
        except BaseException:
            self.close()
            raise

    @cached_property
    def loaded(self) -> Loaded:
        """The model as the processes have it."""
        self._refuse_none()
        try:
            told = [greeting(process) for process in self._processes]
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
        work = Work(batches)
        with self._turns.begun(self._forget) as check:
            work.hand_out(self._processes, self._pace)
            while any(process.batches for process in self._processes):
                for process in self._ready():
                    try:
                        answer = process.answer()
                    except EOFError:
                        self._remove_dead(process, work)
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
                    work.hand_out(self._processes, self._pace)  # before it is looked at: none idles
                    yield batch.number, answer
                    check()
                work.hand_out(self._processes, self._pace)

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of the first `count` processes, asked all at once."""
        return common_rates(self._asked(count, question, question.seconds))

    def tokenizer(self) -> PortableTokenizer | None:
        """The tokenizer that they have loaded; None where it is not a plain one."""
        found: list[PortableTokenizer | None] = self._asked(1, TokenizerWanted(), 0.0)
        return next(iter(found), None)

    def _asked(self, count: int, question: Any, seconds: float) -> list[Any]:
        """The answers of the first `count` processes that live, asked all at once."""
        _ = self.loaded
        self._refuse_none()
        asked = self._processes[:count]
        for process in asked:
            process.stale += 1  # whatever ends this, nobody takes its answer for vectors
            process.silence.begin(seconds)
            process.ask(question)
        answers: list[Any] = []
        for process in asked:
            try:
                while process.stale:
                    answer = process.answer()
                    process.stale -= 1
            except EOFError:
                self._remove_dead(process, Work([]))
                continue
            if isinstance(answer, Failed):
                answer.throw(-1)
            answers.append(answer)
        return answers

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
        self._turns.end()
        self._end(self._processes)
        self._processes = []

    def _ready(self) -> list[WorkerProcess]:
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

    def _end(self, processes: Sequence[WorkerProcess]) -> None:
        """Close their sockets, which ends them; wait a little, then kill."""
        for process in processes:
            process.hang_up()
        for process in processes:
            ended(process)
            process.log.close()

    def _remove_dead(self, process: WorkerProcess, work: Work) -> None:
        self._processes.remove(process)
        self._last_death = dead = death(process)
        process.hang_up()
        process.log.close()
        work.give_back(process.batches, dead, blame=not process.stale)
        if not self._processes:
            raise dead
        self.warnings.append(f"{dead.what} Its work goes to the others.")
