"""A folder that sentence-transformers computes: its vectors, with our store, counts and checks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from angle_bench.checkpoints.folder.honoured import PROMPTS_CONFIG
from angle_bench.checkpoints.prompts import DOCUMENT_NAMES
from angle_bench.checkpoints.similarity import SCORED
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.templates import PLACEHOLDER
from angle_bench.encoding.encoder import TextsDone
from angle_bench.encoding.returned import Returned, cut
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.encode_arguments import ArgumentError, EncodeCall, prompt_named
from angle_bench.evaluation.encoders.libraries.library_vectors import LibraryCall, LibraryVectors
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder

# the prompts of a role, as encode_query and encode_document of sentence-transformers look for them
_OF_ROLE = {"query": ("query",), "document": DOCUMENT_NAMES}


@dataclass
class HandedOver(SentenceEncoder):
    """A SentenceTransformer under our name and revision.

    Attributes:
        spec: The folder; it has no settings of ours.
        vectors: What it computes; the model's `truncate_dim` is kept here instead.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it.
    """

    spec: ModelSpec
    vectors: LibraryVectors
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] | None = None

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
        asked = LibraryCall(prompt, call.role, call.batch_size)
        whole = self.vectors.of(texts, asked, done or (lambda _: None))
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

    def close(self) -> None:
        """End the processes; the next text that has to be computed starts them again."""
        self.vectors.close()

    @property
    def _widest(self) -> int:
        return self.vectors.width

    @property
    def stored_width(self) -> int:
        """The length of a vector in the store, where it is kept uncut; 0 where none is kept."""
        return 0 if self.vectors.static else self._widest

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return min(self._widest, self._truncate or self._widest)

    @property
    def model(self) -> Any:
        """The SentenceTransformer."""
        return self.vectors.model

    @property
    def device(self) -> str | None:
        """Where vectors are computed."""
        return self.vectors.where

    @property
    def attention(self) -> str:
        """The library chooses it."""
        return "chosen by sentence-transformers"

    @property
    def _normalizes(self) -> bool:
        return type(list(self.model.children())[-1]).__name__ == "Normalize"

    def counted(self) -> dict[str, int]:
        """What was done so far, by the names of `Counts`."""
        return vars(self.vectors.counts)

    def truncation(self) -> None:
        """Nobody counts what the library cuts."""

    def warnings(self) -> list[str]:
        """What the user should know, since this was last asked."""
        return self.vectors.warnings()

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The folder's similarity of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim, dot_score

        functions = {"cosine": cos_sim, "dot": dot_score}
        every = functions.get(self.model.similarity_fn_name) or self.model.similarity
        return every(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The folder's similarity of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        functions = {"cosine": pairwise_cos_sim, "dot": pairwise_dot_score}
        pairwise = functions.get(self.model.similarity_fn_name) or self.model.similarity_pairwise
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
