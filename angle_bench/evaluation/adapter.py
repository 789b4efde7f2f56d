"""A checkpoint as an encoder that mteb takes as it is, and that encodes a list of strings."""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.encoding.encoder import Encoder, TextsDone, cut
from angle_bench.encoding.store import Store, StoreIdentity
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.ray_connection import check_address
from angle_bench.encoding.workers.start import check_devices
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.between import Between
from angle_bench.evaluation.options import Computing
from angle_bench.models import hub
from angle_bench.models.access import Access
from angle_bench.models.config import shape_of
from angle_bench.models.content import content_hash
from angle_bench.models.folder import read_folder
from angle_bench.models.known import mteb_models
from angle_bench.models.overrides import Overrides
from angle_bench.models.place import Place
from angle_bench.models.resolve import resolve
from angle_bench.models.spec import ModelSpec, Output, Trust
from angle_bench.models.st_folder import dense_width
from angle_bench.models.variants import variants
from angle_bench.models.weights import parameters_of


@dataclass
class MtebEncoder:
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

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str | None = None,
        hf_subset: str | None = None,
        prompt_type: Any = None,
        role: str | None = None,
        embedding_start: int = 0,
        embedding_size: int | None = None,
        show_progress_bar: bool = False,
        **_: Any,
    ) -> Any:
        """Encode mteb's batches, or a list of strings.

        Args:
            inputs: A text, a sequence of texts, or mteb's DataLoader of batches with `text`.
            task_metadata: mteb's task, whose name and type choose the prompt.
            hf_split: Not needed; mteb passes it.
            hf_subset: Not needed; mteb passes it.
            prompt_type: mteb's role, `query` or `document`.
            role: The same for lists of strings.
            embedding_start: The first dimension to keep, as in angle-emb.
            embedding_size: How many to keep from there; None is all. What is kept is normalised
                again where the model normalises.
            show_progress_bar: Show a bar of the texts on stderr.

        Returns:
            float32, (texts, dimension), in order; (dimension,) for a single text. With the pooling
            `all` a list with (tokens, dimension) for each text.

        Raises:
            UsageError: There are no such dimensions.
            DataError: One of the texts is no string.
            ModelError: A vector is not finite, or a text does not fit into memory.
        """
        empty = embedding_size is not None and embedding_size < 1
        if empty or not 0 <= embedding_start < self.dimension:
            raise UsageError(
                f"there are no dimensions {embedding_start} to "
                f"{'the last' if embedding_size is None else embedding_start + embedding_size}.",
                f"a start from 0 to {self.dimension - 1}, and a size of 1 or more",
            )
        texts = [inputs] if isinstance(inputs, str) else _texts(inputs)
        role = role or (None if prompt_type is None else str(prompt_type.value))
        template = self.template(
            None if task_metadata is None else task_metadata.name,
            None if task_metadata is None else task_metadata.type,
            role,
        )
        self.prompts_used[role or "text"] = template
        settings = self.spec.required_settings()
        if settings.pooling == "all":
            if task_metadata is not None:
                raise UsageError(
                    f"{self.spec.label} has the pooling all, a vector of every token, not one.",
                    "pooling cls, mean or last",
                )
            return self._token_vectors(inputs, texts, template)
        with _bar(len(texts), show_progress_bar, self.done) as done:
            whole = self.encoder.encode(texts, template, done, self.output)
        self._tell_warnings()
        vectors = cut(whole, settings.normalize, 0, settings.size)
        vectors = cut(vectors, settings.normalize, embedding_start, embedding_size)
        return vectors[0] if isinstance(inputs, str) else vectors

    def _token_vectors(self, inputs: Any, texts: list[str], template: str) -> Any:
        settings = self.spec.required_settings()
        whole = self.encoder.tokens(texts, template)
        self._tell_warnings()
        vectors = [cut(each, settings.normalize, 0, settings.size) for each in whole]
        return vectors[0] if isinstance(inputs, str) else vectors

    def _tell_warnings(self) -> None:
        if self.warn is not None:
            for warning in self.encoder.warnings():
                self.warn(warning)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of every vector with every other, in float32."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of corresponding vectors, in float32."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.spec.required_settings().size or self.encoder.width

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
                    "n_parameters": self.checkpoint.parameters,
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
                "embed_dim": self.dimension,
                "similarity_fn_name": ScoringFunction.COSINE,
                "experiment_kwargs": None if settings_id is None else {"settings": settings_id},
            }
        )


