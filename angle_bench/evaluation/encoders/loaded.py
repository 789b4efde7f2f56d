"""The encoders of a run, loaded: ours, or those of another library."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.machine import limited_address_space, prepare_for_little_memory
from angle_bench.evaluation.encoders.run_encoder import (
    ByEndpoint,
    ByLibrary,
    ByMteb,
    ByUs,
    ByWrapper,
    InsideMteb,
    RunEncoder,
)
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.run_options import Options
from angle_bench.quick_imports import quick_imports
from angle_bench.timeline import span

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store


def load_encoders(
    specs: Sequence[ModelSpec],
    kept: "Store",
    between: IdleWorkers,
    options: Options,
    progress: Progress,
) -> Sequence[RunEncoder]:
    """Encoders of one checkpoint in all its variants, whoever computes them.

    Args:
        specs: The checkpoint in each of its settings; of one of another library there is but one.
        kept: Where our vectors are kept.
        between: Workers that are there already.
        options: Where and with what it is computed.
        progress: Told of texts that are done.

    Raises:
        ModelError: It cannot be loaded.
    """
    if specs[0].loader == "transformers":
        return _ours(specs, kept, between, options, progress)
    between.close()
    prepare_for_little_memory()
    hub.state()  # sets HF_HUB_OFFLINE before huggingface_hub reads it
    from angle_bench.evaluation.quiet import quieten

    quieten()
    if specs[0].loader == "endpoint":
        return _of_endpoint(specs, kept, options, progress)
    if specs[0].loader == "mteb":
        return [_of_mteb(specs[0], kept, options, progress)]
    if specs[0].kind != "encoder":
        return [_wrapped(specs[0], options, progress)]
    return [_of_library(specs[0], kept, options, progress)]


def _ours(
    specs: Sequence[ModelSpec],
    kept: "Store",
    between: IdleWorkers,
    options: Options,
    progress: Progress,
) -> list[ByUs]:
    from angle_bench.evaluation.quiet import quieten

    prepare_for_little_memory()
    hub.state()  # sets HF_HUB_OFFLINE before huggingface_hub reads it
    if specs[0].folder is None:
        # before the bars of other libraries are silenced: a download shows its own
        folder = hub.fetch(specs[0].name, specs[0].revision)
        specs = [each.model_copy(update={"folder": folder}) for each in specs]
    from angle_bench.evaluation.encoders.load import load_variants, refuse_change

    encoders = load_variants(specs, options.computing, kept, between)
    for encoder in encoders:
        encoder.done = progress.texts
    if fresh := not encoders[0].encoder.known():
        encoders[0].encoder.begin()  # the workers load while mteb is imported
    quieten()
    meanwhile = not limited_address_space()  # else a worker meets the limit first, which is said
    if meanwhile:
        _import_for_scores()
    if fresh:
        with span("wait for the model"):
            _ = encoders[0].encoder.device  # whatever is wrong with the model is said now
        refuse_change(encoders[0])
    if not meanwhile:
        _import_for_scores()
    return [ByUs(encoder, variants=encoders) for encoder in encoders]


def _import_for_scores() -> None:
    """Import what scores need, while the workers load."""
    with quick_imports():
        import angle_bench.evaluation.scoring.score  # noqa: F401
        from angle_bench.checkpoints.loading import devices  # noqa: F401  torch; mteb needs it


def _of_mteb(spec: ModelSpec, kept: "Store", options: Options, progress: Progress) -> ByMteb:
    from angle_bench.evaluation.encoders.libraries.foreign import devices_of, load_from_mteb
    from angle_bench.evaluation.encoders.libraries.mteb_calls import KeptCalls

    model = load_from_mteb(spec, options.computing.device, kept)
    inside = getattr(model, "model", None)
    if isinstance(inside, KeptCalls):
        vars(inside).update(done=progress.texts)
        return InsideMteb(model, vectors=inside.vectors)
    progress.warning(f"mteb computes {spec.label} by code of its own: its vectors are not stored")
    if len(devices := devices_of(options.computing.device)) > 1:
        progress.warning(f"mteb computes {spec.label} on one device, {devices[0]}.")
    return ByMteb(model)


def _of_endpoint(
    specs: Sequence[ModelSpec], kept: "Store", options: Options, progress: Progress
) -> list[ByEndpoint]:
    from angle_bench.evaluation.encoders.endpoint_encoder import load_endpoint

    encoders = [load_endpoint(spec, options.computing, kept) for spec in specs]
    for encoder in encoders:
        encoder.done = progress.texts
    return [ByEndpoint(encoder, variants=encoders) for encoder in encoders]


def _wrapped(spec: ModelSpec, options: Options, progress: Progress) -> ByWrapper:
    from angle_bench.evaluation.encoders.libraries.foreign import devices_of
    from angle_bench.evaluation.encoders.libraries.mteb_wrappers import load_wrapped

    if len(devices := devices_of(options.computing.device)) > 1:
        progress.warning(f"{spec.label} is a {spec.kind}, computed on one device, {devices[0]}.")
    return ByWrapper(model=load_wrapped(spec, options.computing), spec=spec)


def _of_library(spec: ModelSpec, kept: "Store", options: Options, progress: Progress) -> ByLibrary:
    from angle_bench.evaluation.encoders.libraries.foreign import load_handed_over

    encoder = load_handed_over(spec, options.computing, kept)
    encoder.done = progress.texts
    _ = encoder.mteb_model_meta  # a similarity that mteb does not know is refused now
    return ByLibrary(encoder)
