"""What a run asks of an encoder, and who answers: this package, another library, a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.missing import MissingTask
from angle_bench.evaluation.run.prefetch import prefetch_texts
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.evaluation.run.store_room import too_large

if TYPE_CHECKING:
    from angle_bench.evaluation.encoders.endpoint_encoder import EndpointEncoder
    from angle_bench.evaluation.encoders.libraries.library_vectors import LibraryVectors
    from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
    from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
    from angle_bench.evaluation.run.prefetch import Ready

STORED = "stored vectors"
BY_MTEB = "chosen by mteb"
# ours cuts its own batches by tokens; others forward what the loader hands them
LOADER_BATCH = 512
LOADER_BATCH_OF_OTHERS = 32


class RunEncoder(Protocol):
    """An encoder of a run, whoever computes its vectors."""

    @property
    def model(self) -> Any:
        """What mteb evaluates."""

    @property
    def batch(self) -> int:
        """How many texts mteb hands it at once."""

    @property
    def tells_texts(self) -> bool:
        """Whether it tells how many texts are done."""

    @property
    def device(self) -> str:
        """Where its vectors came from so far."""

    @property
    def attention(self) -> str:
        """The attention that they are computed with."""

    @property
    def prompts(self) -> Mapping[str, str] | str:
        """Templates by role of the texts of this task, or who chooses them."""

    def counted(self) -> dict[str, int]:
        """What it has done so far, by the names of `Counts`; nothing where nobody counts."""

    def too_large(self, texts: Sequence[int | None], store_options: StoreOptions) -> str | None:
        """What is said where the vectors of so many texts by task do not fit the store."""

    def ahead(self, pairs: Sequence[MissingTask], progress: Progress) -> "Ready":
        """Compute the texts of tasks of pairs before the first is scored, where that saves some."""

    def begin_task(self) -> None:
        """The texts of a task follow."""

    def refuse_change(self) -> None:
        """Refuse results of files that changed meanwhile.

        Raises:
            ModelError: The files of the checkpoint changed since it was loaded.
        """

    def tell_warnings(self, progress: Progress) -> None:
        """What went wrong without stopping it, since this was last asked."""

    def tell_at_end(self, progress: Progress) -> None:
        """How many texts were cut, what would be faster; where somebody knows."""

    def end(self, between: IdleWorkers) -> None:
        """Nothing more is asked of it; what the next model can use is left there."""


@dataclass(frozen=True)
class ByLibrary:
    """A folder that sentence-transformers computes: its vectors are stored and counted here."""

    model: "SentenceEncoder"
    batch: int = LOADER_BATCH_OF_OTHERS
    tells_texts: bool = True

    @property
    def device(self) -> str:
        """Where its vectors came from so far."""
        return self.model.device or STORED

    @property
    def attention(self) -> str:
        """As far as it is known."""
        return self.model.attention

    @property
    def prompts(self) -> Mapping[str, str]:
        """Templates by role."""
        return self.model.prompts_used

    def counted(self) -> dict[str, int]:
        """What it has done so far."""
        return self.model.counted()

    def too_large(self, texts: Sequence[int | None], store_options: StoreOptions) -> str | None:
        """Vectors are stored as wide as the model gives them."""
        return too_large(self.model.spec.label, texts, self.model.stored_width, store_options)

    def ahead(self, pairs: Sequence[MissingTask], progress: Progress) -> "Ready":
        """Nothing: the library is asked task by task."""
        return {}

    def begin_task(self) -> None:
        """Prompts are noted anew."""
        self.model.prompts_used = {}

    def refuse_change(self) -> None:
        """The content must still be the one that results are stored under."""
        from angle_bench.evaluation.encoders.load import refuse_change

        refuse_change(self.model)

    def tell_warnings(self, progress: Progress) -> None:
        """Each once."""
        for warning in self.model.warnings():
            progress.warning(warning)

    def tell_at_end(self, progress: Progress) -> None:
        """In a sentence."""
        if cut := self.model.truncation():
            progress.warning(cut)

    def end(self, between: IdleWorkers) -> None:
        """Its processes end."""
        self.model.close()


@dataclass(frozen=True)
class ByUs(ByLibrary):
    """A checkpoint that is computed here; its variants share one forward pass."""

    model: "MtebEncoder"
    batch: int = LOADER_BATCH
    variants: "Sequence[MtebEncoder]" = ()

    def ahead(self, pairs: Sequence[MissingTask], progress: Progress) -> "Ready":
        """The texts of all tasks, each distinct one once, into the store."""
        if self.model.encoder.store is None or not pairs:
            return {}
        return prefetch_texts(self.variants, pairs, progress)

    def tell_at_end(self, progress: Progress) -> None:
        """And whether half precision would be faster, where that is worth a measurement."""
        super().tell_at_end(progress)
        if (faster := self.model.faster_half()) is not None:
            progress.note(str(faster))

    def end(self, between: IdleWorkers) -> None:
        """Its workers are kept for the next model."""
        between.keep(self.model.checkpoint, self.model.encoder.hand_over())


@dataclass(frozen=True)
class ByEndpoint(ByLibrary):
    """A model behind an endpoint; variants are the dimensions that its server is asked for."""

    model: "EndpointEncoder"
    batch: int = LOADER_BATCH
    variants: "Sequence[EndpointEncoder]" = ()

    def end(self, between: IdleWorkers) -> None:
        """The connections of all variants end."""
        for each in self.variants:
            each.close()


@dataclass(frozen=True)
class ByMteb:
    """A model that mteb's own loader gave, of which nothing is known but that mteb takes it."""

    model: Any
    batch: int = LOADER_BATCH_OF_OTHERS
    tells_texts: bool = False
    attention: str = BY_MTEB
    prompts: str = BY_MTEB

    @property
    def device(self) -> str:
        """As far as the model says."""
        return str(getattr(self.model, "device", "device of mteb"))

    def counted(self) -> dict[str, int]:
        """Nobody counts."""
        return {}

    def too_large(self, texts: Sequence[int | None], store_options: StoreOptions) -> str | None:
        """Its vectors are not stored."""
        return None

    def ahead(self, pairs: Sequence[MissingTask], progress: Progress) -> "Ready":
        """Nothing: its vectors are not stored."""
        return {}

    def begin_task(self) -> None:
        """Nothing to do."""

    def refuse_change(self) -> None:
        """Its files are mteb's."""

    def tell_warnings(self, progress: Progress) -> None:
        """It says what it says itself."""

    def tell_at_end(self, progress: Progress) -> None:
        """Nobody counts."""

    def end(self, between: IdleWorkers) -> None:
        """Ended, where it can be."""
        close = getattr(self.model, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, kw_only=True)
