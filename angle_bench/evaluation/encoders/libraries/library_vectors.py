"""What a SentenceTransformer computes: stored, each distinct text once, on every device."""

import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.encoding.encoder import EncodeCounts, TextsDone
from angle_bench.encoding.pending import Pending
from angle_bench.encoding.plan import deduplicate
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import ModelError, first_line

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store, StoreIdentity

BLOCK = 1024  # texts of a call of the library on each device; then the store and the bar are told
PROBED = 4  # short texts beside the longest one, to see whether a vector depends on its batch
STEADY = 2e-5  # a larger difference than rounding makes, for vectors of length 1
# likewise, in steps of a number of 16 bits; those of all-MiniLM-L6-v2 differ by 0.25 of one
STEADY_HALF = 4
_STEPS = {"torch.float16": 2.0**-10, "torch.bfloat16": 2.0**-7}
STATIC_BATCH = 8192  # texts of a batch of static embeddings, which pads none


@dataclass(frozen=True)
class LibraryCall:
    """How the library is called, beside the texts.

    Attributes:
        prompt: What it puts before them; None leaves that to the library.
        role: `query`, `document` or None: which of its methods is called.
        batch_size: The most texts of a batch.
        more: Further arguments of its `encode`, as plain values.
    """

    prompt: str | None
    role: str | None = None
    batch_size: int = 32
    more: Mapping[str, Any] = field(default_factory=dict)

    def key(self, text: str) -> str:
        """What the vector of a text depends on beside the model."""
        said = [self.role, self.prompt, text]
        return json.dumps([*said, dict(sorted(self.more.items()))] if self.more else said)


