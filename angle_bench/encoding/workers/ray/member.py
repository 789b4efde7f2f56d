"""An actor of the cluster as this process knows it: its place, its model, its batches."""

import socket
import time
from dataclasses import dataclass, field
from typing import Any

from angle_bench.encoding.workers.contract import Batch, Loaded
from angle_bench.encoding.workers.ray.actor import ActorPlace
from angle_bench.encoding.workers.silence import Silence

RETRY_SECONDS = 1.0  # between two questions to an actor that cannot be reached


@dataclass(eq=False)
class Member:
    """An actor, with what it was asked.

    Attributes:
        actor: Ray's handle of it.
        silence: How long it has said nothing.
        place: Where it runs; None until it has said so.
        asked: The answer to come to `place` or `load`.
        ask_at: It is not asked before this time, of the monotonic clock.
        loaded: Its model; None until it has said that it is loaded.
        batches: What it was given, by the answer to come, in order.
    """

    actor: Any
    silence: Silence
    place: ActorPlace | None = None
    asked: Any = None
    ask_at: float = 0.0
    loaded: Loaded | None = None
    batches: dict[Any, Batch] = field(default_factory=dict)

    @property
    def load(self) -> int:
        """How many batches it has."""
        return len(self.batches)

    @property
    def coming(self) -> list[Any]:
        """The answers that are to come from it."""
        return [*self.batches, *([self.asked] if self.asked else [])]

    def give(self, batch: Batch) -> None:
        """Ask for the vectors of a batch."""
        self.batches[self.actor.answer.remote(batch)] = batch

    def ask(self, order: Any, weights: int) -> None:
        """Ask one that is not ready whether it is: where it is, or for its model.

        Args:
            order: What it loads.
            weights: Bytes of that.
        """
        if self.loaded or self.asked is not None or time.monotonic() < self.ask_at:
            return
        self.silence.begin_loading(weights)
        self.asked = self.actor.load.remote(order) if self.place else self.actor.place.remote()

    def unreachable(self) -> None:
        """It may come back somewhere else: it is asked again, a little later."""
        self.place = None
        self.ask_at = time.monotonic() + RETRY_SECONDS

    def lose(self) -> list[Batch]:
        """It is gone, perhaps for a while; what it was given is somebody else's from now on."""
        lost = list(self.batches.values())
        self.batches.clear()
        self.loaded = self.place = self.asked = None
        return lost

    def listen(self) -> None:
        """Count how long it has said nothing, though it has something to do."""
        self.silence.grow()
        if not self.silence.too_long:
            self.silence.tell(f"the actor {self}", self._pid_here)

    @property
    def _pid_here(self) -> int:
        place = self.place
        return place.pid if place is not None and place.host == socket.gethostname() else 0

    def __str__(self) -> str:
        return f"{self.place.pid} on {self.place.host}" if self.place else "that waits for room"
