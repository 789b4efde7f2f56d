"""Encoder: a checkpoint that turns texts into vectors."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import head_and_tail
from angle_bench.encoding.budget import choose
from angle_bench.encoding.pending import Pending
from angle_bench.encoding.plan import Indices, Planned, deduplicate, planned
from angle_bench.encoding.rendered_texts import rendered
from angle_bench.encoding.stored_vectors import StoredVectors
from angle_bench.encoding.tokenise import Tokens, prompt_tokens, tokenise
from angle_bench.encoding.workers.contract import Batch, BatchFailed, Ids, Vectors, Workers
from angle_bench.errors import ModelError
from angle_bench.timeline import span

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store, StoreIdentity

TextsDone = Callable[[int], None]

OLD_BATCH = 32  # texts; what angle-emb 0.1 evaluated in, whose pads cls_avg_v0 averages over


@dataclass
class EncodeCounts:
    """What an encoder has done so far.

    Attributes:
        texts: Texts asked for.
        stored: Distinct texts of a call whose vectors came from the store.
        forwarded: Texts that went through the model: each distinct one of a call once.
        tokens: Real tokens that went through the model, without padding.
        truncated: Texts that were cut to max_length before they went through the model.
    """

    texts: int = 0
    stored: int = 0
    forwarded: int = 0
    tokens: int = 0
    truncated: int = 0


@dataclass
class Encoder:
    """A checkpoint with its settings, the workers that hold it, and the store of its vectors.

    Attributes:
        load_tokenizer: Loads its tokenizer; called when the first vector has to be computed.
        settings: Every setting that changes a vector; layer and size are the caller's.
        width: The length of a vector.
        start: Starts the workers; called when the first vector has to be computed, or by `begin`.
        batch_tokens: The most padded tokens of a batch; None measures it.
        store: Where vectors are kept, if anywhere.
        identities: Whose vectors they are in the store: one for each output of the workers.
        counts: What was done so far.
    """

    load_tokenizer: Callable[[], Any]
    settings: Settings
    width: int
    start: Callable[[], Workers]
    batch_tokens: int | None = None
    store: "Store | None" = None
    identities: Sequence["StoreIdentity"] = ()
    counts: EncodeCounts = field(default_factory=EncodeCounts)
    _end: Any = None

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer: that of the workers, where they can hand it over; else it is loaded."""
        handed_over = self.workers.tokenizer() if self._started else None
        return handed_over or self.load_tokenizer()

    @cached_property
    def workers(self) -> Workers:
        """The copies of the model, started when first looked at."""
        started = self.start()
        # an encoder that is forgotten leaves no process
        self._end = weakref.finalize(self, started.close)
        return started

    @cached_property
    def _stored(self) -> StoredVectors:
        return StoredVectors(self.store, self.identities, self.settings)

    @property
    def device(self) -> str | None:
        """Where vectors are computed; None as long as none had to be."""
        return self.workers.loaded.device if self._started else None

    @property
    def attention(self) -> str:
        """The attention that vectors are computed with, as far as that is known by now."""
        return self.workers.loaded.attention if self._started else self.settings.attention

    @property
    def _started(self) -> bool:
        return "workers" in self.__dict__

    def known(self) -> bool:
        """Whether the store has vectors of this checkpoint, so that the model may not be needed."""
        store = self.store
        return store is not None and all(map(store.holds, self.identities))

    def begin(self) -> None:
        """Start the workers now, so that they load while something else is done."""
        _ = self.workers

    def truncation(self) -> str | None:
        """How many texts were cut, in a sentence; None where none was."""
        if not self.counts.truncated:
            return None
        return (
            f"{self.counts.truncated:,} of {self.counts.forwarded:,} texts were cut to "
            f"{self.settings.max_length} tokens"
        )

    def warnings(self) -> list[str]:
        """What went wrong without stopping the work, since this was last asked."""
        if not self._started:
            return []
        said, self.workers.warnings = self.workers.warnings, []
        return said

    def encode(
        self,
        texts: Sequence[str],
        template: str = "",
        done: TextsDone | None = None,
        output: int = 0,
    ) -> Vectors:
        """Vectors of texts, in their order.

        Args:
            texts: Any number of texts; equal ones are computed once.
            template: A prompt that holds `{text}`, or `""`.
            done: Called with a number of texts whenever that many more are done.
            output: Which of the workers' outputs. The vectors of the others go into the store,
                where the next call finds them.

        Returns:
            float32, (texts, width).

        Raises:
            DataError: One of the texts is no string.
            ModelError: A vector is not finite, or a text does not fit into memory; the text is
                named.
        """
        vectors, place = self._distinct(texts, template, done, output)
        self.counts.texts += len(texts)
        return vectors if len(vectors) == len(texts) else vectors[place]

    def fill(
        self,
        texts: Sequence[str],
        template: str = "",
        done: TextsDone | None = None,
        output: int = 0,
    ) -> None:
        """Put vectors into the store, where `encode` finds them when somebody asks for the texts.

        Arguments and errors are those of `encode`; the texts do not count as asked for.
        """
        self._distinct(texts, template, done, output)

    def _distinct(
        self, texts: Sequence[str], template: str, done: TextsDone | None, output: int
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """The vectors of the distinct texts, and which of them each text has."""
        unique, place = deduplicate(rendered(texts, template, self.settings))
        copies = np.bincount(place, minlength=len(unique))
        vectors = self._vectors(unique, template, output, copies, done or _nobody)
        return vectors, place

    def tokens(self, texts: Sequence[str], template: str = "") -> list[Vectors]:
        """The vectors of every token of texts, in their order; the pooling is `all`.

        Args:
            texts: Any number of texts.
            template: A prompt that holds `{text}`, or `""`.

        Returns:
            For each text float32, (tokens, width), special tokens included.

        Raises:
            DataError: One of the texts is no string.
            ModelError: A text does not fit into memory.
        """
        unique, place = deduplicate(rendered(texts, template, self.settings))
        found: dict[int, Vectors] = {}
        for places, vectors, lengths in self._forwarded(unique, template):
            ends = np.cumsum(lengths)[:-1]
            found |= zip(places.tolist(), np.split(vectors[:, 0], ends), strict=True)
        self.counts.texts += len(texts)
        return [found[one] for one in place]

    def hand_over(self) -> Workers | None:
        """The workers, if there are any; from then on they are the caller's to close."""
        if not self._started:
            return None
        workers = self.workers
        self._end.detach()
        del self.workers
        return workers

    def close(self) -> None:
        """End the workers; the next text that has to be computed starts them again."""
        if self._started:
            self.workers.close()
            del self.workers

    def _vectors(
        self, unique: list[str], template: str, output: int, copies: Indices, done: TextsDone
    ) -> Vectors:
        """Vectors of distinct texts: from the store, else computed and stored."""
        vectors = np.empty((len(unique), self.width), dtype=np.float32)
        identities = self._stored.identities(template)
        found = self._stored.look_up(identities[output], unique, vectors) if identities else None
        missing = np.arange(len(unique)) if found is None else np.flatnonzero(~found)
        if len(missing) < len(unique):
            self.counts.stored += len(unique) - len(missing)
            done(int(copies.sum() - copies[missing].sum()))
        texts = unique if len(missing) == len(unique) else [unique[i] for i in missing]
        pending = Pending(self.store, identities, texts)
        try:
            for places, computed in self._computed(texts, template):
                if self.store is not None:
                    computed = self.store.rounded(computed)
                vectors[missing[places]] = computed[:, output]
                pending.add(places, computed)
                done(int(copies[missing[places]].sum()))
        finally:
            pending.flush()  # what is computed is kept, whatever ended the work
        return vectors

    def _computed(self, texts: list[str], template: str) -> Iterator[tuple[Indices, Vectors]]:
        """Vectors of distinct texts with their places, in any order."""
        for places, vectors, _ in self._forwarded(texts, template):
            _refuse_nonfinite(vectors, [texts[i] for i in places], self.settings)
            yield places, vectors

    def _forwarded(self, texts: list[str], template: str) -> Iterator[tuple[Indices, Vectors, Ids]]:
        """Places, vectors and token counts of the texts of each batch, in any order."""
        if not texts:
            return
        if self.batch_tokens is None:
            self.batch_tokens = choose(self.workers, self.settings, len(texts))
        waiting: dict[int, Planned] = {}
        limit = self.settings.max_length
        tokenizer, tail = self.tokenizer, len(head_and_tail(template)[1])
        whole = self.settings.include_prompt or self.settings.pooling == "all"
        skip = 0 if whole else prompt_tokens(tokenizer, self.settings, template)
        plan = planned(
            texts,
            lambda chunk: _timed(tokenizer, chunk, limit, tail),
            lambda: self.batch_tokens or 1,
            self._note,
            OLD_BATCH if self.settings.pooling == "cls_avg_v0" else None,
        )
        with closing(plan):
            try:
                for number, vectors in self.workers.run(_noted(plan, waiting, skip)):
                    done = waiting.pop(number)
                    self.counts.forwarded += len(done.places)
                    yield done.places, vectors, done.batch.lengths
            except BatchFailed as error:
                _name_text(error, texts[int(waiting[error.number].places[error.text])])

    def _note(self, tokens: Tokens) -> None:
        self.counts.tokens += len(tokens.ids)
        self.counts.truncated += tokens.truncated


def _timed(tokenizer: Any, texts: list[str], limit: int, tail: int) -> Tokens:
    with span("tokenise", texts=len(texts)):
        return tokenise(tokenizer, texts, limit, tail)


def _nobody(_: int) -> None:
    """Nobody watches."""


def _noted(plan: Iterator[Planned], waiting: dict[int, Planned], skip: int) -> Iterator[Batch]:
    for each in plan:
        waiting[each.batch.number] = each
        yield replace(each.batch, skip=skip)


def _refuse_nonfinite(vectors: Vectors, texts: list[str], settings: Settings) -> None:
    finite = np.isfinite(vectors).all(axis=(1, 2))
    if not finite.all():
        text = texts[int(np.argmin(finite))]
        raise ModelError(
            f"the vector of {text[:80]!r} is not finite in {settings.dtype}.",
            "--dtype float32, or a checkpoint whose training did not diverge",
        )


def _name_text(error: BatchFailed, text: str) -> NoReturn:
    raise ModelError(
        f"{error.reason}; the text is {text[:80]!r} ({len(text):,} characters).",
        "a smaller --max-length, or -d with fewer workers or another device",
    ) from error
