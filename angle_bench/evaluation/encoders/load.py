"""From a checkpoint to its encoders, which load the model when the first vector is computed."""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import shape_of
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.folder.st_folder import dense_width
from angle_bench.checkpoints.folder.weights import parameters_of
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Output
from angle_bench.checkpoints.variants import variants
from angle_bench.encoding.encoder import Encoder
from angle_bench.encoding.store.interface import Store, StoreIdentity
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.ray.connection import check_address
from angle_bench.encoding.workers.silence import check_timeout
from angle_bench.encoding.workers.start import check_devices
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.run.run_options import Computing, refuse_device_of_servers


def load_any(
    spec: ModelSpec,
    computing: Computing,
    store: Store | None = None,
    say: Callable[[str], None] | None = None,
) -> SentenceEncoder:
    """An encoder for a checkpoint that is computed here, by sentence-transformers or a server.

    Args:
        spec: The checkpoint.
        computing: How it is computed.
        store: Where its vectors are kept.
        say: Told at once of a worker that says nothing.
    """
    if spec.loader == "transformers":
        return load_variants([spec], computing, store, IdleWorkers(say))[0]
    if spec.loader == "endpoint":
        from angle_bench.evaluation.encoders.endpoint_encoder import load_endpoint

        return load_endpoint(spec, computing, store)
    from angle_bench.evaluation.encoders.libraries.foreign import load_handed_over

    return load_handed_over(spec, computing, store)


def load_variants(
    specs: Sequence[ModelSpec],
    computing: Computing,
    store: Store | None = None,
    between: IdleWorkers | None = None,
) -> list[MtebEncoder]:
    """Encoders for one resolved checkpoint in several layers, poolings, sizes and precisions.

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
        width=vector_width(first, place),
        start=lambda: (between or IdleWorkers()).start(checkpoint, computing),
        batch_tokens=computing.batch_tokens,
        store=store if settings.kept else None,
        identities=[store_identity(first, content, output) for output in outputs],
    )
    return [
        MtebEncoder(spec, encoder, checkpoint, outputs.index(spec.required_settings().output))
        for spec in specs
    ]


def place_of(spec: ModelSpec) -> CheckpointPaths:
    """Where a checkpoint and its base are, downloaded if need be.

    Raises:
        ModelError: One of them is not here and cannot be fetched, or makes no checkpoint.
    """
    folder = spec.folder if spec.folder is not None else hub.fetch(spec.name, spec.revision)
    base = None if spec.base is None else LoadOptions().base_folder(spec.base, spec.label, folder)
    read_folder(folder, base, spec.trust)  # says what is missing before anything is loaded
    return CheckpointPaths(folder, base, spec.trust)


def _tokenizer(place: CheckpointPaths) -> Any:
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer

    return load_tokenizer(place)


def vector_width(spec: ModelSpec, place: CheckpointPaths) -> int:
    """The length of a checkpoint's vectors, before any cut."""
    if dense := spec.required_settings().dense:
        return dense_width(place.folder, dense[-1])
    if (shape := shape_of(place.whole)) is not None:
        return shape.width
    from angle_bench.checkpoints.loading.backbone import width_of

    return width_of(place.whole, place.trust)


def store_identity(spec: ModelSpec, content: str, output: Output) -> StoreIdentity:
    """Whose vectors an output's are in the store: what they are cut to is left out."""
    # vectors are kept uncut, in float32
    whole = {"size": None, "truncate_dim": None, "similarity": "cosine", "precision": "float32"}
    settings = spec.required_settings().model_copy(update={**whole, **output._asdict()})
    said = settings.canonical()
    if settings.include_prompt:
        del said["include_prompt"]  # which vectors that were stored before it was there lack
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    shown = "" if output.layer is None else f" layer {output.layer}"
    return StoreIdentity(content, text, f"{spec.label}@{spec.short_revision}{shown}")


