"""Options of a run other than models and suite. Values only."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from angle_bench.checkpoints.registry.mteb_models import has_own_code
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.workers.silence import check_timeout
from angle_bench.errors import ModelError, UsageError, or_list

DEFAULT_STORE_BYTES = 20 << 30
STORE_DTYPES = ("float32", "float16")


@dataclass(frozen=True)
class Computing:
    """How vectors are computed; none of it is part of an identity.

    Attributes:
        device: A device string, as `--device` takes it.
        batch_tokens: The most padded tokens of a batch; None measures it.
        ray: The address of a Ray cluster, `auto`, or None for worker processes.
        worker_timeout: Seconds without an answer after which a worker is ended; None waits.

    Raises:
        UsageError: The timeout is none.
    """

    device: str = "auto"
    batch_tokens: int | None = None
    ray: str | None = None
    worker_timeout: float | None = None

    def __post_init__(self) -> None:
        check_timeout(self.worker_timeout)


@dataclass(frozen=True)
class StoreOptions:
    """Where vectors are kept.

    Attributes:
        on: Whether they are kept beyond the process.
        folder: The cache folder; None is the user's.
        limit_bytes: What the vectors of all models may take.
        dtype: What they are kept as, float32 or float16; the latter rounds what is computed, too.

    Raises:
        UsageError: The dtype is neither, or nothing is kept.
    """

    on: bool = True
    folder: Path | None = None
    limit_bytes: int = DEFAULT_STORE_BYTES
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in STORE_DTYPES:
            raise UsageError(
                f"vectors are not kept as {self.dtype!r}, only as {or_list(list(STORE_DTYPES))}.",
                "--cache-dtype float16",
            )
        if self.dtype != "float32" and not self.on:
            raise UsageError(
                f"--no-cache keeps no vectors, in {self.dtype} or otherwise.",
                f"--cache-dtype {self.dtype} without --no-cache",
            )


@dataclass(frozen=True)
class Options:
    """Options of a run other than models and suite.

    Attributes:
        root: The results folder.
        mirror: Local data.
        computing: How vectors are computed.
        store_options: Where they are kept.
        overwrite: Whether stored scores are computed again.
        limit: How many samples of each split a smoke run takes; None is all.
        command: What was typed, for the records.
    """

    root: Path
    mirror: Path | None = None
    computing: Computing = field(default_factory=Computing)
    store_options: StoreOptions = field(default_factory=StoreOptions)
    overwrite: bool = False
    limit: int | None = None
    command: Sequence[str] = ()


def refuse_device_of_servers(specs: Sequence[ModelSpec], computing: Computing) -> None:
    """Refuse a device where servers compute all models; beside others it is for these.

    Raises:
        UsageError: One was asked for.
    """
    usual = ("auto", os.environ.get("ANGLE_BENCH_DEVICE", "auto"))
    if specs and all(spec.endpoint for spec in specs) and computing.device not in usual:
        raise UsageError(
            f"{specs[0].label} is computed by its server, whose device -d cannot choose.",
            f"the same command without -d {computing.device}",
        )


def refuse_unused_options(spec: ModelSpec, computing: Computing) -> None:
    """Refuse ways of computing that a library which is not ours has not.

    Raises:
        UsageError: One was asked for, and another library computes the model.
    """
    if spec.loader == "transformers":
        return
    ours: dict[str, object] = {"--ray": computing.ray}
    if spec.loader != "endpoint":  # whose requests they are for
        ours["--batch-tokens"] = computing.batch_tokens
        ours["--worker-timeout"] = computing.worker_timeout
    for option, given in ours.items():
        if given is not None:
            raise UsageError(
                f"{spec.label} is computed by {spec.computed_by}, which knows no {option}.",
                f"the same command without {option}",
            )
    if spec.loader == "model2vec":
        _refuse_for_static(spec, computing)
    if spec.loader == "mteb" and has_own_code(spec.name) and _several(computing.device):
        raise UsageError(
            f"{spec.label} is computed by code of its own in mteb, which knows one device, "
            f"not -d {computing.device}.",
            f"-d {computing.device.partition(',')[0].partition(':')[0]}",
        )


def refuse_no_vector(spec: ModelSpec) -> None:
    """Refuse a model of another kind than an encoder where vectors of texts are asked for.

    Raises:
        ModelError: It is a cross-encoder, or a sparse or multi-vector encoder.
    """
    if spec.kind != "encoder":
        raise ModelError(
            f"{spec.label} is a {spec.kind}, which does not give one dense vector for a text.",
            "angle-bench run, which scores it, or the folder of an encoder",
        )


def _refuse_for_static(spec: ModelSpec, computing: Computing) -> None:
    if find_spec("model2vec") is None:
        raise UsageError(
            f"{spec.label} has static embeddings, and model2vec is not installed.",
            "pip install 'angle-bench[static]'",
        )
    if computing.device not in ("auto", "cpu", "cpu:1"):
        raise UsageError(
            f"model2vec computes {spec.label} on all cores of one process, "
            f"not on -d {computing.device}.",
            "-d cpu",
        )


def _several(device: str) -> bool:
    """Whether more than one device is named; what `auto`, `cpu` and `cuda` are is seen later."""
    return "," in device or (device.startswith("cpu:") and device != "cpu:1")
