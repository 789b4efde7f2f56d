"""Workers as actors of a Ray cluster.

Ray restarts an actor that died, and waits for room as long as it takes; we never wait for one.
An actor gets batches once it has said that its model is loaded, and from its death on none until
it has said so again. Batches are retried by us, not by ray: those of a dead actor go to others at
once.
"""

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import (
    Batch,
    Failed,
    Loaded,
    Probe,
    Rates,
    Vectors,
    common_rates,
)
from angle_bench.encoding.workers.ray.actor import ActorPlace, ModelActor, order_of
from angle_bench.encoding.workers.ray.capacity import Room, room
from angle_bench.encoding.workers.ray.connection import Connection, connect
from angle_bench.encoding.workers.silence import Patience, Silence, WorkerPace
from angle_bench.encoding.workers.work import Work, freest
from angle_bench.errors import ModelError, first_line

RESTARTS = 3
PLACE_SECONDS = 120.0  # with no actor that lives: for room on the cluster, or for one's return
LATE_SECONDS = 10.0  # for the others, once the first has loaded
LOOK_SECONDS = 1.0
ASK_SECONDS = 1.0  # between two questions to an actor that cannot be reached
FETCH_SECONDS = 60.0
PATIENCE = Patience()
HEAD_SECONDS = 30.0  # without a word from anyone; then the head is looked for


def start_ray(
    address: str, checkpoint: Checkpoint, devices: str, patience: Patience = PATIENCE
) -> "RayWorkers":
    """Start actors on a Ray cluster; they load at once.

    Args:
        address: `auto`, `HOST:PORT` or `ray://HOST:PORT`.
        checkpoint: What they load.
        devices: What was typed after `-d`.
        patience: How long an actor may be silent.

    Raises:
        UsageError: It is no address, `devices` means nothing on a cluster, or ray is not installed.
        ModelError: The cluster does not answer, or has no such device.
    """
    connection = connect(address)
    try:
        nodes = [node["Resources"] for node in connection.ray.nodes() if node["Alive"]]
        found = room(nodes, devices, checkpoint.bytes)
        return RayWorkers(connection, checkpoint, found, patience)
    except BaseException:
        connection.close()
        raise


@dataclass(eq=False)
class _Member:
    actor: Any
    silence: Silence
    place: ActorPlace | None = None
    asked: Any = None  # the answer to come to `place` or `load`
    ask_at: float = 0.0
    loaded: Loaded | None = None
    batches: dict[Any, Batch] = field(default_factory=dict)  # by the answer to come, in order

    @property
    def load(self) -> int:
        return len(self.batches)

    @property
    def pid_here(self) -> int:
        place = self.place
        return place.pid if place is not None and place.host == socket.gethostname() else 0

    def __str__(self) -> str:
        return f"{self.place.pid} on {self.place.host}" if self.place else "that waits for room"


