"""A checkpoint as an encoder that mteb takes as it is, and that encodes a list of strings."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints.named_prompts import named_prompts
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.registry.mteb_models import mteb_models
from angle_bench.checkpoints.similarity import refuse_similarity
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.encoding.budget import WORTH_MEASURING
from angle_bench.encoding.encoder import Encoder, TextsDone
from angle_bench.encoding.long_texts import beginning
from angle_bench.encoding.returned import Returned, cut
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.errors import UsageError
from angle_bench.evaluation.encoders.encode_arguments import (
    ArgumentError,
    EncodeCall,
    call_template,
    prompt_named,
)
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from angle_bench.encoding.half_precision import FasterHalf


@dataclass
class MtebEncoder(SentenceEncoder):
    """An encoder with the methods of mteb's `EncoderProtocol`.

    Attributes:
        spec: The checkpoint and its settings.
        encoder: What turns texts into vectors; variants of one checkpoint share it.
        checkpoint: What its workers load.
        output: Which of the encoder's outputs is meant.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
        warn: Told after every call what went wrong without stopping it, such as a worker that died.
    """

    spec: ModelSpec
    encoder: Encoder
    checkpoint: Checkpoint
    output: int = 0
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] | None = None

    def _encoded(
        self, texts: list[str], call: EncodeCall, returned: Returned, done: TextsDone | None
    ) -> Any:
        settings = self.spec.required_settings()
        self._refuse_twice(returned)
        template = self._template(call)
        self.prompts_used[call.role or "text"] = template
        if settings.pooling == "all":
            self._refuse_all(call, returned)
            whole = self.encoder.tokens(texts, template)
        else:
            whole = [self.encoder.encode(texts, template, done, self.output)]
        if call.task is not None and settings.precision != "float32":
            # as mteb's wrapper: scikit-learn calculates otherwise with a tensor than with an array
            returned = replace(returned, kind="tensor")
        if returned.truncate is not None:  # comes before the checkpoint's own
            settings = settings.model_copy(update={"truncate_dim": None})
        found = [
            returned.of(own_size(each, settings), settings.normalize, settings.precision)
            for each in whole
        ]
        return found if settings.pooling == "all" else found[0]

    def _refuse_all(self, call: EncodeCall, returned: Returned) -> None:
        """Refuse what needs one vector for each text, and not one for each token."""
        if call.task is not None:
            raise UsageError(
                f"{self.spec.label} has the pooling all, a vector of every token, not one.",
                "a pooling such as cls, mean or last",
            )
        own = self.spec.required_settings().precision
        if {own, returned.precision} != {"float32"} or returned.kind == "list":
            raise ArgumentError(
                "the pooling all gives an array for each text, in float32.",
                "encode(texts) without precision and convert_to_numpy",
            )

    def _refuse_twice(self, returned: Returned) -> None:
        """Refuse to quantise vectors that the encoder has quantised."""
        own = self.spec.required_settings().precision
        if own != "float32" and returned.precision != "float32":
            raise ArgumentError(
                f"{self.spec.variant_label} gives vectors in {own}, which "
                f"precision={returned.precision!r} would quantise again.",
                "encode(texts) without precision, or angle_bench.load(…) without precision",
            )

    def _template(self, call: EncodeCall) -> str:
        """The prompt of a call: its own, the one that it names, or that of its task and role."""
        own = getattr(call.metadata, "prompt", None)
        if call.prompt is not None:
            policy = PromptPolicy(default=call_template(call.prompt))
            return policy.template_for(call.task, call.task_type, call.role, own)
        if call.prompt_name is not None:
            policy = self.spec.required_settings().prompts
            known = named_prompts(self.checkpoint.folder, policy)
            return prompt_named(call.prompt_name, known, self.spec.label)
        return self.template(call.task, call.task_type, call.role, own)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The checkpoint's similarity of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim, dot_score

        every = dot_score if self._scoring() == "dot" else cos_sim
        return every(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The checkpoint's similarity of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        pairwise = pairwise_dot_score if self._scoring() == "dot" else pairwise_cos_sim
        return pairwise(embeddings1, embeddings2)

    def _scoring(self) -> str:
        """The similarity that mteb scores by.

        Raises:
            UsageError: mteb has none of that name.
        """
        similarity = self.spec.required_settings().similarity
        refuse_similarity(self.spec.label, similarity)
        return similarity

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        settings = self.spec.required_settings()
        kept = min(self.encoder.width, settings.truncate_dim or self.encoder.width)
        return settings.size or kept

    @property
    def stored_width(self) -> int:
        """The length of a vector in the store, where it is kept uncut."""
        return self.encoder.width

    @property
    def _widest(self) -> int:
        return self.spec.required_settings().size or self.encoder.width

    def template(
        self,
        task: str | None,
        type_: str | None,
        role: str | None,
        instruction: Any = None,
    ) -> str:
        """The prompt of a task and role; an instruction is that of a task which mteb lacks."""
        prompts = self.spec.required_settings().prompts
        return prompts.template_for(task, type_, role, instruction)

    @property
    def device(self) -> str | None:
        """Where vectors are computed; None as long as none had to be."""
        return self.encoder.device

    @property
    def attention(self) -> str:
        """The attention that vectors are computed with, as far as that is known by now."""
        return self.encoder.attention

    def counted(self) -> dict[str, int]:
        """What was done so far, by the names of `Counts`."""
        return vars(self.encoder.counts)

    def truncation(self) -> str | None:
        """How many texts were cut, in a sentence; None where none was."""
        return self.encoder.truncation()

    def faster_half(self) -> "FasterHalf | None":
        """The half precision that would have computed the texts so far faster, if one would."""
        encoder = self.encoder
        asked = encoder.device == "cpu" and encoder.settings.dtype == "float32"
        if not asked or encoder.counts.forwarded < WORTH_MEASURING:
            return None
        from angle_bench.encoding.half_precision import faster_half

        return faster_half(encoder.width)

    def _whole_is_tokenised(self, text: str) -> bool:
        side = self.encoder.tokenizer.truncation_side
        return side != "right" or beginning(text, self.encoder.settings.max_length, 0) is None

    def warnings(self) -> list[str]:
        """What went wrong without stopping the work, since this was last asked."""
        return self.encoder.warnings()

    def close(self) -> None:
        """End the workers; the next text that has to be computed starts them again."""
        self.encoder.close()

    def _own_meta(self) -> Any:
        """With our revision and settings."""
        import mteb
        from mteb.models.model_meta import ModelMeta, ScoringFunction
        from mteb.types import OutputDType

        if self.spec.name in mteb_models():
            meta = mteb.get_model_meta(self.spec.name)
        else:
            meta = ModelMeta.create_empty(
                {
                    "name": self.spec.name,
                    "n_parameters": self.checkpoint.parameters,
                    "open_weights": True,
                    "framework": ["PyTorch", "Transformers"],
                }
            )
        settings = self.spec.required_settings()
        settings_id = self.spec.settings_id
        scored = settings.precision
        return meta.model_copy(
            update={
                **({} if scored == "float32" else {"output_dtypes": [OutputDType(scored)]}),
                "revision": self.spec.revision,
                "max_tokens": float(settings.max_length),
                "embed_dim": self.dimension,
                "similarity_fn_name": ScoringFunction(self._scoring()),
                "experiment_kwargs": None if settings_id is None else {"settings": settings_id},
            }
        )


def own_size(whole: Vectors, settings: Settings) -> Vectors:
    """Vectors in the dimensions that a checkpoint keeps, and the size that is asked of it.

    Args:
        whole: As the model gives them, (texts, width).
        settings: Its `truncate_dim` is cut as sentence-transformers does, without another
            normalisation; its `size` is normalised again where the model normalises.
    """
    kept = cut(whole, False, 0, settings.truncate_dim)
    return cut(kept, settings.normalize, 0, settings.size)
