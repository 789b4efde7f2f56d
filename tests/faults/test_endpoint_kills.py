"""Client and server of an endpoint are killed in turn: what was stored stays, and is right."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.interface import Store
from angle_bench.encoding.store.lmdb_store import open_store
from angle_bench.evaluation.encoders.endpoint_encoder import load_endpoint
from angle_bench.evaluation.run.run_options import Computing
from tests.conftest import TESTS
from tests.embeddings_server import by_hash

pytestmark = pytest.mark.process

SECONDS = 120.0  # without a new vector is a hang


class Killed:
    """A server, and clients that encode a file by it, each a process."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        self.folder, self.texts = folder, texts
        self.err = (folder / "client.err").open("ab")
        (folder / "texts.txt").write_text("".join(f"{text}\n" for text in texts))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.name = f"openai:tiny@http://127.0.0.1:{self.port}/v1"
        self.processes: list[subprocess.Popen[Any]] = []
        self.server = self.started_server()
        self.encoder = load_endpoint(resolve(self.name), Computing())

    def started_server(self) -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "tests.embeddings_server", "hash", str(self.port)]
        made = subprocess.Popen(words, cwd=TESTS.parent, stdout=subprocess.PIPE, text=True)
        self.processes.append(made)
        assert made.stdout is not None
        assert made.stdout.readline().startswith("http")
        return made

    def started_client(self) -> "subprocess.Popen[bytes]":
        words = ["encode", "texts.txt", "-m", self.name, "-o", "v.npy", "--overwrite"]
        made = subprocess.Popen(
            [sys.executable, "-m", "angle_bench", *words, "--cache-dir", "cache"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=self.err,
            env=dict(os.environ),
        )
        self.processes.append(made)
        return made

    def stored(self, store: Store) -> np.ndarray:
        """Which texts have a vector, each of which has to be the right one."""
        identity = self.encoder.identity
        found, vectors = store.get(identity, identity.keys(self.texts), 16)
        kept = [text for text, here in zip(self.texts, found, strict=True) if here]
        if kept:
            np.testing.assert_array_equal(vectors[found], by_hash(kept))
        return found

    def more(self, store: Store, before: int, client: "subprocess.Popen[bytes]") -> np.ndarray:
        """What is stored once it is more than before, or the client has ended."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = self.stored(store)
            if found.sum() > before or client.poll() is not None:
                return found
            time.sleep(0.02)  # another process writes: nothing here is told
        pytest.fail(f"no vector more than {before} in {SECONDS} s: {self.said()}")

    def said(self) -> str:
        return (self.folder / "client.err").read_text()


@contextmanager
def killed(folder: Path, texts: list[str]) -> Iterator[Killed]:
    made = Killed(folder, texts)
    try:
        yield made
    finally:
        made.err.close()
        for process in made.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def lose_nothing(folder: Path, kills: int) -> None:
    """Kill the client, then the server, and so on; then the whole file has to come out."""
    texts = [f"text {number}" for number in range(1200 * (kills + 1))]
    with killed(folder, texts) as rig, _opened(folder / "cache") as store:
        client = rig.started_client()
        before = np.zeros(len(texts), bool)
        for number in range(kills):
            here = rig.more(store, int(before.sum()), client)
            assert here[before].all()
            assert client.poll() is None, rig.said()
            before = here
            if number % 2:
                rig.server.kill()
                rig.server.wait()
                rig.server = rig.started_server()
            else:
                client.kill()
                client.wait()
                after = rig.stored(store)
                assert after[before].all()
                client = rig.started_client()
        assert client.wait(SECONDS) == 0, rig.said()
        assert rig.stored(store).all()
        np.testing.assert_array_equal(np.load(folder / "v.npy"), by_hash(texts))


@contextmanager
def _opened(cache: Path) -> Iterator[Store]:
    store = open_store(cache, 1 << 30, "float32")
    try:
        yield store
    finally:
        store.close()


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "own"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_two_kills_lose_no_stored_vector(tmp_path: Path) -> None:
    lose_nothing(tmp_path, 2)


@pytest.mark.long
def test_twenty_kills_lose_no_stored_vector(tmp_path: Path) -> None:
    lose_nothing(tmp_path, 20)
