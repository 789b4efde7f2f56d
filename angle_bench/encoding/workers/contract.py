"""What a worker is: it takes batches of token ids when it is free, and gives back vectors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from angle_bench.errors import ModelError

if TYPE_CHECKING:
    from angle_bench.encoding.portable_tokenizer import PortableTokenizer
    from angle_bench.encoding.workers.checkpoint import Checkpoint

Vectors = NDArray[np.float32]
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Batch:
    """Texts of like lengths, as token ids.

    Attributes:
        number: The batch's place in the plan; its vectors come back under it.
        ids: The token ids of all texts, one text after the other.
        lengths: How many of them belong to each text.
        skip: How many of the first tokens of every text are not pooled: those of its prompt.
    """

    number: int
    ids: Ids
    lengths: Ids
    skip: int = 0


@dataclass(frozen=True)
class Loaded:
    """What a worker says once its model is loaded.

    Attributes:
        device: Where it runs.
        hardware: What that is: the processor's or accelerator's name.
        dimension: The length of its vectors.
        parameters: How many parameters the model has.
        layers: How many hidden states a layer can be chosen from, the embeddings left out.
        attention: The attention that it runs with.
        warnings: What the user should know of it.
        pid: Its process id on this machine; 0 where that is another's or this process's.
    """

    device: str
    hardware: str
    dimension: int
    parameters: int
    layers: int
    attention: str
    warnings: tuple[str, ...] = ()
    pid: int = 0


@dataclass(frozen=True)
class Probe:
    """A question: how many tokens a second, for each batch budget?

    Attributes:
        threads: Threads to compute with from now on; 0 leaves them as they are.
        budgets: Padded tokens of a batch, ascending; the last ones are left out if time is up.
        seconds: About how long it may take.
    """

    threads: int
    budgets: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class TokenizerWanted:
    """A question: the tokenizer that is loaded, as a value."""


@dataclass(frozen=True)
class Switch:
    """An order: another adapter on the base that is loaded.

    Attributes:
        order: What a worker is told that loads a model (`Checkpoint.order`).
    """

    order: dict[str, Any]


Rates = dict[int, float]


def common_rates(rates: Sequence[Rates]) -> Rates:
    """Tokens a second of several workers together, for the budgets that each of them tried."""
    common = set(rates[0]).intersection(*rates) if rates else set()
    return {budget: sum(rate[budget] for rate in rates) for budget in sorted(common)}


class OutOfMemory(Exception):
    """Not even one text of the batch fits.

    Attributes:
        text: The place of the text in its batch.
    """

    def __init__(self, text: int, tokens: int) -> None:
        super().__init__(f"a text of {tokens} tokens does not fit into memory")
        self.text = text


class BatchFailed(Exception):
    """A batch cannot be computed.

    Attributes:
        number: The batch.
        text: The place of the guilty text in it.
        reason: Why.
    """

    def __init__(self, number: int, text: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.text = text
        self.reason = reason


@dataclass(frozen=True)
class Failed:
    """A worker's exception as text, since not every exception can be pickled.

    Attributes:
        what: What happened, in a line.
        fix: What to type, if the worker knows.
        trace: Its traceback.
        text: The place in its batch of the text that made it, if it is known.
    """

    what: str
    fix: str
    trace: str
    text: int | None = None

    def throw(self, number: int) -> NoReturn:
        """Raise what the worker raised on a batch, with its traceback as the cause."""
        cause = WorkerTraceback(self.trace)
        if self.text is not None:
            raise BatchFailed(number, self.text, self.what) from cause
        raise worker_error(self.what, self.fix) from cause


def worker_error(what: str, fix: str = "") -> ModelError:
    """What a worker raised on a batch, as an error for the user."""
    return ModelError(what, fix or "--debug for the worker's traceback")


class WorkerTraceback(Exception):
    """The traceback of an exception in another process."""

    def __str__(self) -> str:
        return f"in the worker:\n{self.args[0]}"


class Workers(Protocol):
    """One or more loaded copies of a model.

    Attributes:
        warnings: What went wrong without stopping the work; the reader empties it.
        threads: Threads of each worker on a CPU; 0 leaves it to torch.
        may_shrink: Whether fewer workers with more threads would be as welcome.
    """

    warnings: list[str]
    threads: int
    may_shrink: bool

    @property
    def count(self) -> int:
        """How many workers there are."""

    @property
    def loaded(self) -> Loaded:
        """The model as the workers have it; waits until they have loaded it."""

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        """Vectors of every batch, (texts, outputs, dimension), under its number, in any order.

        The next batch is taken when a worker is free, so that a straggler costs one batch.

        Raises:
            BatchFailed: A text cannot be computed.
            ModelError: The model cannot be loaded, or no worker is left.
        """

    def probe(self, count: int, question: Probe) -> Rates:
        """Tokens a second of the first `count` workers together, for each batch budget."""

    def tokenizer(self) -> "PortableTokenizer | None":
        """The tokenizer that they have loaded, where it can be had of them."""

    def keep(self, count: int) -> None:
        """End all workers but the first `count`."""

    def switch(self, checkpoint: "Checkpoint") -> None:
        """Put another adapter on the base that the workers have loaded.

        Args:
            checkpoint: One that shares its base with theirs.
        """

    def close(self) -> None:
        """End the workers; nothing of them stays behind."""
