"""The batches of one run, as they are handed out to workers that may die."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from angle_bench.encoding.workers.contract import Batch, BatchFailed
from angle_bench.encoding.workers.silence import Silence, WorkerPace
from angle_bench.errors import ModelError

IN_FLIGHT = 2  # the next batch waits at the worker while it computes, so that it never idles
DEATHS_OF_A_BATCH = 2


class Taker(Protocol):
    """A worker, as far as handing out goes."""

    silence: Silence

    @property
    def load(self) -> int:
        """How many batches it has."""

    def give(self, batch: Batch) -> None:
        """Ask it for the vectors of a batch."""


class Work:
    """What is still to be handed out; the next batch is taken when it is asked for.

    Args:
        batches: The batches of the run.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._waiting = iter(batches)
        self._again: deque[Batch] = deque()
        self._deaths: dict[int, int] = {}

    def next(self) -> Batch | None:
        """The next batch; those that lost their worker come first."""
        return self._again.popleft() if self._again else next(self._waiting, None)

    def hand_out(self, workers: Sequence[Taker], pace: WorkerPace) -> None:
        """Give batches to workers until each has enough, or none is left."""
        while worker := _freest(workers):
            batch = self.next()
            if batch is None:
                return
            worker.give(batch)
            if worker.load == 1:
                pace.begin(worker.silence, [batch])

    @property
    def returned(self) -> bool:
        """Whether batches that lost their worker wait for another one."""
        return bool(self._again)

    def give_back(self, batches: Sequence[Batch], dead: ModelError, blame: bool = True) -> None:
        """Take back the batches of a worker that died.

        Args:
            batches: What it had, the batch that it computed first.
            dead: How it died.
            blame: Whether the first one may be what killed it.

        Raises:
            BatchFailed: It is not the first worker that died of that batch.
        """
        if batches and blame:
            number = batches[0].number
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if self._deaths[number] >= DEATHS_OF_A_BATCH:
                texts = len(batches[0].lengths)
                batch = "text" if texts == 1 else f"batch of {texts} texts, this one the longest"
                reason = f"{dead.what} It is the second on the same {batch}"
                raise BatchFailed(number, 0, reason) from dead
        self._again.extendleft(reversed(batches))


def _freest(workers: Sequence[Taker]) -> Taker | None:
    """The worker with the fewest batches, None if each has enough."""
    free = min(workers, key=lambda worker: worker.load, default=None)
    return free if free is not None and free.load < IN_FLIGHT else None
