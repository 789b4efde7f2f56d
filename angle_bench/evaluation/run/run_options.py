"""Options of a run other than models and suite. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

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


def refuse_unused_options(spec: ModelSpec, computing: Computing) -> None:
    """Refuse ways of computing that a library which is not ours has not.

    Raises:
        UsageError: One was asked for, and another library computes the model.
    """
    if spec.loader == "transformers":
        return
    ours = {
        "--ray": computing.ray,
        "--batch-tokens": computing.batch_tokens,
        "--worker-timeout": computing.worker_timeout,
    }
    for option, given in ours.items():
        if given is not None:
            raise UsageError(
                f"{spec.label} is computed by {spec.loader}, which knows no {option}.",
                f"the same command without {option}",
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
