"""Endpoints: what is asked, what is stored, what is refused; the server is a real one."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import angle_bench
from angle_bench.checkpoints.endpoint.api_client import EmbeddingsApi, Patience
from angle_bench.checkpoints.endpoint.endpoint_ref import EndpointRef
from angle_bench.checkpoints.endpoint.probe import PROBES
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.errors import AngleBenchError, ModelError, UsageError
from angle_bench.evaluation.encoders.endpoint_encoder import EndpointEncoder, load_endpoint
from angle_bench.evaluation.encoders.endpoint_requests import (
    MOST_TEXTS,
    estimated_tokens,
    request_batches,
)
from angle_bench.evaluation.run.run_options import Computing
from tests.embeddings_server import KEY, EmbeddingsServer, by_hash, serving

TEXTS = [f"text number {number} {'word ' * (number % 7)}" for number in range(300)]
QUICK = Patience(tries=3, first=0.001, answer=5.0)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with serving(EmbeddingsServer()) as started:
        yield started


def encoder_of(server: EmbeddingsServer, store: MemoryStore | None = None) -> EndpointEncoder:
    made = load_endpoint(resolve(server.name), Computing(), store)
    made.patience = QUICK
    server.asked.clear()
    return made


def test_vectors_come_back_in_the_order_of_the_texts(server: EmbeddingsServer) -> None:
    with angle_bench.load(server.name) as encoder:
        found = encoder.encode([*TEXTS, TEXTS[3]])
        assert encoder.encode(TEXTS[5]).shape == (16,)
    np.testing.assert_array_equal(found, by_hash([*TEXTS, TEXTS[3]]))
    assert len([text for text in server.texts if text == TEXTS[3]]) == 1  # each text once


@pytest.mark.parametrize("fault", ["reordered", "floats", "429 0", "503", "cut"])
def test_what_passes_or_is_allowed_changes_no_vector(server: EmbeddingsServer, fault: str) -> None:
    with encoder_of(server) as encoder:
        server.faults += [fault, fault]
        np.testing.assert_array_equal(encoder.encode(TEXTS[:5]), by_hash(TEXTS[:5]))
    assert not server.faults or fault in ("reordered", "floats")