@dataclass
class LibraryVectors:
    """A SentenceTransformer whose vectors are kept and counted.

    Attributes:
        label: What errors and warnings call it.
        model: The SentenceTransformer.
        identity: Whose vectors they are in the store.
        devices: A process for each, where there are several.
        store: Where vectors are kept, if anywhere.
        counts: What was done so far; tokens are not counted.
        said: What the user should know, until it is told.
        told: What need not be said again.
        pool: The processes of the library, while there are some.
    """

    label: str
    model: Any
    identity: "StoreIdentity"
    devices: Sequence[str]
    store: "Store | None" = None
    counts: EncodeCounts = field(default_factory=EncodeCounts)
    said: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    pool: Any = None
    _steady: dict[str | None, bool] = field(default_factory=dict)
    _end: Any = None

    def of(self, texts: list[str], call: LibraryCall, done: TextsDone = lambda _: None) -> Vectors:
        """float32, (texts, width): from the store, else computed, each distinct text once.

        Raises:
            ModelError: The library fails, or a vector is not finite.
        """
        self.counts.texts += len(texts)
        if self.static:
            return self._anew(texts, replace(call, batch_size=STATIC_BATCH), done)
        unique, place = deduplicate(texts)
        copies = np.bincount(place, minlength=len(unique))
        vectors = np.zeros((len(unique), self.width), np.float32)
        keys = [call.key(text) for text in unique]
        found = np.zeros(len(unique), bool)
        if self.store is not None:
            found, vectors = self.store.get(self.identity, self.identity.keys(keys), self.width)
            self.store.touch(self.identity)
        missing = np.flatnonzero(~found)
        if len(missing) == 0:
            self.counts.stored += len(unique)
            done(len(texts))
            return vectors[place]
        if not self._is_steady([unique[i] for i in missing], call):
            # as the library itself would: whatever lies beside a text counts
            computed = self._forward(texts, call, self.devices[0])
            done(len(texts))
            return computed
        self.counts.stored += len(unique) - len(missing)
        done(int(copies[found].sum()))
        missing = missing[np.argsort([-len(unique[i]) for i in missing], kind="stable")]
        pending = Pending(
            self.store if call.role in self._steady else None,
            [self.identity],
            [keys[i] for i in missing],
        )
        step = BLOCK * len(self.devices)
        try:
            for start in range(0, len(missing), step):
                block = missing[start : start + step]
                computed = self._forward([unique[i] for i in block], call)
                if self.store is not None:
                    computed = self.store.rounded(computed)
                vectors[block] = computed
                pending.add(np.arange(start, start + len(block)), computed[:, None])
                done(int(copies[block].sum()))
        finally:
            pending.flush()  # what is computed is kept, whatever ended the work
        return vectors[place]

    @cached_property
    def static(self) -> bool:
        """Whether vectors are means of word vectors, which are not worth their room in a store."""
        kinds = [type(each).__name__ for each in self.model.children()]
        return kinds[:1] == ["StaticEmbedding"] or type(self.model).__name__ == "Model2Vec"

    def _anew(self, texts: list[str], call: LibraryCall, done: TextsDone) -> Vectors:
        """Vectors of static embeddings: each text computed, nothing looked up or stored."""
        if self.store is not None:
            self.store = None
            self.said.append(
                f"{self.label} has static embeddings: its vectors are computed each time, and "
                "not stored"
            )
        vectors = np.zeros((len(texts), self.width), np.float32)
        for start in range(0, len(texts), STATIC_BATCH):
            block = texts[start : start + STATIC_BATCH]
            vectors[start : start + len(block)] = self._forward(block, call)
            done(len(block))
        return vectors

    def _is_steady(self, texts: list[str], call: LibraryCall) -> bool:
        """Whether a text has the same vector whatever lies beside it in a batch.

        It has not where a module looks at pads, such as a convolution or a position that is
        counted from the left. Such vectors are neither stored nor computed in several processes.
        Measured once for each role, on short texts alone and beside a long one.
        """
        order = sorted(set(texts), key=len)
        if call.role in self._steady or len(order) < 2:
            return self._steady.get(call.role, True)
        short, longest = order[:-1][:PROBED], order[-1]
        beside = self._forward([*short, longest], call, self.devices[0])[:-1]
        alone = np.concatenate([self._forward([text], call, self.devices[0]) for text in short])
        self.counts.forwarded -= 2 * len(short) + 1  # the texts are computed again
        scale = max(1.0, float(np.abs(alone).max()))
        steady = bool(np.abs(beside - alone).max() <= self._rounding * scale)
        self._steady[call.role] = steady
        if not steady:
            self.said.append(
                f"a vector of {self.label} depends on the texts beside it in a batch: its "
                f"vectors are computed on {self.devices[0]} alone, 32 at a time, and not stored"
            )
        return steady

    @cached_property
    def _rounding(self) -> float:
        """How far apart equal vectors of length 1 may be computed."""
        steps = [_STEPS.get(str(each.dtype), 0.0) for each in self.model.parameters()]
        return max([STEADY, *(STEADY_HALF * step for step in steps)])

    def _forward(self, texts: list[str], call: LibraryCall, device: str | None = None) -> Vectors:
        """float32, (texts, width), by the library.

        Args:
            texts: As they are, without the prompt.
            call: Its role is the library's task, by which a router chooses.
            device: Not by the processes, but here.
        """
        given: dict[str, Any] = {**call.more, "prompt": call.prompt, "batch_size": call.batch_size}
        if device is None and len(self.devices) > 1:
            given["pool"] = self._started()
        try:
            with panics_caught():
                method = self.method(call.role)
                computed = np.asarray(method(texts, show_progress_bar=False, **given), np.float32)
        except Exception as error:  # its modules raise whatever they do
            self.close()
            raise ModelError(
                f"{self.library} could not encode with {self.label}: {first_line(error)}",
                "what the message asks for; --debug shows the traceback",
            ) from error
        if texts and computed.ndim != 2:
            raise ModelError(
                f"{self.label} does not give one vector for a text.",
                "a folder whose last module gives sentence_embedding",
            )
        computed = computed.reshape(len(texts), -1)
        refuse_infinite(computed, texts)
        self.counts.forwarded += len(texts)
        return computed

    @property
    def library(self) -> str:
        """Whose the model is."""
        return "model2vec" if type(self.model).__name__ == "Model2Vec" else "sentence-transformers"

    def method(self, role: str | None) -> Callable[..., Any]:
        """The library's method for a role."""
        name = "encode" if role is None else f"encode_{role}"
        found: Callable[..., Any] = getattr(self.model, name)
        return found

    def _started(self) -> Any:
        """The processes of the library, one for each device."""
        if self.pool is None:
            self.pool = self.model.start_multi_process_pool(list(self.devices))
            # an encoder that is forgotten leaves no process
            self._end = weakref.finalize(self, self.model.stop_multi_process_pool, self.pool)
        return self.pool

    def close(self) -> None:
        """End the processes; the next text that has to be computed starts them again."""
        if self.pool is not None:
            self._end()
            self.pool = None

    def warnings(self) -> list[str]:
        """What the user should know, since this was last asked."""
        told = list(self.said)
        self.said.clear()
        return told

    @property
    def where(self) -> str:
        """The devices, in a word."""
        return ", ".join(dict.fromkeys(map(str, self.devices))) + (
            f" x{len(self.devices)}" if len(self.devices) > 1 else ""
        )

    @cached_property
    def width(self) -> int:
        """The length of a vector.

        Raises:
            ModelError: Nobody tells, and a short text fails.
        """
        failures = []
        for role in (None, "query", "document"):
            try:
                with panics_caught():
                    return len(self.method(role)("a", show_progress_bar=False))
            except Exception as error:  # a route that is missing, or a text without a known word
                failures.append(error)
        declared = self.model.get_embedding_dimension()
        if declared is None:
            raise ModelError(
                f"{self.library} does not say how long a vector of {self.label} is, "
                f"and fails on a short text: {first_line(failures[0])}",
                "a folder whose last module says it",
            ) from failures[0]
        return int(declared)


def refuse_infinite(computed: Vectors, texts: Sequence[str]) -> None:
    """Refuse vectors that nothing can be compared with.

    Raises:
        ModelError: One of them is not finite.
    """
    if len(texts) and not np.isfinite(computed).all():
        text = texts[int(np.argmin(np.isfinite(computed).all(axis=1)))]
        raise ModelError(
            f"the vector of {text[:80]!r} is not finite.",
            "another checkpoint, whose training did not diverge",
        )