class ByWrapper(ByMteb):
    """A folder of sentence-transformers in mteb's wrapper: a cross-encoder, and others.

    Attributes:
        spec: The folder.
        model: mteb's wrapper.
    """

    spec: ModelSpec
    attention: str = "chosen by sentence-transformers"

    @property
    def device(self) -> str:
        """Where it is computed."""
        return str(self.model.model.device)

    def refuse_change(self) -> None:
        """The content must still be the one that results are stored under."""
        from angle_bench.evaluation.encoders.load import refuse_changed_files

        refuse_changed_files(self.spec)


@dataclass(frozen=True)
class InsideMteb(ByMteb):
    """A SentenceTransformer in mteb's wrapper: what it computes is stored and counted here.

    Attributes:
        vectors: What the SentenceTransformer computes.
    """

    vectors: "LibraryVectors | None" = None
    tells_texts: bool = True

    @property
    def _inside(self) -> "LibraryVectors":
        assert self.vectors is not None
        return self.vectors

    @property
    def device(self) -> str:
        """Where its vectors are computed."""
        return self._inside.where

    def counted(self) -> dict[str, int]:
        """What it has done so far."""
        return vars(self._inside.counts)

    def too_large(self, texts: Sequence[int | None], store_options: StoreOptions) -> str | None:
        """Vectors are stored as wide as the model gives them."""
        if self._inside.store is None or self._inside.static:
            return None
        return too_large(self._inside.label, texts, self._inside.width, store_options)

    def tell_warnings(self, progress: Progress) -> None:
        """Each once."""
        for warning in self._inside.warnings():
            progress.warning(warning)

    def end(self, between: IdleWorkers) -> None:
        """Its processes end."""
        self._inside.close()
