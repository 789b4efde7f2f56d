"""The encoders of a run, ours or of another library, and what each can say of itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.between import Between
from angle_bench.evaluation.options import Options
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from angle_bench.encoding.store_contract import Store

STORED = "stored vectors"


def load_encoders(
    specs: Sequence[ModelSpec],
    kept: "Store",
    between: Between,
    options: Options,
    progress: Progress,
) -> Sequence[Any]:
    """Encoders of one checkpoint in several layers, poolings and sizes, whoever computes them.

    Args:
        specs: The checkpoint in each of its settings; of a foreign one there is but one.
        kept: Where our vectors are kept.
        between: Workers that are there already.
        options: Where and with what it is computed.
        progress: Told of texts that are done.

    Raises:
        ModelError: It cannot be loaded.
    """
    from angle_bench.evaluation.quiet import quieten

    spec = specs[0]
    if spec.loader == "transformers" and spec.folder is None:
        # before the bars of other libraries are silenced: a download shows its own
        folder = hub.fetch(spec.name, spec.revision)
        specs = [each.model_copy(update={"folder": folder}) for each in specs]
    if spec.loader != "transformers":
        quieten()
        return [_foreign(spec, kept, options, progress)]
    from angle_bench.evaluation.loading import load_variants, refuse_change

    encoders = load_variants(specs, options.computing, kept, between)
    for encoder in encoders:
        encoder.done = progress.texts
    if fresh := not encoders[0].encoder.known():
        encoders[0].encoder.begin()  # the workers load while mteb is imported
    quieten()
    from angle_bench.evaluation import scoring  # noqa: F401  its import time is no task's time

    if fresh:
        _ = encoders[0].encoder.device  # whatever is wrong with the model is said now
        refuse_change(encoders[0])
    return encoders


def _foreign(spec: ModelSpec, kept: "Store", options: Options, progress: Progress) -> Any:
    """The encoder of another library."""
    from angle_bench.evaluation.foreign import devices_of, load_from_mteb, load_handed_over

    if spec.loader == "mteb":
        if len(devices := devices_of(options.computing.device)) > 1:
            progress.warning(f"mteb computes {spec.label} on one device, {devices[0]}.")
        return load_from_mteb(spec, options.computing.device)
    encoder = load_handed_over(spec, options.computing, kept)
    encoder.done = progress.texts
    _ = encoder.mteb_model_meta  # a similarity that mteb does not know is refused now
    return encoder


def device_of(encoder: Any) -> str:
    """Where its vectors came from so far."""
    if isinstance(encoder, SentenceEncoder):
        return encoder.device or STORED
    return str(getattr(encoder, "device", "device of mteb"))


def counts_of(encoder: Any) -> dict[str, int]:
    """What ours has done so far; nothing of others."""
    return encoder.counted() if isinstance(encoder, SentenceEncoder) else {}


def tell_warnings(encoder: Any, progress: Progress) -> None:
    """What went wrong with ours without stopping it."""
    if isinstance(encoder, SentenceEncoder):
        for warning in encoder.warnings():
            progress.warning(warning)
