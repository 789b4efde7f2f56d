"""The loopback hub, proved by the real clients in child processes."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hub import Hub

pytestmark = pytest.mark.process

COMMIT, OLDER = "c0ffee" * 6 + "cafe", "0" * 40
MODEL, PARQUET = "model.safetensors", "data/test-00000-of-00001.parquet"
PAIRS = {"sentence1": ["a cat", "b"], "sentence2": ["a dog", "c"], "score": [4.5, 0.0]}
# Each child reports what its calls return or raise; this is what their scripts begin with.
OUTCOME = """
import json
def outcome(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, type(error.__cause__).__name__]
"""


@dataclass
class Child:
    """Runs scripts that share one ``HF_HOME``."""

    hub: Hub
    home: Path

    def run(self, script: str) -> Any:
        """Runs one script to its end and returns the JSON of its last line."""
        code = OUTCOME + dedent(script)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.hub.env(self.home),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def downloads(self) -> list[str]:
        """Names the files whose bodies were asked for since the last time."""
        asked = list(self.hub.requests)
        self.hub.requests.clear()
        return sorted(
            path.split(f"/resolve/{COMMIT}/")[1]
            for method, path in asked
            if method == "GET" and "/resolve/" in path
        )


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A child of a hub with the two commits of ``org/tiny`` and the gated ``org/gated``."""
    for commit, text in ((OLDER, "older"), (COMMIT, "newer")):
        folder = tmp_path / commit
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "note.txt").write_text(text)
        (folder / MODEL).write_bytes(bytes(range(256)) * 1000)
    with Hub() as hub:
        hub.add("org/tiny", tmp_path / OLDER, OLDER)
        hub.add("org/tiny", tmp_path / COMMIT, COMMIT)
        hub.add("org/gated", tmp_path / COMMIT, COMMIT)
        hub.gate("org/gated")
        yield Child(hub, tmp_path / "home")


def test_a_snapshot_is_downloaded_once(child: Child) -> None:
    """A second process with the same cache asks only which commit ``main`` is."""
    script = f"""
        from huggingface_hub import snapshot_download
        print(json.dumps([snapshot_download("org/tiny", revision=revision)
                          for revision in ("main", "{COMMIT}")]))
    """
    paths = child.run(script)
    assert [Path(path).name for path in paths] == [COMMIT, COMMIT]
    assert (Path(paths[0]) / "sub" / "note.txt").read_text() == "newer"
    assert (Path(paths[0]) / MODEL).read_bytes() == bytes(range(256)) * 1000
    assert child.downloads() == [MODEL, "sub/note.txt"]
    assert child.run(script) == paths
    assert child.hub.requests == [("GET", "/api/models/org/tiny/revision/main")]


def test_an_older_commit_stays_available(child: Child) -> None:
    """Each commit keeps its own folder; a branch cannot be added as one."""
    path = child.run(f"""
        from huggingface_hub import snapshot_download
        print(json.dumps(snapshot_download("org/tiny", revision="{OLDER}")))
    """)
    assert (Path(path) / "sub" / "note.txt").read_text() == "older"
    with pytest.raises(ValueError, match="not a commit hash"):
        child.hub.add("org/tiny", Path(), "main")


def test_listings(child: Child) -> None:
    """Descriptions and trees carry what the client parses out of them."""
    info, tree, paths, missing = child.run("""
        from huggingface_hub import HfApi
        api = HfApi()
        info = api.model_info("org/tiny", files_metadata=True)
        print(json.dumps([
            [info.sha, info.gated, {s.rfilename: s.lfs and s.lfs.size for s in info.siblings}],
            [entry.path for entry in api.list_repo_tree("org/tiny")],
            [entry.path for entry in api.get_paths_info("org/tiny", ["sub", "sub/note.txt", "no"])],
            outcome(lambda: list(api.list_repo_tree("org/tiny", "no"))),
        ]))
    """)
    assert info == [COMMIT, False, {MODEL: 256_000, "sub/note.txt": None}]
    assert sorted(tree) == [MODEL, "sub"]
    assert sorted(paths) == ["sub", "sub/note.txt"]
    assert missing[0] == "RemoteEntryNotFoundError"


def test_refusals_raise_what_the_real_hub_makes_the_client_raise(child: Child) -> None:
    """Each kind of refusal arrives as the exception that the real hub causes."""
    raised = child.run(f"""
        from huggingface_hub import HfApi, hf_hub_download, snapshot_download
        print(json.dumps([error if isinstance(error, str) else error[0] for error in (
            outcome(lambda: HfApi().model_info("org/gated").gated),
            outcome(snapshot_download, "org/gated"),
            outcome(hf_hub_download, "org/gated", "{MODEL}"),
            outcome(HfApi().model_info, "org/none"),
            outcome(snapshot_download, "org/none"),
            outcome(snapshot_download, "org/none", revision="{COMMIT}"),
            outcome(HfApi().dataset_info, "org/tiny"),
            outcome(HfApi().model_info, "org/tiny", revision="v9"),
            outcome(snapshot_download, "org/tiny", revision="{"f" * 40}"),
            outcome(hf_hub_download, "org/tiny", "none.json"),
        )]))
    """)
    gated, repo, revision = "GatedRepoError", "RepositoryNotFoundError", "RevisionNotFoundError"
    assert raised == [
        "manual",
        gated,
        gated,
        *[repo] * 4,
        *[revision] * 2,
        "RemoteEntryNotFoundError",
    ]
    assert child.downloads() == []