def refuse_change(encoder: SentenceEncoder) -> None:
    """The content must still be the one that the results will be stored under.

    Raises:
        ModelError: The files changed since loading.
    """
    refuse_changed_files(encoder.spec)


def refuse_changed_files(spec: ModelSpec) -> None:
    """The content must still be the one that the results will be stored under.

    Raises:
        ModelError: The files changed since loading.
    """
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
    name: str | os.PathLike[str],
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
    include_prompt: bool | None = None,
    prepare_sentence: bool | None = None,
    similarity: str | None = None,
    layer: int | None = None,
    size: int | None = None,
    precision: str | None = None,
    batch_tokens: int | None = None,
    ray: str | None = None,
    worker_timeout: float | None = None,
    base: str | Path | None = None,
    mirror: str | Path | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> SentenceEncoder:
    """Load a checkpoint by name or path, with its authors' settings unless told otherwise.

    Its worker processes start with the first text and end with the encoder's `close`, or with
    this process. Vectors are kept nowhere; `angle-bench run` and `encode` keep them.

    Args:
        name: `NAME-OR-PATH[@REVISION]`, as after `angle-bench run -m`.
        device: `auto`, `cpu`, `cpu:4`, `cuda`, `cuda:0,cuda:2`, `mps`.
        pooling: Another pooling by its name, as `--pooling` takes it, the number of a token, or all
            for the vectors of all tokens.
        prompt: One prompt around every text: A, B, C, none, or a template that holds `{text}`.
        prompts: "mteb" for the prompts that mteb's own loader of this checkpoint uses.
        max_length: Tokens a text is cut to.
        dtype: float32, bfloat16 or float16.
        attention: sdpa, eager or flash_attention_2.
        compile: Whether torch compiles the model.
        bidirectional_start: The first layer of a decoder that also looks ahead (BiLLM), 0 for all.
        quantization: 8bit or 4bit, by bitsandbytes.
        merge_adapter: Whether an adapter is merged into its base.
        include_prompt: Whether the tokens of what stands before a text are pooled, too.
        prepare_sentence: Whether sentences are prepared as the authors' STS script does.
        similarity: How mteb compares vectors: cosine or dot.
        layer: The hidden states to pool, 0 the embeddings.
        size: The leading dimensions to keep.
        precision: What vectors are quantised to: float32, int8 or binary, as float32 numbers that
            mteb scores. The ranges of int8 are those of the texts of a call.
        batch_tokens: The most padded tokens of a batch.
        ray: Encode on a Ray cluster: its address, or `auto`.
        worker_timeout: Seconds without an answer after which a worker is ended and its work
            given to the others; None waits, with a warning.
        base: The base of an adapter, where the recorded one is elsewhere.
        mirror: A folder with checkpoints under their hub ids.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.

    Returns:
        An encoder for `mteb.evaluate`, and for lists of strings.

    Examples:
        >>> with load("all-MiniLM-L6-v2") as encoder:
        ...     encoder.encode(["A man is eating.", "Someone eats."]).shape
        (2, 384)
    """
    check_devices(device)
    check_timeout(worker_timeout)
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
        include_prompt=include_prompt,
        prepare_sentence=prepare_sentence,
        similarity=similarity,
    )
    access = LoadOptions.of(base, mirror, trust_remote_code, allow_pickle)
    spec = resolve(os.fspath(name), changes, access)
    if spec.loader == "mteb":
        raise ModelError(f"{spec.name} is loaded by mteb itself.", f"mteb.get_model({spec.name!r})")
    (variant,) = variants(
        spec,
        () if layer is None else (layer,),
        () if size is None else (size,),
        () if precision is None else (precision,),
    )
    computing = Computing(device, batch_tokens, ray, worker_timeout)
    refuse_device_of_servers([variant], computing)
    encoder = load_any(variant, computing, say=warnings.warn)
    encoder.warn = warnings.warn
    return encoder
