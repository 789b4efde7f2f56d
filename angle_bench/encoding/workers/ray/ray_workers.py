"""Workers as actors of a Ray cluster.

Ray restarts an actor that died, and waits for room as long as it takes; we never wait for one.
An actor gets batches once it has said that its model is loaded, and from its death on none until
it has said so again. Batches are retried by us, not by ray: those of a dead actor go to others at
once.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from angle_bench.encoding.portable_tokenizer import PortableTokenizer
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import (
    Batch,
    Failed,
    Loaded,
    Probe,
    Rates,
    TokenizerWanted,
    Vectors,
    common_rates,
)
from angle_bench.encoding.workers.ray.actor import ActorPlace, ModelActor, order_of
from angle_bench.encoding.workers.ray.capacity import Room, room
from angle_bench.encoding.workers.ray.cluster_watch import ClusterWatch, reason
from angle_bench.encoding.workers.ray.connection import Connection, connect
from angle_bench.encoding.workers.ray.member import RETRY_SECONDS, Member
from angle_bench.encoding.workers.silence import Patience, Silence, WorkerPace
from angle_bench.encoding.workers.turns import Turns
from angle_bench.encoding.workers.work import Work
from angle_bench.errors import ModelError

RESTARTS = 3
LATE_SECONDS = 10.0  # for the others, once the first has loaded
FETCH_SECONDS = 60.0
PATIENCE = Patience()
AGAIN = "the same command to go on; -d cpu:1, if memory ran out"


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
        self._watch = ClusterWatch(connection)
        self._turns = Turns()
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
        self._members = [Member(made.remote(), Silence(patience)) for _ in range(room.count)]
        self._poll_loading()

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
                self._watch.check(self._members)
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
        self._watch.check(self._members)
        work = Work(batches)
        with self._turns.begun(self._forget) as check:
            self._watch.begin()
            work.hand_out(self._ready(), self._pace)
            while work.returned or any(member.batches for member in self._members):
                self._watch.check(self._members)
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
                    work.hand_out(self._ready(), self._pace)  # before it is looked at: none idles
                    yield batch.number, answer
                    check()
                self._end_silent(work)
                work.hand_out(self._ready(), self._pace)

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of those of the first `count` actors that are ready, asked at once."""
        return common_rates(self._asked(count, question, question.seconds))

    def tokenizer(self) -> PortableTokenizer | None:
        """The tokenizer that the first actor has loaded; None where it is not a plain one."""
        found: list[PortableTokenizer] = self._asked(1, TokenizerWanted(), 0.0)
        return next(iter(found), None)

    def _asked(self, count: int, question: Any, seconds: float) -> list[Any]:
        """The answers of those of the first `count` actors that are ready, asked at once."""
        _ = self.loaded
        self._forget()
        asked = {m.actor.answer.remote(question): m for m in self._members[:count] if m.loaded}
        for member in asked.values():
            member.silence.begin(seconds)
        answers: list[Any] = []
        while asked:
            ready = self._watch.wait(list(asked))
            for coming in asked.keys() - ready:
                asked[coming].listen()
            for coming in ready:
                member = asked.pop(coming)
                answer = self._answer(member, coming, Work([]))
                if isinstance(answer, Failed):
                    answer.throw(-1)
                if answer is not None:
                    answers.append(answer)
            self._end_silent(Work([]))
            asked = {coming: m for coming, m in asked.items() if m in self._members}
        self._watch.check(self._members)
        return answers

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
        self._poll_loading()

    def close(self) -> None:
        """End the actors, and the connection if it was made for them."""
        self._turns.end()
        self._end(self._members)
        self._members = []
        self._connection.close()

    def _ready(self) -> list[Member]:
        return [member for member in self._members if member.loaded]

    def _forget(self) -> None:
        for member in self._members:
            member.batches.clear()

    def _next(self) -> Iterator[tuple[Member, Any]]:
        """The answers that have come, to batches and to questions; none after a while."""
        self._poll_loading()
        by_answer = {coming: member for member in self._members for coming in member.coming}
        if not by_answer:
            time.sleep(RETRY_SECONDS)  # nobody can be asked yet
        ready = self._watch.wait(list(by_answer))
        answered = {by_answer[coming] for coming in ready}
        for member in {*by_answer.values()} - answered:
            if member.place:
                member.listen()
        for coming in ready:
            member = by_answer[coming]
            if coming in member.coming:  # not lost in between
                yield member, coming

    def _end_silent(self, work: Work) -> None:
        """Hand on the batches of actors that were silent for too long; ray need not find them."""
        for member in [each for each in self._members if each.silence.too_long]:
            seconds = member.silence.seconds
            what = f"the actor {member} did not answer for {seconds:.0f} s and was ended."
            self._watch.last_error = dead = ModelError(what, "a larger --worker-timeout")
            self._members.remove(member)
            self._end([member])
            work.give_back(list(member.batches.values()), dead)
            self.warnings.append(f"{dead.what} Its work goes to the others.")

    def _poll_loading(self) -> None:
        """Ask every actor that is not ready whether it is."""
        for member in self._members:
            member.ask(self._order, self._weights)

    def _greeted(self, member: Member, coming: Any) -> None:
        """Take the answer to `place` or `load`."""
        member.asked = None
        try:
            answer = self._ray.get(coming, timeout=FETCH_SECONDS)
        except self._errors.ActorDiedError as error:  # for good: it is not restarted any more
            self._drop(member, ModelError(f"the actor {member} died: {reason(error)}", AGAIN))
        except self._errors.RayTaskError as error:  # not of our making: the class is not there
            what = f"the actor {member} cannot be made: {reason(error)}"
            self._drop(member, ModelError(what, "pip install 'angle-bench[ray]' on every node"))
        except self._errors.RayError:
            member.unreachable()
        else:
            if isinstance(answer, Failed):
                self._refused(member, answer)
            elif isinstance(answer, ActorPlace):
                member.place = answer
            else:
                member.silence.begin(0)
                member.loaded = answer

    def _refused(self, member: Member, answer: Failed) -> None:
        """An actor that cannot load the model; an error once no other is left."""
        self._end([member])
        self._members.remove(member)
        if not self._members:
            answer.throw(-1)
        self.warnings.append(f"{answer.what} The others go on without that actor.")

    def _answer(self, member: Member, coming: Any, work: Work) -> Any:
        """An answer that has come; None if its actor is lost with it."""
        try:
            return self._ray.get(coming, timeout=FETCH_SECONDS)
        except self._errors.RayTaskError as error:
            return Failed(reason(error), "", str(error))
        except self._errors.RayError as error:
            self._lose(member, error, work)
            return None

    def _lose(self, member: Member, error: Exception, work: Work) -> None:
        """Hand on the batches of an actor, and ask it from now on whether it is back."""
        dead = ModelError(f"the actor {member} is lost: {reason(error)}", AGAIN)
        self._watch.last_error = dead
        work.give_back(member.lose(), dead)
        self.warnings.append(f"{dead.what} Its work goes to the others.")

    def _drop(self, member: Member, dead: ModelError) -> None:
        self._members.remove(member)
        self._watch.last_error = self._watch.last_error or dead
        self.warnings.append(f"{dead.what} Ray starts it no more.")

    def _end(self, members: Sequence[Member]) -> None:
        if not self._ray.is_initialized():  # then ray has ended them
            return
        for member in members:
            self._ray.kill(member.actor)