@contextmanager
def _bar(total: int, shown: bool, done: TextsDone | None) -> Iterator[TextsDone | None]:
    """Who is told of texts that are done: a bar, or whoever is told anyway."""
    if not shown:
        yield done
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit="text", disable=False) as bar:
        yield bar.update


def _texts(inputs: Iterable[Any]) -> list[str]:
    """The texts of mteb's batches, or of any other iterable of strings."""
    column: list[Any] | None = _whole_column(inputs)
    if column is not None:
        return column
    texts: list[str] = []
    for item in inputs:
        texts += [item] if isinstance(item, str) else item["text"]
    return texts


def _whole_column(inputs: Any) -> list[Any] | None:
    """The text column under mteb's loader, read at once: row by row takes longer than scoring."""
    if type(getattr(inputs, "sampler", None)).__name__ != "SequentialSampler":
        return None  # no loader of torch, or one that shuffles
    import datasets

    rows = inputs.dataset
    if not isinstance(rows, datasets.Dataset) or rows.column_names != ["text"]:
        return None
    found: list[Any] = rows["text"][:]
    return found if all(isinstance(text, str) for text in found) else None


def load_spec(spec: ModelSpec, computing: Computing, store: Store | None = None) -> MtebEncoder:
    """An encoder for a resolved checkpoint (see `load_variants`)."""
    return load_variants([spec], computing, store)[0]


def load_variants(
    specs: Sequence[ModelSpec],
    computing: Computing,
    store: Store | None = None,
    between: Between | None = None,
) -> list[MtebEncoder]:
    """Encoders for one resolved checkpoint in several layers, poolings and sizes.

    They share one encoder, whose forward pass gives the vectors of all of them at once. The model
    itself is loaded by the workers, when the first vector has to be computed.

    Raises:
        ModelError: It cannot be loaded.
    """
    first = specs[0]
    place = place_of(first)
    content = content_hash(place.folder, place.base)
    _refuse_change(first, content)
    settings = first.required_settings()
    outputs = list(dict.fromkeys(spec.required_settings().output for spec in specs))
    checkpoint = Checkpoint(
        folder=place.folder,
        name=first.name,
        revision=first.revision,
        content=content,
        settings=settings,
        parameters=parameters_of(place.folder) + (parameters_of(place.base) if place.base else 0),
        outputs=tuple(outputs),
        base=place.base,
        base_content=None if place.base is None else content_hash(place.base),
        base_name=None if first.base is None or Path(first.base).is_dir() else first.base,
        trust=first.trust,
    )
    encoder = Encoder(
        load_tokenizer=lambda: _tokenizer(place),
        settings=settings,
        width=_width(first, place),
        start=lambda: (between or Between()).start(checkpoint, computing),
        batch_tokens=computing.batch_tokens,
        store=store if settings.kept else None,
        identities=[store_identity(first, content, output) for output in outputs],
    )
    return [
        MtebEncoder(spec, encoder, checkpoint, outputs.index(spec.required_settings().output))
        for spec in specs
    ]


def place_of(spec: ModelSpec) -> Place:
    """Where a checkpoint and its base are, downloaded if need be.

    Raises:
        ModelError: One of them is not here and cannot be fetched, or makes no checkpoint.
    """
    folder = spec.folder if spec.folder is not None else hub.fetch(spec.name, spec.revision)
    base = None if spec.base is None else Access().base_folder(spec.base, spec.label)
    read_folder(folder, base, spec.trust)  # says what is missing before anything is loaded
    return Place(folder, base, spec.trust)


def _tokenizer(place: Place) -> Any:
    from angle_bench.models.backbone import load_tokenizer  # brings torch

    return load_tokenizer(place)


def _width(spec: ModelSpec, place: Place) -> int:
    if dense := spec.required_settings().dense:
        return dense_width(place.folder, dense[-1])
    if (shape := shape_of(place.whole)) is not None:
        return shape.width
    from angle_bench.models.backbone import width_of  # brings torch

    return width_of(place.whole, place.trust)


