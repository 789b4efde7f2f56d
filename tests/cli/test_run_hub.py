"""The literal main command against a hub on loopback: real download, loading and scoring."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from angle_bench.checkpoints.registry.registry import find
from angle_bench.suites.shipped import suites
from tests.checkpoints import (
    add_sentence_transformers_files,
    build_tiny_bert,
    sts_rows,
    write_rows,
)
from tests.conftest import Command
from tests.hub import Hub

UAE = "WhereIsAI/UAE-Large-V1"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MPNET = "sentence-transformers/all-mpnet-base-v2"  # not in the registry: mteb loads it
MXBAI = "mixedbread-ai/mxbai-embed-large-v1"


def revision_of(name: str) -> str:
    entry = find(name)
    assert entry is not None
    assert entry.revision is not None
    return entry.revision


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny weights and the seven data sets, ten pairs each."""
    folder = tmp_path_factory.mktemp("served")
    build_tiny_bert(folder / "bert", max_position_embeddings=512)
    (folder / "bert/pytorch_model.bin").write_bytes(b"never fetched")
    (folder / "bert/onnx").mkdir()
    (folder / "bert/onnx/model.onnx").write_bytes(b"never fetched")
    shutil.copytree(folder / "bert", folder / "st")
    add_sentence_transformers_files(folder / "st")
    for number, task in enumerate(suites()["STS"].task):
        rows = sts_rows(10, seed=number)
        write_rows(folder / task.name / "data/test-00000-of-00001.parquet", rows)
    return folder


@pytest.fixture
def hub(served: Path) -> Iterator[Hub]:
    from angle_bench.checkpoints.registry.mteb_models import mteb_models

    with Hub() as hub:
        for name in (UAE, MXBAI, MINILM):
            hub.add(name, served / "bert", revision_of(name))
        hub.add(MPNET, served / "st", str(mteb_models()[MPNET]))
        for task in suites()["STS"].task:
            hub.add(task.dataset, served / task.name, task.revision, kind="dataset")
        yield hub


def errors(err: str) -> list[str]:
    lines = err.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("error:"))
    return lines[start : start + 2]


def test_the_main_command(hub: Hub, angle_bench: Command, tmp_path: Path) -> None:
    words = ("run", "--model", "UAE-Large-V1", "--tasks", "STS")
    ended = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    header, scores = ended.stdout.splitlines()[:2]
    assert header.split() == [
        *("STS12", "STS13", "STS14", "STS15", "STS16", "STS-B", "SICK-R"),
        *("│", "mean", "of", "7"),
    ]
    assert len(scores.split()) == 9
    assert f"UAE-Large-V1@{revision_of(UAE)[:8]} · cls · no prompt · float32" in ended.stderr
    folder = tmp_path / "results" / UAE.replace("/", "__") / revision_of(UAE)
    for task in suites()["STS"].task:
        result = json.loads((folder / f"{task.name}.json").read_text())
        assert result["dataset_revision"] == task.revision
        record = json.loads((folder / ".angle-bench" / f"{task.name}.json").read_text())
        assert record["prompts"] == {"text": ""}
        assert record["data"]["origin"] == "hub"
    fetched = {path for method, path in hub.requests if method == "GET"}
    assert any(path.endswith("model.safetensors") for path in fetched)
    assert not any(path.endswith((".bin", ".onnx")) for path in fetched)

    hub.requests.clear()
    again = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert again.returncode == 0
    assert again.stdout == ended.stdout
    assert hub.requests == []


@pytest.mark.long
def test_a_token_is_written_nowhere(hub: Hub, angle_bench: Command, tmp_path: Path) -> None:
    secret = "hf_" + "secretsecretsecret"
    env = hub.env(tmp_path / "hf") | {"HF_TOKEN": secret}
    words = ("run", "-m", UAE, "-t", "STS12", "-d", "cpu:1", "-v", "--debug")
    ended = angle_bench(*words, env=env)
    assert ended.returncode == 0, ended.stderr
    hub.gate(MXBAI)
    gated = angle_bench("run", "-m", MXBAI, "-t", "STS12", "-v", "--debug", env=env)
    assert gated.returncode == 1
    written = [place for place in (tmp_path / "results").rglob("*") if place.is_file()]
    assert written
    for text in (ended.stdout, ended.stderr, gated.stdout, gated.stderr):
        assert secret not in text
    for place in written:
        assert secret.encode() not in place.read_bytes()