class RayWorkers:
    """Actors of a Ray cluster, each with a copy of the model.

    Args:
        connection: To the cluster; closed with the workers.
        checkpoint: What they load.
        room: How many, and where.
        patience: How long one of them may be silent.
    """

    def __init__(
        self,
        connection: Connection,
        checkpoint: Checkpoint,
        room: Room,
        patience: Patience = PATIENCE,
    ) -> None:
        self._pace = WorkerPace()
        self._weights = checkpoint.bytes
        self._connection = connection
        self._ray = connection.ray
        self._errors = connection.ray.exceptions
        self._last_error: ModelError | None = None
        self._turn: object = None  # the run that answers belong to
        self._alive_at = self._heard_at = time.monotonic()
        self.warnings: list[str] = []
        self.threads = room.threads
        self.may_shrink = False
        made = self._ray.remote(ModelActor).options(
            **room.resources,
            max_restarts=RESTARTS,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        self._device = room.device
        self._order = order_of(checkpoint, room.device, room.threads)
        self._members = [_Member(made.remote(), Silence(patience)) for _ in range(room.count)]
        self._tend()

    @cached_property
    def loaded(self) -> Loaded:
        """The model as the actors have it; waits for the first, and a little for the others."""
        first: float | None = None
        try:
            while True:
                ready = self._ready()
                now = time.monotonic()
                first = first or (now if ready else None)
                late = first is not None and now > first + LATE_SECONDS
                if ready and (late or all(m.loaded for m in self._members if m.place)):
                    assert ready[0].loaded is not None
                    self.warnings += ready[0].loaded.warnings
                    return ready[0].loaded
                self._refuse_none()
                for member, answer in self._next():
                    self._greeted(member, answer)
                self._end_silent(Work([]))
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """How many actors live or may come back."""
        return len(self._members)

    @property
    def pids(self) -> list[int]:
        """The process ids of the actors that have a place, on their nodes."""
        return [member.place.pid for member in self._members if member.place]

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        """Vectors of every batch as they come; a dead actor's batches go to the others."""
        _ = self.loaded
        self._refuse_none()
        self._forget()
        turn = self._turn = object()
        self._alive_at = self._heard_at = time.monotonic()
        work = Work(batches)
        try:
            self._fill(work)
            while work.returned or any(member.batches for member in self._members):
                self._refuse_none()
                for member, coming in self._next():
                    batch = member.batches.get(coming)
                    if batch is None:
                        self._greeted(member, coming)
                        continue
                    answer = self._answer(member, coming, work)
                    if answer is None:
                        continue
                    del member.batches[coming]
                    self._pace.learn(member.silence, batch)
                    self._pace.begin(member.silence, member.batches.values())
                    if isinstance(answer, Failed):
                        answer.throw(batch.number)
                    self._fill(work)  # before the answer is looked at: no one idles
                    yield batch.number, answer
                    if self._turn is not turn:
                        raise RuntimeError("another run of the same workers has begun")
                self._end_silent(work)
                self._fill(work)
        finally:
            if self._turn is turn:
                self._forget()

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of those of the first `count` actors that are ready, asked at once."""
        _ = self.loaded
        self._forget()
        asked = {m.actor.answer.remote(question): m for m in self._members[:count] if m.loaded}
        for member in asked.values():
            member.silence.begin(question.seconds)
        rates: list[Rates] = []
        while asked:
            ready = self._wait(list(asked))
            self._listen(asked[coming] for coming in asked if coming not in ready)
            for coming in ready:
                member = asked.pop(coming)
                answer = self._answer(member, coming, Work([]))
                if isinstance(answer, Failed):
                    answer.throw(-1)
                if answer is not None:
                    rates.append(answer)
            self._end_silent(Work([]))
            asked = {coming: m for coming, m in asked.items() if m in self._members}
        self._refuse_none()
        return common_rates(rates)

    def keep(self, count: int) -> None:
        """End all actors but the first `count`."""
        self._end(self._members[count:])
        self._members = self._members[:count]

    def switch(self, checkpoint: Checkpoint) -> None:
        """Put another adapter on the base that the actors have loaded."""
        self._forget()
        self._weights = checkpoint.bytes
        self._order = order_of(checkpoint, self._device, self.threads)
        for member in self._members:
            member.loaded = member.asked = None  # an answer to a former order is not waited for
        self.__dict__.pop("loaded", None)
        self._tend()

    def close(self) -> None:
        """End the actors, and the connection if it was made for them."""
        self._turn = None
        self._end(self._members)
        self._members = []
        self._connection.close()

    def _ready(self) -> list[_Member]:
        return [member for member in self._members if member.loaded]

    def _fill(self, work: Work) -> None:
        while member := freest(self._ready()):
            batch = work.next()
            if batch is None:
                return
            member.batches[member.actor.answer.remote(batch)] = batch
            if len(member.batches) == 1:
                self._pace.begin(member.silence, member.batches.values())

    def _forget(self) -> None:
        for member in self._members:
            member.batches.clear()

    def _next(self) -> Iterator[tuple[_Member, Any]]:
        """The answers that have come, to batches and to questions; none after a while."""
        self._tend()
        by_answer = {
            coming: member
            for member in self._members
            for coming in [*member.batches, *([member.asked] if member.asked else [])]
        }
        if not by_answer:
            time.sleep(ASK_SECONDS)  # nobody can be asked yet
        ready = self._wait(list(by_answer))
        answered = {by_answer[coming] for coming in ready}
        self._listen(m for m in {*by_answer.values()} - answered if m.place)
        for coming in ready:
            member = by_answer[coming]
            if coming in member.batches or coming == member.asked:  # not lost in between
                yield member, coming

    def _listen(self, silent: Iterable[_Member]) -> None:
        """Count how long actors that have something to do have said nothing."""
        for member in silent:
            member.silence.grow()
            if not member.silence.too_long:
                member.silence.tell(f"the actor {member}", member.pid_here)

    def _end_silent(self, work: Work) -> None:
        """Hand on the batches of actors that were silent for too long; ray need not find them."""
        for member in [each for each in self._members if each.silence.too_long]:
            seconds = member.silence.seconds
            what = f"the actor {member} did not answer for {seconds:.0f} s and was ended."
            self._last_error = dead = ModelError(what, "a larger --worker-timeout")
            self._members.remove(member)
            self._end([member])
            work.give_back(list(member.batches.values()), dead)
            self.warnings.append(f"{dead.what} Its work goes to the others.")

    def _wait(self, coming: list[Any]) -> list[Any]:
        if not coming:
            return []
        some, _ = self._ray.wait(coming, num_returns=1, timeout=LOOK_SECONDS)
        if some:
            self._heard_at = time.monotonic()
            some, _ = self._ray.wait(coming, num_returns=len(coming), timeout=0)
        elif time.monotonic() > self._heard_at + HEAD_SECONDS:
            self._refuse_lost_head()
        return list(some)

    def _tend(self) -> None:
        """Ask every actor that is not ready whether it is."""
        for member in self._members:
            if not member.loaded and member.asked is None and time.monotonic() >= member.ask_at:
                place, load = member.actor.place, member.actor.load
                member.silence.begin_loading(self._weights)
                member.asked = load.remote(self._order) if member.place else place.remote()

    def _greeted(self, member: _Member, coming: Any) -> None:
        """Take the answer to `place` or `load`."""
        member.asked = None
        try:
            answer = self._ray.get(coming, timeout=FETCH_SECONDS)
        except self._errors.ActorDiedError as error:  # for good: it is not restarted any more
            self._drop(member, ModelError(f"the actor {member} died: {_reason(error)}", _AGAIN))
        except self._errors.RayTaskError as error:  # not of our making: the class is not there
            what = f"the actor {member} cannot be made: {_reason(error)}"
            self._drop(member, ModelError(what, "pip install 'angle-bench[ray]' on every node"))
        except self._errors.RayError:
            member.place = None
            member.ask_at = time.monotonic() + ASK_SECONDS
        else:
            if isinstance(answer, Failed):
                self._refused(member, answer)
            elif isinstance(answer, ActorPlace):
                member.place = answer
            else:
                member.silence.begin(0)
                member.loaded = answer

    def _refused(self, member: _Member, answer: Failed) -> None:
        """An actor that cannot load the model; an error once no other is left."""
        self._end([member])
        self._members.remove(member)
        if not self._members:
            answer.throw(-1)
        self.warnings.append(f"{answer.what} The others go on without that actor.")

    def _answer(self, member: _Member, coming: Any, work: Work) -> Any:
        """An answer that has come; None if its actor is lost with it."""
        try:
            return self._ray.get(coming, timeout=FETCH_SECONDS)
        except self._errors.RayTaskError as error:
            return Failed(_reason(error), "", str(error))
        except self._errors.RayError as error:
            self._lose(member, error, work)
            return None

    def _lose(self, member: _Member, error: Exception, work: Work) -> None:
        """Hand on the batches of an actor, and ask it from now on whether it is back."""
        dead = ModelError(f"the actor {member} is lost: {_reason(error)}", _AGAIN)
        lost = list(member.batches.values())
        member.batches.clear()
        member.loaded = member.place = member.asked = None
        self._last_error = dead
        work.give_back(lost, dead)
        self.warnings.append(f"{dead.what} Its work goes to the others.")

    def _drop(self, member: _Member, dead: ModelError) -> None:
        self._members.remove(member)
        self._last_error = self._last_error or dead
        self.warnings.append(f"{dead.what} Ray starts it no more.")

    def _refuse_none(self) -> None:
        """Stop where no actor lives, and none comes within a bounded time.

        Raises:
            ModelError: Why.
        """
        if not self._members:
            raise self._last_error or ModelError("the actors are ended.", "the same command")
        if any(member.place for member in self._members):  # loading, or ready
            self._alive_at = time.monotonic()
        if time.monotonic() > self._alive_at + PLACE_SECONDS:
            raise ModelError(
                f"the ray cluster has had no room for an actor in {PLACE_SECONDS:.0f} s.",
                "ray status shows what it waits for; -d cpu:1 asks for less",
            ) from self._last_error

    def _refuse_lost_head(self) -> None:
        self._heard_at = time.monotonic()
        if not self._connection.reachable():
            raise ModelError(
                "the head of the ray cluster does not answer any more.",
                "ray status on its head node; then the same command to go on",
            )

    def _end(self, members: Sequence[_Member]) -> None:
        if not self._ray.is_initialized():  # then ray has ended them
            return
        for member in members:
            self._ray.kill(member.actor)


_AGAIN = "the same command to go on; -d cpu:1, if memory ran out"


def _reason(error: Exception) -> str:
    """What ray says, without its table of ids."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
    told = next((line for line in lines if line.startswith("The actor is dead because")), None)
    return (told or first_line(error)).partition(" Some common causes")[0][:300]
