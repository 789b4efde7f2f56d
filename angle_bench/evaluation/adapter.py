"""A checkpoint as an encoder that mteb takes as it is, and that encodes a list of strings."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from angle_bench.encoding.encoder import Encoder, TextsDone
from angle_bench.encoding.store import Store, StoreIdentity
from angle_bench.encoding.workers.contract import Vectors
from angle_bench.encoding.workers.start import start
from angle_bench.errors import ModelError
from angle_bench.models import hub
from angle_bench.models.backbone import load_tokenizer, parameters_of, width_of
from angle_bench.models.content import content_hash
from angle_bench.models.known import mteb_models
from angle_bench.models.resolve import Overrides, resolve
from angle_bench.models.spec import ModelSpec


@dataclass
class MtebEncoder:
    """An encoder with the methods of mteb's `EncoderProtocol`.

    Attributes:
        spec: The checkpoint and its settings.
        encoder: What turns texts into vectors.
        parameters: How many the checkpoint has.
        done: Called with a number of texts whenever that many more are done.
        prompts_used: Templates by role, of the texts encoded since it was last cleared.
    """

    spec: ModelSpec
    encoder: Encoder
    parameters: int = 0
    done: TextsDone | None = None
    prompts_used: dict[str, str] = field(default_factory=dict)

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str | None = None,
        hf_subset: str | None = None,
        prompt_type: Any = None,
        role: str | None = None,
        **_: Any,
    ) -> Vectors:
        """Encode mteb's batches, or a list of strings.

        Args:
            inputs: A text, a sequence of texts, or mteb's DataLoader of batches with `text`.
            task_metadata: mteb's task, whose name and type choose the prompt.
            hf_split: Not needed; mteb passes it.
            hf_subset: Not needed; mteb passes it.
            prompt_type: mteb's role, `query` or `document`.
            role: The same for lists of strings.

        Returns:
            float32, (texts, dimension), in order; (dimension,) for a single text.
        """
        texts = [inputs] if isinstance(inputs, str) else _texts(inputs)
        role = role or (None if prompt_type is None else str(prompt_type.value))
        template = self.template(
            None if task_metadata is None else task_metadata.name,
            None if task_metadata is None else task_metadata.type,
            role,
        )
        self.prompts_used[role or "text"] = template
        vectors = self.encoder.encode(texts, template, self.done)
        return vectors[0] if isinstance(inputs, str) else vectors

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)

    def template(self, task: str | None, type_: str | None, role: str | None) -> str:
        """The prompt of a task and role."""
        return self.spec.required_settings().prompts.template_for(task, type_, role)

    def close(self) -> None:
        """End the workers; the next text that has to be computed starts them again."""
        self.encoder.close()

    @property
    def mteb_model_meta(self) -> Any:
        """The description of the model that mteb stores, with our revision and settings."""
        import mteb
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        if self.spec.name in mteb_models():
            meta = mteb.get_model_meta(self.spec.name)
        else:
            meta = ModelMeta.create_empty(
                {
                    "name": self.spec.name,
                    "n_parameters": self.parameters,
                    "open_weights": True,
                    "framework": ["PyTorch", "Transformers"],
                }
            )
        settings = self.spec.required_settings()
        settings_id = self.spec.settings_id
        return meta.model_copy(
            update={
                "revision": self.spec.revision,
                "max_tokens": float(settings.max_length),
                "embed_dim": self.encoder.dimension,
                "similarity_fn_name": ScoringFunction.COSINE,
                "experiment_kwargs": None if settings_id is None else {"settings": settings_id},
            }
        )


def _texts(inputs: Iterable[Any]) -> list[str]:
    """The texts of mteb's batches, or of any other iterable of strings."""
    texts: list[str] = []
    for item in inputs:
        texts += [item] if isinstance(item, str) else item["text"]
    return texts


def load_spec(
    spec: ModelSpec,
    device: str = "auto",
    batch_tokens: int | None = None,
    store: Store | None = None,
) -> MtebEncoder:
    """An encoder for a resolved checkpoint, downloading it if need be.

    The model itself is loaded by the workers, when the first vector has to be computed.

    Raises:
        ModelError: It cannot be loaded.
    """
    folder = spec.folder if spec.folder is not None else hub.fetch(spec.name, spec.revision)
    settings = spec.required_settings()
    content = content_hash(folder)
    _refuse_change(spec, content)
    parameters = parameters_of(folder)
    encoder = Encoder(
        tokenizer=load_tokenizer(folder),
        settings=settings,
        width=width_of(folder),
        start=lambda: start(folder, settings, device, parameters),
        batch_tokens=batch_tokens,
        store=store,
        identity=store_identity(spec, content),
    )
    return MtebEncoder(spec, encoder, parameters)


def store_identity(spec: ModelSpec, content: str) -> StoreIdentity:
    """Whose vectors a checkpoint's are in the store: the size they are cut to is left out."""
    settings = spec.required_settings().model_copy(update={"size": None})
    text = json.dumps(settings.canonical(), sort_keys=True, separators=(",", ":"))
    return StoreIdentity(content, text, f"{spec.label}@{spec.short_revision}")


def refuse_change(encoder: MtebEncoder) -> None:
    """The content must still be the one that the results will be stored under.

    Raises:
        ModelError: It is not.
    """
    if encoder.spec.folder is not None:
        _refuse_change(encoder.spec, content_hash(encoder.spec.folder))


def _refuse_change(spec: ModelSpec, content: str) -> None:
    if spec.revision.startswith("sha256-") and spec.revision != f"sha256-{content[:16]}":
        raise ModelError(
            f"the files of {spec.label} changed while it was being loaded.",
            "the same command once nothing writes to the folder any more",
        )


def load(
    name: str,
    *,
    device: str = "auto",
    pooling: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
    batch_tokens: int | None = None,
) -> MtebEncoder:
    """Load a checkpoint by name or path, with its authors' settings unless told otherwise.

    Args:
        name: `NAME-OR-PATH[@REVISION]`, as after `angle-bench run -m`.
        device: `auto`, `cpu`, `cpu:4`, `cuda`, `cuda:0,cuda:2`, `mps`.
        pooling: Another pooling: cls, mean, cls_avg, max, cls_max or last.
        max_length: Tokens a text is cut to.
        dtype: float32, bfloat16 or float16.
        batch_tokens: The most padded tokens of a batch.

    Returns:
        An encoder for `mteb.evaluate`, and for lists of strings:

        >>> encoder = load("all-MiniLM-L6-v2")
        >>> encoder.encode(["A man is eating.", "Someone eats."]).shape
        (2, 384)
    """
    spec = resolve(name, Overrides(pooling=pooling, max_length=max_length, dtype=dtype))
    if spec.loader == "mteb":
        raise ModelError(f"{spec.name} is loaded by mteb itself.", f"mteb.get_model({spec.name!r})")
    return load_spec(spec, device, batch_tokens)