DOWNLOAD_TWICE = """
    from huggingface_hub import snapshot_download
    print(json.dumps([outcome(snapshot_download, "org/tiny") for _ in range(2)]))
"""


def test_a_broken_download_is_retried_within_the_call(child: Child) -> None:
    """One break costs a retry and is otherwise not seen by the caller."""
    child.hub.break_once("org/tiny", MODEL, after=1000)
    first, second = child.run(DOWNLOAD_TWICE)
    assert first == second
    assert (Path(first) / MODEL).stat().st_size == 256_000
    assert child.downloads() == [MODEL, MODEL, "sub/note.txt"]


@pytest.mark.parametrize(
    ("times", "reset", "error"), [(6, False, "RemoteProtocolError"), (1, True, "ReadError")]
)
def test_a_broken_call_fails_and_the_next_one_completes(
    child: Child, times: int, reset: bool, error: str
) -> None:
    """A failed call leaves the cache such that the next one brings just the missing file."""
    child.hub.break_once("org/tiny", MODEL, after=1000, times=times, reset=reset)
    first, second = child.run(DOWNLOAD_TWICE)
    assert first[0] == error
    assert (Path(second) / MODEL).read_bytes() == bytes(range(256)) * 1000
    assert child.downloads() == [MODEL] * (times + 1) + ["sub/note.txt"]


def test_ranges(child: Child) -> None:
    """A range that lies in the file is answered with 206, any other with the whole file."""
    connection = http.client.HTTPConnection(child.hub.url.removeprefix("http://"), timeout=10)
    seen = []
    for span in ("bytes=255998-", "bytes=1-2", "bytes=256000-"):
        connection.request("GET", f"/org/tiny/resolve/main/{MODEL}", headers={"Range": span})
        answer = connection.getresponse()
        seen.append((answer.status, answer.read()[:9], answer.headers["Content-Range"]))
    connection.close()
    assert seen[0] == (206, b"\xfe\xff", "bytes 255998-255999/256000")
    assert seen[1] == (206, b"\x01\x02", "bytes 1-2/256000")
    assert seen[2] == (200, bytes(range(9)), None)


def tiny_bert(folder: Path) -> None:
    """Writes a random BERT with a tokenizer of nine words."""
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "##s"]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(folder)
    vocabulary = folder.parent / "vocab.txt"
    vocabulary.write_text("\n".join(words))
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)


def test_transformers_and_datasets_load_from_it(child: Child, tmp_path: Path) -> None:
    """Weights, vocabulary and rows come through unchanged, refusals as each library puts them."""
    data = tmp_path / "sts" / "data"
    data.mkdir(parents=True)
    pq.write_table(pa.table(PAIRS), data / Path(PARQUET).name)
    tiny_bert(tmp_path / "bert")
    child.hub.add("org/bert", tmp_path / "bert", COMMIT)
    for repo_id in ("mteb/sts12-sts", "mteb/gated"):
        child.hub.add(repo_id, data.parent, COMMIT, kind="dataset")
    child.hub.gate("mteb/gated")
    ids, difference, pairs, refused = child.run(f"""
        import torch
        from datasets import load_dataset
        from transformers import AutoModel, AutoTokenizer
        ids = AutoTokenizer.from_pretrained("org/bert", revision="{COMMIT}")("a cats")["input_ids"]
        served = AutoModel.from_pretrained("org/bert", revision="{COMMIT}")
        local = AutoModel.from_pretrained("{tmp_path / "bert"}")
        with torch.no_grad():
            states = [m(torch.tensor([ids])).last_hidden_state for m in (served, local)]
        print(json.dumps([
            ids,
            float((states[0] - states[1]).abs().max()),
            load_dataset("mteb/sts12-sts", revision="{COMMIT}")["test"][:],
            [outcome(load_dataset, "mteb/gated", revision="{COMMIT}"),
             outcome(load_dataset, "mteb/none", revision="{COMMIT}"),
             outcome(AutoModel.from_pretrained, "org/gated")],
        ]))
    """)
    assert ids == [2, 5, 6, 8, 3]
    assert difference == 0
    assert pairs == PAIRS
    assert [error for error, _ in refused] == ["DatasetNotFoundError"] * 2 + ["OSError"]
    assert refused[2][1] == "GatedRepoError"
    served = [*(path.name for path in (tmp_path / "bert").iterdir()), PARQUET]
    assert child.downloads() == sorted(served)


def test_the_environment_names_no_other_hub(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine that runs the tests do not reach the child."""
    foreign = ["HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_CACHE"]
    foreign += ["TRANSFORMERS_OFFLINE", "https_proxy", "ALL_PROXY"]
    for name in foreign:
        monkeypatch.setenv(name, "1")
    env = child.hub.env(child.home)
    assert not set(foreign) & set(env)
    assert env["HF_ENDPOINT"] == child.hub.url
    assert "PATH" in env


def test_leaving_the_block_closes_the_port() -> None:
    """A hub that is gone refuses connections, as one that cannot be reached."""
    with Hub() as hub:
        pass
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=5).connect()
