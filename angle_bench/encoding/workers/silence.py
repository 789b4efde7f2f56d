"""How long a worker may be silent: it is said once, and where a limit is set ends the worker."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from angle_bench.encoding.workers.contract import Batch
from angle_bench.errors import UsageError

LEAST_SECONDS = 60.0
TIMES = 10  # as long as what is done was expected to take
LOADED_BYTES_A_SECOND = 1 << 30  # of weights, by a disk that is not slow
POLL_SECONDS = 5.0  # between two looks at workers that say nothing


@dataclass(frozen=True)
class Patience:
    """How long a worker that has something to do may say nothing.

    Attributes:
        end_after: Seconds after which it is ended and its work given to others; None never ends it.
            Loading a model is given `least` too.
        say: Told of a silence while it lasts, once.
        least: Seconds that are too short to be spoken of.
    """

    end_after: float | None = None
    say: Callable[[str], None] | None = None
    least: float = LEAST_SECONDS

    @property
    def look(self) -> float:
        """Seconds between two looks at a worker that says nothing."""
        return min(POLL_SECONDS, self.least / 4, (self.end_after or self.least) / 4)


@dataclass
class Silence:
    """How long a worker has been silent, as far as anybody listened.

    A clock would count the time that the machine slept, or this process was stopped.
    """

    patience: Patience
    expected: float = 0.0
    loading: bool = False
    seconds: float = 0.0
    told: bool = False
    _looked: float = 0.0

    def begin(self, expected: float) -> None:
        """The worker has something to do from now on.

        Args:
            expected: The seconds that it should take; 0 where nobody knows.
        """
        self.expected, self.loading, self.seconds, self.told = expected, False, 0.0, False
        self._looked = time.monotonic()

    def begin_loading(self, weights: int) -> None:
        """The worker loads weights of so many bytes from now on."""
        self.begin(weights / LOADED_BYTES_A_SECOND)
        self.loading = True

    def grow(self) -> None:
        """Count the time since the last look."""
        now = time.monotonic()
        self.seconds += min(now - self._looked, 2 * self.patience.look)
        self._looked = now

    @property
    def too_long(self) -> bool:
        """Whether the worker is to be ended."""
        end_after = self.patience.end_after
        if end_after is not None and self.loading:  # imports alone take long on a slow disk
            end_after = max(end_after, self._allowed)
        return end_after is not None and self.seconds >= end_after

    @property
    def _allowed(self) -> float:
        return max(self.patience.least, TIMES * self.expected)

    def tell(self, who: str, pid: int) -> None:
        """Say it, if it has lasted long and was not said yet."""
        if self.told or self.patience.say is None or self.seconds < self._allowed:
            return
        self.told = True
        self.patience.say(f"{who} has not answered for {self.seconds:.0f} s. {self._next(pid)}")

    def _next(self, pid: int) -> str:
        """What comes of it, or can be typed."""
        stopped = f"It is stopped; kill -CONT {pid} lets it go on. " if is_stopped(pid) else ""
        if self.patience.end_after is not None:
            return f"{stopped}It is ended after {self.patience.end_after:.0f} s."
        return f"{stopped}It is waited for; --worker-timeout SECONDS gives its work to others."


class WorkerPace:
    """How long a batch takes: as long as the slowest so far, for each of its padded tokens."""

    def __init__(self) -> None:
        self._slowest = 0.0

    def begin(self, silence: Silence, batches: Iterable[Batch]) -> None:
        """A worker computes the first of its batches from now on."""
        first = next(iter(batches), None)
        silence.begin(0.0 if first is None else self._slowest * _padded_tokens(first))

    def learn(self, silence: Silence, batch: Batch) -> None:
        """A worker has answered a batch; a silence that was said is no measure."""
        silence.grow()
        if not silence.told:
            self._slowest = max(self._slowest, silence.seconds / _padded_tokens(batch))


def _padded_tokens(batch: Batch) -> int:
    return max(1, len(batch.lengths) * int(batch.lengths.max(initial=1)))


def is_stopped(pid: int) -> bool:
    """Whether a process of this machine is stopped, as by SIGSTOP; False where nothing says so."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def check_timeout(seconds: float | None) -> None:
    """Refuse what is no time to wait for a worker.

    Raises:
        UsageError: It is not above 0, or no number.
    """
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(
            f"--worker-timeout {seconds:g} is no time to wait.", "--worker-timeout 300"
        )
