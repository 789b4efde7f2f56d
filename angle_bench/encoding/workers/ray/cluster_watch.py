"""Waiting for answers of a cluster whose head, or whose last actor, may be gone."""

import time
from collections.abc import Sequence
from typing import Any

from angle_bench.encoding.workers.ray.connection import Connection
from angle_bench.encoding.workers.ray.member import Member
from angle_bench.errors import ModelError, first_line

POLL_SECONDS = 1.0
HEAD_SECONDS = 30.0  # without a word from anyone; then the head is looked for
PLACE_SECONDS = 120.0  # with no actor that lives: for room on the cluster, or for one's return


class ClusterWatch:
    """Waits for answers, and knows when there is nothing left to wait for.

    Args:
        connection: To the cluster.

    Attributes:
        last_error: Why an actor was lost, the last time that one was.
    """

    def __init__(self, connection: Connection) -> None:
        self.last_error: ModelError | None = None
        self._connection = connection
        self._ray = connection.ray
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._alive_at = self._heard_at = time.monotonic()

    def wait(self, coming: list[Any]) -> list[Any]:
        """Those of the answers that have come; none after a while.

        Raises:
            ModelError: The head of the cluster does not answer any more.
        """
        if not coming:
            return []
        some, _ = self._ray.wait(coming, num_returns=1, timeout=POLL_SECONDS)
        if some:
            self._heard_at = time.monotonic()
            some, _ = self._ray.wait(coming, num_returns=len(coming), timeout=0)
        elif time.monotonic() > self._heard_at + HEAD_SECONDS:
            self._refuse_lost_head()
        return list(some)

    def check(self, members: Sequence[Member]) -> None:
        """Stop where no actor lives, and none comes within a bounded time.

        Raises:
            ModelError: Why.
        """
        if not members:
            raise self.last_error or ModelError("the actors are ended.", "the same command")
        if any(member.place for member in members):  # loading, or ready
            self._alive_at = time.monotonic()
        if time.monotonic() > self._alive_at + PLACE_SECONDS:
            raise ModelError(
                f"the ray cluster has had no room for an actor in {PLACE_SECONDS:.0f} s.",
                "ray status shows what it waits for; -d cpu:1 asks for less",
            ) from self.last_error

    def _refuse_lost_head(self) -> None:
        self._heard_at = time.monotonic()
        if not self._connection.reachable():
            raise ModelError(
                "the head of the ray cluster does not answer any more.",
                "ray status on its head node; then the same command to go on",
            )


def reason(error: Exception) -> str:
    """What ray says, without its table of ids."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
    told = next((line for line in lines if line.startswith("The actor is dead because")), None)
    return (told or first_line(error)).partition(" Some common causes")[0][:300]
