"""From what is typed after -d to running workers."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from angle_bench.encoding.machine import available_memory, cores
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Workers
from angle_bench.encoding.workers.local import LocalWorkers
from angle_bench.encoding.workers.process_start import can_fork
from angle_bench.encoding.workers.silence import Patience
from angle_bench.errors import ModelError, UsageError

WORKER_BYTES = 700 << 20  # an interpreter with torch and transformers, and a batch
MEMORY_SHARE = 0.8

_DEVICE = re.compile(r"auto|cpu(:[1-9]\d*)?|mps|cuda(:\d+)?")
# what stands in /dev where an accelerator does: torch need not be imported to see that none does
_ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True)
class WorkerPlaces:
    """Where workers run.

    Attributes:
        devices: A device for each worker.
        threads: Threads of each; 0 leaves it to torch.
        may_shrink: Whether fewer workers with more threads would be as welcome.
    """

    devices: tuple[str, ...]
    threads: int = 0
    may_shrink: bool = False


def check_devices(text: str) -> list[str]:
    """The devices of `-d`, taken apart.

    Raises:
        UsageError: One of them cannot be a device.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _DEVICE.fullmatch(name):
            raise UsageError(
                f"there is no device {name or text!r}.",
                "-d auto, cpu, cpu:4, cuda, cuda:0,cuda:2 or mps",
            )
    if len(names) > 1 and any(name == "auto" or name.startswith("cpu") for name in names):
        raise UsageError(
            f"-d {text} mixes a CPU or auto with other devices.", "-d cuda:0,cuda:1, or -d cpu:4"
        )
    return names


def places(text: str, weights: int, shared: bool = False) -> WorkerPlaces:
    """The workers that `-d` means on this machine.

    Args:
        text: `auto`, `cpu`, `cpu:4`, `cuda`, `cuda:0,cuda:2`, `mps`.
        weights: Bytes of the weights as they are computed with: a CPU gets no more workers than
            memory holds.
        shared: Whether workers on a CPU have one copy of them.

    Raises:
        UsageError: It cannot be a device.
        ModelError: A device is not here.
    """
    names = check_devices(text)
    if names == ["auto"] and not has_accelerator():
        names = ["cpu"]
    if names == ["cpu"]:
        return WorkerPlaces(("cpu",) * most_processes(weights, shared), 1, may_shrink=True)
    if names[0].startswith("cpu:"):
        count = int(names[0].partition(":")[2])
        return WorkerPlaces(("cpu",) * count, max(1, cores() // count))
    from angle_bench.checkpoints.loading.devices import accelerators

    found = accelerators()
    if names == ["auto"]:
        return WorkerPlaces(tuple(found)) if found else places("cpu", weights, shared)
    if names == ["cuda"]:
        names = [name for name in found if name.startswith("cuda")] or names
    names = ["cuda:0" if name == "cuda" else name for name in names]
    if absent := [name for name in names if name not in found]:  # asked without a GPU context here
        seen = ", ".join(found) or "no accelerator"
        raise ModelError(f"there is no {absent[0]} here; torch sees {seen}.", "-d auto, or -d cpu")
    return WorkerPlaces(tuple(names))


def has_accelerator() -> bool:
    """Whether there may be one here; torch is not asked."""
    return sys.platform != "linux" or any(Path(name).exists() for name in _ACCELERATORS)


def most_processes(weights: int, shared: bool = False) -> int:
    """How many one-thread processes the cores and the memory allow.

    Args:
        weights: Bytes of the weights as they are computed with.
        shared: Whether all processes have one copy of them.
    """
    memory = available_memory()
    if memory is None:
        return cores()
    once, each = (weights, WORKER_BYTES) if shared else (0, weights + WORKER_BYTES)
    return max(1, min(cores(), int((MEMORY_SHARE * memory - once) // each)))


def start(checkpoint: Checkpoint, text: str, patience: Patience) -> Workers:
    """Start the workers that `-d` means; they load at once.

    Args:
        checkpoint: What they load.
        text: What was typed.
        patience: How long one of them may be silent.
    """
    where = places(text, checkpoint.bytes, can_fork(checkpoint, ("cpu", "cpu")))
    return LocalWorkers(checkpoint, where.devices, where.threads, where.may_shrink, patience)
