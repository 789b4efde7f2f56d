"""Fixtures of the workers' tests: faults at hand, ray on the loopback address alone."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from angle_bench.encoding.workers.contract import Batch, Vectors
from tests.encoding.workers import kinds

FAULTS = Path(__file__).parent / "faults"

# ray reads them when it is imported: an address of its own, folders and a token of this process's
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(16)
os.environ["RAY_AUTH_MODE"] = "token"
os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[Path]:
    """Where ray keeps its sockets: their paths must be short, and no other process's."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def faults() -> Iterator[None]:
    """Let worker processes that start from now on know the faults."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FAULTS), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def ray_here(ray_folder: Path, faults: None) -> Iterator[None]:
    """A cluster of this machine; its processes get the environment that it starts in."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    ray.init(
        address="local",
        num_cpus=6,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=100 << 20,
    )
    yield
    assert ray.is_initialized()  # workers that did not connect do not disconnect
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(tiny_bert_once: Path) -> Path:
    """A tiny checkpoint."""
    return tiny_bert_once


@pytest.fixture(scope="module")
def asked() -> list[Batch]:
    """Batches of random texts."""
    return kinds.batches(20)


@pytest.fixture(scope="module")
def right(folder: Path, asked: list[Batch]) -> dict[int, Vectors]:
    """Their vectors, computed in this process."""
    return kinds.answers(kinds.inline(folder), asked)
