"""A server of somebody else: infinity over all-MiniLM-L6-v2, in an environment of its own."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import angle_bench
from benchmarks.core import SkipBenchmark
from benchmarks.environments import environment_of
from tests.conftest import Cli

pytestmark = [pytest.mark.process, pytest.mark.long]

WANTED = ("infinity-emb[torch,server]==0.0.78", "torch==2.13.0")
TEXTS = ["A man is eating.", "機械学習", "", " spaces ", "long " * 400, "line\nbreak"]


@pytest.fixture(scope="module")
def url(minilm: Path) -> Iterator[str]:
    """Where it answers."""
    try:
        python = environment_of("infinity", *WANTED)
    except SkipBenchmark as reason:
        pytest.skip(str(reason))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(python.with_name("infinity_emb")), "v2", "--model-id", str(minilm)]
    words += ["--served-model-name", "minilm", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--url-prefix", "/v1", "--device", "cpu", "--engine", "torch", "--no-model-warmup"]
    with subprocess.Popen(
        [*words, "--no-bettertransformer"],
        env=os.environ | {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if re.search(r"running on http://127\.0\.0\.1", line):
                break
        else:
            pytest.fail("".join(said))
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_its_vectors_are_those_of_the_checkpoint(url: str, minilm: Path) -> None:
    with angle_bench.load(f"openai:minilm@{url}") as there, angle_bench.load(str(minilm)) as here:
        np.testing.assert_allclose(there.encode(TEXTS), here.encode(TEXTS), atol=2e-6)


def test_the_scores_are_those_of_the_checkpoint(url: str, minilm: Path, cli: Cli) -> None:
    ended = cli("run", "-m", f"openai:minilm@{url}", "-m", str(minilm), "-t", "demo")
    assert ended.code == 0, ended.err
    one, other = (
        json.loads(place.read_text())["scores"]["test"][0]
        for place in Path("results").glob("*/*/AngleBenchDemo.json")
    )
    for name in ("cosine_spearman", "euclidean_spearman", "cosine_pearson"):
        assert one[name] == pytest.approx(other[name], abs=2e-5)


def test_another_name_is_answered_all_the_same_and_said(url: str, cli: Cli) -> None:
    Path("texts.txt").write_text("one\ntwo\n")
    ended = cli("encode", "texts.txt", "-m", f"openai:other@{url}", "-o", "v.npy")
    assert ended.code == 0
    assert f"{url} lists minilm, not other, and answers for it all the same" in ended.err
