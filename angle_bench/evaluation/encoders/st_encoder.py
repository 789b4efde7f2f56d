"""A folder that sentence-transformers computes: its vectors, with our store, counts and checks."""

import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from angle_bench.checkpoints.folder.honoured import PROMPTS_CONFIG
from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.checkpoints.prompts import DOCUMENT_NAMES
from angle_bench.checkpoints.similarity import SCORED
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.templates import PLACEHOLDER
from angle_bench.encoding.encoder import EncodeCounts, TextsDone
from angle_bench.encoding.pending import Pending
from angle_bench.encoding.plan import deduplicate
from angle_bench.encoding.returned import Returned, cut
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import ModelError, first_line
from angle_bench.evaluation.encoders.encode_arguments import ArgumentError, EncodeCall, prompt_named
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store, StoreIdentity

BLOCK = 1024  # texts of a call of the library on each device; then the store and the bar are told
PROBED = 4  # short texts beside the longest one, to see whether a vector depends on its batch
STEADY = 2e-5  # a larger difference than rounding makes, for vectors of length 1
# the prompts of a role, as encode_query and encode_document of sentence-transformers look for them
_OF_ROLE = {"query": ("query",), "document": DOCUMENT_NAMES}


@dataclass
class HandedOver(SentenceEncoder):
    """A SentenceTransformer under our name and revision.

    Attributes:
        spec: The folder; it has no settings of ours.
        model: The SentenceTransformer, whose `truncate_dim` is kept here instead.
        identity: Whose vectors they are in the store.
        devices: A process for each, where there are several.
        store: Where vectors are kept, if anywhere.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it.
        counts: What was done so far; tokens are not counted.
    """

    spec: ModelSpec
    model: Any
    identity: "StoreIdentity"
    devices: Sequence[str]
    store: "Store | None" = None
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] | None = None
    counts: EncodeCounts = field(default_factory=EncodeCounts)
    _said: list[str] = field(default_factory=list)
    _steady: dict[str | None, bool] = field(default_factory=dict)
    _pool: Any = None
    _end: Any = None

    def __post_init__(self) -> None:
        given = self.model.truncate_dim
        if given is not None and (type(given) is not int or given < 1):
            raise ModelError(
                f"{self.spec.label} has the truncate_dim {given!r}, no whole number of 1 or more.",
                "the folder with another truncate_dim in config_sentence_transformers.json",
            )
        self._truncate: int | None = given
        self.model.truncate_dim = None  # vectors are stored whole

    def _encoded(
        self, texts: list[str], call: EncodeCall, returned: Returned, done: TextsDone | None
    ) -> Any:
        prompt = self._prompt(call)
        self.prompts_used[call.role or "text"] = f"{prompt}{PLACEHOLDER}" if prompt else ""
        self.counts.texts += len(texts)
        whole = self._vectors(texts, prompt, call, done or (lambda _: None))
        own = self._truncate if returned.truncate is None else None
        return returned.of(cut(whole, False, 0, own), self._normalizes)

    def _prompt(self, call: EncodeCall) -> str:
        """The prompt that sentence-transformers or mteb's wrapper around it would choose."""
        if call.prompt is not None:
            if PLACEHOLDER in call.prompt:
                raise ArgumentError(
                    f"sentence-transformers computes {self.spec.label}, and puts prompts before "
                    f"texts only, not around them: {call.prompt!r}.",
                    'prompt="query: "',
                )
            return call.prompt
        if call.prompt_name is not None:
            return prompt_named(call.prompt_name, self._prompts, self.spec.label)
        if call.metadata is not None:
            from mteb.models.abs_encoder import get_prompt_name
            from mteb.types import PromptType

            type_ = None if call.role is None else PromptType(call.role)
            name = get_prompt_name(self._task_prompts, call.metadata, type_)
            if name is not None:
                return self._task_prompts[name]
        names = (*(_OF_ROLE[call.role] if call.role else ()), self.model.default_prompt_name)
        return next((self._prompts[name] for name in names if name in self._prompts), "")

    @cached_property
    def _prompts(self) -> dict[str, str]:
        return {name: text or "" for name, text in self.model.prompts.items()}

    @cached_property
    def _task_prompts(self) -> dict[str, str]:
        """The prompts under names that mteb knows: tasks, types and roles."""
        from mteb.models.abs_encoder import AbsEncoder

        known, _ = AbsEncoder.validate_task_to_prompt_name(
            self._prompts, raise_for_invalid_keys=False
        )
        return known or {}

    def _vectors(self, texts: list[str], prompt: str, call: EncodeCall, done: TextsDone) -> Vectors:
        """float32, (texts, width): from the store, else computed, each distinct text once."""
        unique, place = deduplicate(texts)
        copies = np.bincount(place, minlength=len(unique))
        vectors = np.zeros((len(unique), self._widest), np.float32)
        keys = [json.dumps([call.role, prompt, text]) for text in unique]
        found = np.zeros(len(unique), bool)
        if self.store is not None:
            found, vectors = self.store.get(self.identity, self.identity.keys(keys), self._widest)
            self.store.touch(self.identity)
        missing = np.flatnonzero(~found)
        if len(missing) == 0:
            self.counts.stored += len(unique)
            done(len(texts))
            return vectors[place]
        steady = self._is_steady([unique[i] for i in missing], prompt, call)
        if not steady:  # as the library itself would: whatever lies beside a text counts
            computed = self._forward(texts, prompt, call, self.devices[0])
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
                computed = self._forward([unique[i] for i in block], prompt, call)
                if self.store is not None:
                    computed = self.store.rounded(computed)
                vectors[block] = computed
                pending.add(np.arange(start, start + len(block)), computed[:, None])
                done(int(copies[block].sum()))
        finally:
            pending.flush()  # what is computed is kept, whatever ended the work
        return vectors[place]

    def _is_steady(self, texts: list[str], prompt: str, call: EncodeCall) -> bool:
        """Whether a text has the same vector whatever lies beside it in a batch.

        It has not where a module looks at pads, such as a convolution or a position that is
        counted from the left. Such vectors are neither stored nor computed in several processes.
        Measured once for each role, on short texts alone and beside a long one.
        """
        order = sorted(set(texts), key=len)
        if call.role in self._steady or len(order) < 2:
            return self._steady.get(call.role, True)
        short, longest = order[:-1][:PROBED], order[-1]
        beside = self._forward([*short, longest], prompt, call, self.devices[0])[:-1]
        alone = np.concatenate(
            [self._forward([text], prompt, call, self.devices[0]) for text in short]
        )
        self.counts.forwarded -= 2 * len(short) + 1  # the texts are computed again
        scale = max(1.0, float(np.abs(alone).max()))
        steady = bool(np.abs(beside - alone).max() <= STEADY * scale)
        self._steady[call.role] = steady
        if not steady:
            self._said.append(
                f"a vector of {self.spec.label} depends on the texts beside it in a batch: its "
                f"vectors are computed on {self.devices[0]} alone, 32 at a time, and not stored"
            )
        return steady

    def _forward(
        self, texts: list[str], prompt: str, call: EncodeCall, device: str | None = None
    ) -> Vectors:
        """float32, (texts, width), by the library.

        Args:
            texts: As they are, without the prompt.
            prompt: What the library puts before them.
            call: Its role is the library's task, by which a router chooses.
            device: Not by the processes, but here.
        """
        method = (
            self.model.encode if call.role is None else getattr(self.model, f"encode_{call.role}")
        )
        given: dict[str, Any] = {"prompt": prompt, "batch_size": call.batch_size}
        if device is None and len(self.devices) > 1:
            given["pool"] = self._started()
        try:
            with panics_caught():
                computed = np.asarray(method(texts, show_progress_bar=False, **given), np.float32)
        except Exception as error:  # its modules raise whatever they do
            self.close()
            raise ModelError(
                f"sentence-transformers could not encode with {self.spec.label}: "
                f"{first_line(error)}",
                "what the message asks for; --debug shows the traceback",
            ) from error
        if texts and computed.ndim != 2:
            raise ModelError(
                f"{self.spec.label} does not give one vector for a text.",
                "a folder whose last module gives sentence_embedding",
            )
        computed = computed.reshape(len(texts), -1)
        if texts and not np.isfinite(computed).all():
            text = texts[int(np.argmin(np.isfinite(computed).all(axis=1)))]
            raise ModelError(
                f"the vector of {text[:80]!r} is not finite.",
                "another checkpoint, whose training did not diverge",
            )
        self.counts.forwarded += len(texts)
        return computed

    def _started(self) -> Any:
        """The processes of the library, one for each device."""
        if self._pool is None:
            self._pool = self.model.start_multi_process_pool(list(self.devices))
            # an encoder that is forgotten leaves no process
            self._end = weakref.finalize(self, self.model.stop_multi_process_pool, self._pool)
        return self._pool

    def close(self) -> None:
        """End the processes; the next text that has to be computed starts them again."""
        if self._pool is not None:
            self._end()
            self._pool = None

    @cached_property
    def _widest(self) -> int:
        failures = []
        for method in (self.model.encode, self.model.encode_query, self.model.encode_document):
            try:
                with panics_caught():
                    return len(method("a", show_progress_bar=False))
            except Exception as error:  # a route that is missing, or a text without a known word
                failures.append(error)
        declared = self.model.get_embedding_dimension()
        if declared is None:
            raise ModelError(
                f"sentence-transformers does not say how long a vector of {self.spec.label} is, "
                f"and fails on a short text: {first_line(failures[0])}",
                "a folder whose last module says it",
            ) from failures[0]
        return int(declared)

    @property
    def stored_width(self) -> int:
        """The length of a vector in the store, where it is kept uncut."""
        return self._widest

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return min(self._widest, self._truncate or self._widest)

    @property
    def device(self) -> str | None:
        """Where vectors are computed."""
        return ", ".join(dict.fromkeys(map(str, self.devices))) + (
            f" x{len(self.devices)}" if len(self.devices) > 1 else ""
        )

    @property
    def attention(self) -> str:
        """The library chooses it."""
        return "chosen by sentence-transformers"

    @property
    def _normalizes(self) -> bool:
        return type(list(self.model.children())[-1]).__name__ == "Normalize"

    def counted(self) -> dict[str, int]:
        """What was done so far, by the names of `Counts`."""
        return vars(self.counts)

    def truncation(self) -> None:
        """Nobody counts what the library cuts."""

    def warnings(self) -> list[str]:
        """What the user should know, since this was last asked."""
        said, self._said = self._said, []
        return said

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The folder's similarity of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim, dot_score

        functions = {"cosine": cos_sim, "dot": dot_score}
        every = functions.get(self.model.similarity_fn_name, self.model.similarity)
        return every(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The folder's similarity of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        functions = {"cosine": pairwise_cos_sim, "dot": pairwise_dot_score}
        pairwise = functions.get(self.model.similarity_fn_name, self.model.similarity_pairwise)
        return pairwise(embeddings1, embeddings2)

    def _own_meta(self) -> Any:
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        similarity = self.model.similarity_fn_name
        if similarity not in SCORED:
            raise ModelError(
                f"{self.spec.label} compares vectors by the {similarity} distance "
                "(similarity_fn_name), which mteb does not score by.",
                f"similarity_fn_name = cosine or dot in {self.spec.folder}/{PROMPTS_CONFIG}",
            )
        return ModelMeta.create_empty(
            {
                "name": self.spec.name,
                "revision": self.spec.revision,
                "max_tokens": self.model.max_seq_length,
                "embed_dim": self.dimension,
                "n_parameters": sum(each.numel() for each in self.model.parameters()),
                "open_weights": True,
                "similarity_fn_name": ScoringFunction(similarity),
                "framework": ["Sentence Transformers", "PyTorch"],
            }
        )