def test_a_gated_model(hub: Hub, angle_bench: Command, tmp_path: Path) -> None:
    hub.gate(MXBAI)
    ended = angle_bench(
        "run", "-m", "mxbai-embed-large-v1", "-t", "STS12", env=hub.env(tmp_path / "hf")
    )
    assert ended.returncode == 1
    what, fix = errors(ended.stderr)
    assert f"{MXBAI} is gated" in what
    assert "hf auth login" in fix
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("angle-bert-base-uncased-nli-en-v1", 1, "does not exist on the hub"),
        ("WhereIsAI/UAE-Large-V2", 2, "Did you mean WhereIsAI/UAE-Large-V1"),
    ],
)
def test_a_model_that_the_hub_does_not_have(
    name: str, code: int, says: str, hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    ended = angle_bench("run", "-m", name, "-t", "STS12", env=hub.env(tmp_path / "hf"))
    assert ended.returncode == code
    what, _ = errors(ended.stderr)
    assert says in what


def test_a_download_that_breaks_is_finished_by_the_same_command(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    words = ("run", "-m", f"UAE-Large-V1@{revision_of(UAE)}", "-t", "STS12,STS13")
    hub.break_once(UAE, "model.safetensors", after=5000, reset=True)
    broken = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert broken.returncode == 1
    what, fix = errors(broken.stderr)
    assert "could not be downloaded" in what
    assert "the same command again" in fix
    assert "Traceback" not in broken.stderr
    assert not list((tmp_path / "results").glob("*/*/STS*.json"))

    whole = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert whole.returncode == 0, whole.stderr


@pytest.mark.long
def test_a_data_set_that_breaks_fails_alone(hub: Hub, angle_bench: Command, tmp_path: Path) -> None:
    words = ("run", "-m", "UAE-Large-V1", "-t", "STS12,STS13")
    file = "data/test-00000-of-00001.parquet"
    hub.break_once(suites()["STS"].task[0].dataset, file, after=500, reset=True)
    broken = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert broken.returncode == 1
    assert "1 of 2" in broken.stdout
    assert "STS12" in errors(broken.stderr)[0]
    assert angle_bench(*words, env=hub.env(tmp_path / "hf")).returncode == 0


@pytest.mark.long
def test_any_other_name_that_mteb_knows_is_loaded_by_mteb(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    ended = angle_bench("run", "-m", MPNET, "-t", "STS12", env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    assert "loaded by mteb" in ended.stderr
    assert "settings:mteb" in ended.stdout
    (result,) = (tmp_path / "results").glob("*all-mpnet-base-v2/*/STS12.json")
    assert (result.parent / ".angle-bench/STS12.parquet").exists()


@pytest.mark.long
def test_two_devices_give_a_name_of_mteb_the_score_of_one(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    """And what one has computed answers the other; `-n` refuses what its code does not know."""
    env = hub.env(tmp_path / "hf") | {"ANGLE_BENCH_CACHE": str(tmp_path / "cache")}
    words = ("run", "-m", MPNET, "-t", "STS12")
    two = angle_bench(*words, "-d", "cpu:2", "--no-cache", env=env)
    assert two.returncode == 0, two.stderr
    assert "cpu x2" in two.stderr
    one = angle_bench(*words, "-d", "cpu:1", "--results", "one", env=env)
    assert one.stdout.splitlines()[:2] == two.stdout.splitlines()[:2]
    again = angle_bench(*words, "-d", "cpu:1", "--results", "again", env=env)
    (record,) = (tmp_path / "again").glob("*/*/.angle-bench/STS12.json")
    counts = json.loads(record.read_text())["encoded_so_far"]
    assert (counts["forwarded"], counts["stored"] > 0) == (0, True), again.stderr
    refused = angle_bench("run", "-m", "openai/text-embedding-3-small", *words[3:], "-n", env=env)
    assert refused.returncode == 1
    assert "cannot run here: it needs openai" in refused.stdout
    assert "uv run --no-project --with 'mteb[openai]' mteb run" in refused.stdout


@pytest.mark.long
def test_a_setting_makes_a_name_of_mteb_computed_here(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    env = hub.env(tmp_path / "hf")
    words = ("run", "-m", MPNET, "-t", "STS12", "--layers", "1,2", "-d", "cpu:1")
    refused = angle_bench(*words, "-n", env=env)
    assert refused.returncode == 2
    assert "with --prompts mteb, which computes it here" in errors(refused.stderr)[1]
    ended = angle_bench(*words, "--prompts", "mteb", env=env)
    assert ended.returncode == 0, ended.stderr
    assert all(f"layer {layer} " in ended.stdout for layer in (1, 2))


@pytest.mark.long
def test_a_checkpoint_of_the_hub_that_nobody_registered(
    hub: Hub, served: Path, angle_bench: Command, tmp_path: Path
) -> None:
    hub.add("me/my-finetune", served / "st", "0123456789" * 4)
    ended = angle_bench("run", "-m", "me/my-finetune", "-t", "STS12", env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    assert "my-finetune@01234567 · mean" in ended.stderr


def test_no_network_says_so(angle_bench: Command, tmp_path: Path) -> None:
    with Hub() as hub:
        closed = hub.env(tmp_path / "hf")  # of a port that nobody listens on any more
    ended = angle_bench("run", "-m", "UAE-Large-V1", "-t", "STS12", env=closed)
    assert ended.returncode == 1
    what, fix = errors(ended.stderr)
    assert "cannot be reached (no connection)" in what
    assert "with a network" in fix