def store_identity(spec: ModelSpec, content: str, output: Output) -> StoreIdentity:
    """Whose vectors an output's are in the store: the size they are cut to is left out."""
    settings = spec.required_settings().model_copy(update={"size": None, **output._asdict()})
    text = json.dumps(settings.canonical(), sort_keys=True, separators=(",", ":"))
    shown = "" if output.layer is None else f" layer {output.layer}"
    return StoreIdentity(content, text, f"{spec.label}@{spec.short_revision}{shown}")


def refuse_change(encoder: MtebEncoder) -> None:
    """The content must still be the one that the results will be stored under.

    Raises:
        ModelError: It is not.
    """
    spec = encoder.spec
    if spec.folder is not None:
        base = Path(spec.base) if spec.base is not None and Path(spec.base).is_dir() else None
        _refuse_change(spec, content_hash(spec.folder, base))


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
    pooling: str | int | None = None,
    prompt: str | None = None,
    prompts: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
    attention: str | None = None,
    compile: bool | None = None,
    bidirectional_start: int | None = None,
    quantization: str | None = None,
    merge_adapter: bool | None = None,
    prepare_sentence: bool | None = None,
    layer: int | None = None,
    size: int | None = None,
    batch_tokens: int | None = None,
    ray: str | None = None,
    base: str | Path | None = None,
    mirror: str | Path | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> MtebEncoder:
    """Load a checkpoint by name or path, with its authors' settings unless told otherwise.

    Its worker processes start with the first text and end with the encoder's `close`, or with
    this process. Vectors are kept nowhere; `angle-bench run` and `encode` keep them.

    Args:
        name: `NAME-OR-PATH[@REVISION]`, as after `angle-bench run -m`.
        device: `auto`, `cpu`, `cpu:4`, `cuda`, `cuda:0,cuda:2`, `mps`.
        pooling: Another pooling: cls, mean, cls_avg, max, cls_max, last, cls_avg_v0, the
            number of a token, or all for the vectors of all tokens.
        prompt: One prompt around every text: A, B, C, none, or a template that holds `{text}`.
        prompts: "mteb" for the prompts that mteb's own loader of this checkpoint uses.
        max_length: Tokens a text is cut to.
        dtype: float32, bfloat16 or float16.
        attention: sdpa, eager or flash_attention_2.
        compile: Whether torch compiles the model.
        bidirectional_start: The first layer of a decoder that also looks ahead (BiLLM), 0 for all.
        quantization: 8bit or 4bit, by bitsandbytes.
        merge_adapter: Whether an adapter is merged into its base.
        prepare_sentence: Whether sentences are prepared as the authors' STS script does.
        layer: The hidden states to pool, 0 the embeddings.
        size: The leading dimensions to keep.
        batch_tokens: The most padded tokens of a batch.
        ray: Encode on a Ray cluster: its address, or `auto`.
        base: The base of an adapter, where the recorded one is elsewhere.
        mirror: A folder with checkpoints under their hub ids.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.

    Returns:
        An encoder for `mteb.evaluate`, and for lists of strings:

        >>> encoder = load("all-MiniLM-L6-v2")
        >>> encoder.encode(["A man is eating.", "Someone eats."]).shape
        (2, 384)
        >>> encoder.close()
    """
    check_devices(device)
    if ray is not None:
        check_address(ray)
    changes = Overrides(
        pooling=pooling,
        max_length=max_length,
        dtype=dtype,
        attention=attention,
        compile=compile,
        bidirectional_start=bidirectional_start,
        prompt=prompt,
        prompts=prompts,
        quantization=quantization,
        merge_adapter=merge_adapter,
        prepare_sentence=prepare_sentence,
    )
    access = Access(
        base=None if base is None else str(base),
        mirror=None if mirror is None else Path(mirror),
        trust=Trust(remote_code=trust_remote_code, pickle=allow_pickle),
    )
    spec = resolve(name, changes, access)
    if spec.loader == "mteb":
        raise ModelError(f"{spec.name} is loaded by mteb itself.", f"mteb.get_model({spec.name!r})")
    if spec.loader != "transformers":
        what = f"{spec.name} is loaded by {spec.loader} itself."
        raise ModelError(what, f"SentenceTransformer({str(spec.folder)!r})")
    (variant,) = variants(spec, () if layer is None else (layer,), () if size is None else (size,))
    encoder = load_spec(variant, Computing(device, batch_tokens, ray))
    encoder.warn = warnings.warn
    return encoder
