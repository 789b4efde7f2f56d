"""What the workers' tests share: batches, right answers, workers of every kind."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.spec import Output
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.contract import Batch, Vectors, Workers
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.encoding.workers.local import LocalWorkers
from tests.encoding.encoders import assert_close

IDS = (5, 100)  # token ids of words and letters
GUARD_SECONDS = 60.0


def batch(number: int, *texts: Sequence[int]) -> Batch:
    lengths = np.array([len(text) for text in texts], np.int32)
    return Batch(number, np.concatenate([np.array(text, np.int32) for text in texts]), lengths)


def batches(count: int, seed: int = 0, texts: int = 6) -> list[Batch]:
    """Batches of random texts of 1 to 30 tokens."""
    random = np.random.default_rng(seed)
    return [
        batch(number, *(random.integers(*IDS, random.integers(1, 31)) for _ in range(texts)))
        for number in range(count)
    ]


def inline(folder: Path) -> InlineWorker:
    settings = read_folder(folder).settings
    return InlineWorker(
        Forward(load_backbone(CheckpointPaths(folder), settings, torch.device("cpu")), settings)
    )


def local(folder: Path, count: int, fork: bool = True) -> LocalWorkers:
    return LocalWorkers(checkpoint(folder), ["cpu"] * count, threads=1, fork=fork)


def checkpoint(folder: Path, layers: tuple[int | None, ...] = ()) -> Checkpoint:
    settings = read_folder(folder).settings
    return Checkpoint(
        folder=folder,
        name=f"local/{folder.name}",
        revision="sha256-0",
        content=content_hash(folder),
        settings=settings,
        parameters=10_000,
        outputs=tuple(Output(layer, settings.pooling) for layer in layers),
    )


def on_ray(folder: Path, devices: str = "cpu:2") -> Workers:
    from angle_bench.encoding.workers.ray.ray_workers import start_ray

    return start_ray("auto", checkpoint(folder), devices)


KINDS: dict[str, Callable[[Path], Workers]] = {
    "inline": inline,
    "local-1": lambda folder: local(folder, 1),
    "forked-2": lambda folder: local(folder, 2),
    "local-2": lambda folder: local(folder, 2, fork=False),
    "ray": on_ray,
}


def answers(workers: Workers, asked: Iterable[Batch]) -> dict[int, Vectors]:
    """The vectors of a run by batch, each of which must be answered once."""
    found: dict[int, Vectors] = {}
    for number, vectors in workers.run(asked):
        assert number not in found
        found[number] = vectors
    return found


def assert_same(found: dict[int, Vectors], right: dict[int, Vectors]) -> None:
    assert found.keys() == right.keys()
    for number, vectors in right.items():
        assert_close(found[number], vectors)


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_gone(pids: Iterable[int]) -> None:
    end = time.monotonic() + GUARD_SECONDS
    left = [pid for pid in pids if not gone(pid)]
    while left and time.monotonic() < end:
        time.sleep(0.05)  # a process tells its end to nobody but its parent
        left = [pid for pid in left if not gone(pid)]
    assert not left
