"""A model behind an endpoint: its server's vectors, with our prompts, store, counts and checks."""

import json
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from angle_bench.checkpoints.endpoint.api_client import EmbeddingsApi, Retries
from angle_bench.checkpoints.endpoint.endpoint import Endpoint
from angle_bench.checkpoints.endpoint.endpoint_ref import EndpointRef
from angle_bench.checkpoints.endpoint.probe import PROBES, unpacked
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.templates import render
from angle_bench.encoding.encoder import EncodeCounts, TextsDone
from angle_bench.encoding.pending import Pending
from angle_bench.encoding.plan import deduplicate
from angle_bench.encoding.returned import Returned
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.encode_arguments import EncodeCall, call_template, prompt_named
from angle_bench.evaluation.encoders.endpoint_requests import (
    MOST_TOKENS,
    refuse_other_answer,
    requested,
)
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
from angle_bench.evaluation.run.run_options import Computing, refuse_unused_options

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store

STORE_SECONDS = 1.0  # that vectors wait to be stored: they may be paid, so few are lost to a kill


@dataclass
class EndpointEncoder(SentenceEncoder):
    """An OpenAI-compatible endpoint under our name and revision.

    Attributes:
        spec: The endpoint, and what is asked of it.
        endpoint: The same, as `spec` has it.
        retries: How long a request is tried again.
        batch_tokens: The most tokens of a request, as they are estimated.
        store: Where vectors are kept, if anywhere.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it.
        counts: What was done so far; tokens as the server counts them.
    """

    spec: ModelSpec
    endpoint: Endpoint
    retries: Retries = field(default_factory=Retries)
    batch_tokens: int = MOST_TOKENS
    store: "Store | None" = None
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] | None = None
    counts: EncodeCounts = field(default_factory=EncodeCounts)
    _end: Any = None

    def _encoded(
        self, texts: list[str], call: EncodeCall, returned: Returned, done: TextsDone | None
    ) -> Any:
        template = self._template(call)
        self.prompts_used[call.role or "text"] = template
        self.counts.texts += len(texts)
        sent = [render(template, text) for text in texts] if template else texts
        return returned.of(self._vectors(sent, done or _nobody), self.endpoint.normalizes)

    def _template(self, call: EncodeCall) -> str:
        """The prompt of a call: its own, or that of its task and role."""
        own = getattr(call.metadata, "prompt", None)
        if call.prompt_name is not None and call.prompt is None:
            return prompt_named(call.prompt_name, {}, self.spec.label)
        policy = self.endpoint.prompts
        if call.prompt is not None:
            policy = PromptPolicy(default=call_template(call.prompt))
        return policy.template_for(call.task, call.task_type, call.role, own)

    def _vectors(self, texts: list[str], done: TextsDone) -> Vectors:
        """float32, (texts, size): from the store, else asked for, each distinct text once."""
        unique, place = deduplicate(texts)
        copies = np.bincount(place, minlength=len(unique))
        found = np.zeros(len(unique), bool)
        vectors = np.zeros((len(unique), self.endpoint.size), np.float32)
        if self.store is not None:
            keys = self.identity.keys(unique)
            found, vectors = self.store.get(self.identity, keys, self.endpoint.size)
            self.store.touch(self.identity)
        missing = np.flatnonzero(~found)
        self.counts.stored += len(unique) - len(missing)
        done(int(copies[found].sum()))
        lacking = [unique[i] for i in missing]
        pending = Pending(self.store, [self.identity], lacking, STORE_SECONDS)
        try:
            for places, answer in self._asked(lacking):
                computed = answer.vectors
                if self.store is not None:
                    computed = self.store.rounded(computed)
                vectors[missing[places]] = computed
                pending.add(places, computed[:, None])
                self.counts.forwarded += len(places)
                self.counts.tokens += answer.tokens or 0
                done(int(copies[missing[places]].sum()))
        finally:
            pending.flush()  # what is computed is kept, whatever ended the work
        return vectors[place]

    def _asked(self, texts: list[str]) -> Any:
        return requested(self._api, texts, self.batch_tokens, self._probe) if texts else ()

    @cached_property
    def identity(self) -> StoreIdentity:
        """Whose vectors they are in the store; the prompt is part of each text."""
        asked = {"loader": self.spec.loader, "dimensions": self.endpoint.dimensions}
        return StoreIdentity(
            self.spec.revision,
            json.dumps(asked, sort_keys=True),
            f"{self.spec.variant_label}@{self.spec.short_revision}",
        )

    @property
    def _ref(self) -> EndpointRef:
        return EndpointRef(self.endpoint.model, self.endpoint.url)

    @cached_property
    def _api(self) -> EmbeddingsApi:
        opened = EmbeddingsApi(self._ref, self.endpoint.dimensions, self.retries)
        # an encoder that is forgotten leaves no connection
        self._end = weakref.finalize(self, opened.close)
        return opened

    @cached_property
    def _probe(self) -> Vectors:
        """The vector of the first probe text in the dimensions that are asked for, (1, size).

        Raises:
            ModelError: The server gives others, or is another model by now.
        """
        whole = unpacked(self.endpoint.probe)[:1]
        if self.endpoint.dimensions is None:
            return whole
        with EmbeddingsApi(self._ref, None, self.retries) as api:  # it may have changed by now
            refuse_other_answer(api, api.submit(PROBES[:1]).result().vectors, whole)
        found = self._api.submit(PROBES[:1]).result().vectors
        if found.shape[1] != self.endpoint.dimensions:
            raise ModelError(
                f"{self.endpoint.typed} was asked for {self.endpoint.dimensions} dimensions, and "
                f"gives {found.shape[1]}.",
                "the same command without --sizes, or with a server that knows dimensions",
            )
        return found

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.endpoint.size

    @property
    def stored_width(self) -> int:
        """The length of a vector in the store."""
        return self.endpoint.size

    @property
    def _widest(self) -> int:
        return self.endpoint.size

    @property
    def device(self) -> str | None:
        """The server, once it was asked for a vector."""
        return self.endpoint.url if self.counts.forwarded else None

    @property
    def attention(self) -> str:
        """Nobody says it."""
        return "chosen by the server"

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The cosine of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The cosine of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)

    def counted(self) -> dict[str, int]:
        """What was done so far, by the names of `Counts`."""
        return vars(self.counts)

    def truncation(self) -> str | None:
        """None: the server does not say what it cuts."""
        return None

    def warnings(self) -> list[str]:
        """Nothing: what goes wrong stops the work."""
        return []

    def close(self) -> None:
        """End the connections; the next text that has to be computed opens them again."""
        if self._end is not None:
            self._end()
            self._end = None
            del self._api

    def _own_meta(self) -> Any:
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        settings_id = self.spec.settings_id
        return ModelMeta.create_empty(
            {
                "name": self.spec.name,
                "revision": self.spec.revision,
                "embed_dim": self.dimension,
                "similarity_fn_name": ScoringFunction("cosine"),
                "framework": ["API"],
                "experiment_kwargs": None if settings_id is None else {"settings": settings_id},
            }
        )


def load_endpoint(
    spec: ModelSpec, computing: Computing, store: "Store | None" = None
) -> EndpointEncoder:
    """The encoder of an endpoint; its server is asked when the first vector is missing.

    Raises:
        UsageError: A way of computing was asked for that no endpoint has.
    """
    refuse_unused_options(spec, computing)
    assert spec.endpoint is not None
    retries = Retries(answer=computing.worker_timeout or Retries.answer)
    return EndpointEncoder(
        spec, spec.endpoint, retries, computing.batch_tokens or MOST_TOKENS, store
    )


def _nobody(_: int) -> None:
    """Nobody watches."""
