"""`download` and `doctor` against a hub on loopback, then a run without any network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from angle_bench.checkpoints.registry.registry import find
from angle_bench.suites.shipped import suites
from tests.checkpoints import build_lora, build_tiny, build_tiny_bert, sts_rows, write_rows
from tests.conftest import Command
from tests.hub import Hub
from tests.mirrors import retrieval, task_of

UAE = "WhereIsAI/UAE-Large-V1"
ADAPTER, BASE = "me/lora", "me/llama"
TASK = suites()["STS"].task[0]


def _revision() -> str:
    entry = find(UAE)
    assert entry is not None
    return str(entry.revision)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    build_tiny_bert(folder / "bert", max_position_embeddings=512)
    base = build_tiny(folder / "base", "llama", head=True)
    adapter = build_lora(folder / "adapter", base, head=True)
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = BASE
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    write_rows(folder / "data/data/test-00000-of-00001.parquet", sts_rows(10))
    return folder


@pytest.fixture
def hub(served: Path) -> Iterator[Hub]:
    with Hub() as hub:
        hub.add(UAE, served / "bert", _revision())
        hub.add(BASE, served / "base", "a" * 40)
        hub.add(ADAPTER, served / "adapter", "b" * 40)
        hub.add(TASK.dataset, served / "data", TASK.revision, kind="dataset")
        yield hub


def offline(hub: Hub, home: Path) -> dict[str, str]:
    return hub.env(home) | {"HF_HUB_OFFLINE": "1"}


@pytest.mark.long
def test_a_bundle_serves_a_machine_without_a_network(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    words = ("-m", "UAE-Large-V1", "-m", ADAPTER, "-t", "STS12")
    need = ("doctor", *words, "--mirror", "bundle", "--json")
    (tmp_path / "bundle").mkdir()
    before = angle_bench(*need, env=offline(hub, tmp_path / "empty"))
    assert before.returncode == 1
    lacking = json.loads(before.stdout)
    assert [each["here"] for each in (*lacking["models"], *lacking["tasks"])] == [False] * 3
    assert lacking["tasks"][0]["fix"] == "angle-bench download -t STS12"

    brought = angle_bench("download", *words, "--to", "bundle", env=hub.env(tmp_path / "hf"))
    assert brought.returncode == 0, brought.stderr
    for name in (UAE, ADAPTER, BASE):
        assert (tmp_path / "bundle" / name / ".angle-bench.json").is_file()
    assert (tmp_path / "bundle" / TASK.dataset / "test.parquet").is_file()
    hub.requests.clear()
    again = angle_bench("download", *words, "--to", "bundle", env=hub.env(tmp_path / "hf"))
    assert again.stdout.count("there already") == 4
    assert not any(path.endswith(".safetensors") for _, path in hub.requests)

    after = angle_bench(*need, env=offline(hub, tmp_path / "empty"))
    assert after.returncode == 1  # the adapter records no pooling: doctor says so too
    there = json.loads(after.stdout)
    assert [each["here"] for each in (*there["models"], *there["tasks"])] == [True, False, True]
    assert there["models"][1]["fix"] == "--pooling last --prompt A --save-spec"

    run = ("run", "-t", "STS12", "--mirror", "bundle", "-d", "cpu:1", "--json")
    uae = angle_bench(*run, "-m", "UAE-Large-V1", env=offline(hub, tmp_path / "empty"))
    assert uae.returncode == 0, uae.stderr
    assert json.loads(uae.stdout)["models"][0]["revision"] == _revision()
    typed = ("--pooling", "last", "--prompt", "A")
    lora = angle_bench(*run, "-m", ADAPTER, *typed, env=offline(hub, tmp_path / "empty"))
    assert lora.returncode == 0, lora.stderr
    direct = angle_bench(
        *(word for word in run if word not in ("--mirror", "bundle")),
        *("-m", ADAPTER, *typed, "-r", "direct"),
        env=hub.env(tmp_path / "hf"),
    )
    assert direct.returncode == 0, direct.stderr
    one, two = (json.loads(ended.stdout)["models"][0] for ended in (lora, direct))
    assert one["scores"] == two["scores"]
    assert (two["name"], two["revision"]) == (ADAPTER, "b" * 40)


@pytest.mark.long
def test_without_a_folder_the_caches_are_filled(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    words = ("-m", "UAE-Large-V1", "-t", "STS12")
    assert angle_bench("download", *words, env=hub.env(tmp_path / "hf")).returncode == 0
    ended = angle_bench("doctor", *words, env=offline(hub, tmp_path / "hf"))
    assert ended.returncode == 0, ended.stdout
    assert f"✓ STS12  {tmp_path / 'hf' / 'datasets'}" in ended.stdout
    ended = angle_bench("run", *words, "-d", "cpu:1", env=offline(hub, tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr


@pytest.mark.long
def test_a_bundle_that_was_changed_is_another_model(
    hub: Hub, served: Path, angle_bench: Command, tmp_path: Path
) -> None:
    to = ("--to", "bundle")
    assert angle_bench("download", "-m", UAE, *to, env=hub.env(tmp_path / "hf")).returncode == 0
    build_tiny_bert(tmp_path / "other", seed=3, max_position_embeddings=512)
    weights = "model.safetensors"
    shutil.copy(tmp_path / "other" / weights, tmp_path / "bundle" / UAE / weights)
    run = ("run", "-m", UAE, "-t", "demo", "--mirror", "bundle", "-d", "cpu:1", "--json")
    ended = angle_bench(*run, env=offline(hub, tmp_path / "empty"))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["models"][0]["revision"].startswith("sha256-")


def test_what_is_not_there_fails_alone(hub: Hub, angle_bench: Command, tmp_path: Path) -> None:
    ended = angle_bench(
        *("download", "-m", UAE, "-t", "STS12,STS13", "--to", "bundle"),
        env=hub.env(tmp_path / "hf"),
    )
    assert ended.returncode == 1
    assert "error: STS13: the data set mteb/sts13-sts could not be fetched" in ended.stderr
    assert (tmp_path / "bundle" / TASK.dataset / "test.parquet").is_file()
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("name", "candidates"), [("NFCorpus", 0), ("AskUbuntuDupQuestions", 5)])
def test_a_retrieval_set_is_brought_with_corpus_and_queries(
    name: str, candidates: int, angle_bench: Command, tmp_path: Path
) -> None:
    from angle_bench.evaluation.task_data import find_files, locate, stage
    from angle_bench.evaluation.user_tasks.file_read import rows_of

    task = task_of(name)
    retrieval(tmp_path / "mirror" / task.dataset, candidates=candidates)
    located = locate(task, tmp_path / "mirror")
    with Hub() as hub:
        hub.add(task.dataset, stage(task, located), task.revision, kind="dataset")
        words = ("download", "-t", name, "--to", "bundle")
        ended = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    brought = find_files(tmp_path / "bundle" / task.dataset)
    assert rows_of(brought) == located.rows


@pytest.mark.long
def test_two_tasks_on_one_data_set_each_bring_their_split(
    hub: Hub, angle_bench: Command, tmp_path: Path
) -> None:
    (dev,) = suites()["STSB-dev"].task
    for number, split in enumerate(("test", "validation")):
        place = tmp_path / "stsb/data" / f"{split}-00000-of-00001.parquet"
        write_rows(place, sts_rows(8, seed=number))
    hub.add(dev.dataset, tmp_path / "stsb", dev.revision, kind="dataset")
    words = ("download", "-t", "STSBenchmark,STSB-dev", "--to", "bundle")
    ended = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    names = {place.name for place in (tmp_path / "bundle" / dev.dataset).iterdir()}
    assert names == {"test.parquet", "validation.parquet"}
    again = angle_bench(*words, env=hub.env(tmp_path / "hf"))
    assert again.stdout.count("there already") == 2

    # an own task reads the hub's copy too, and says whose commit it is
    run = ("run", "-m", UAE, "-t", "STSB-dev", "-d", "cpu:1", "--json")
    ended = angle_bench(*run, env=hub.env(tmp_path / "hf"))
    assert ended.returncode == 0, ended.stderr
    (place,) = (tmp_path / "results").glob("*/*/STSBenchmarkDev.json")
    assert json.loads(place.read_text())["dataset_revision"] == dev.revision


def test_nothing_named(angle_bench: Command) -> None:
    ended = angle_bench("download")
    assert ended.returncode == 2
    assert "nothing is named" in ended.stderr


def test_doctor_alone_says_what_is_here(angle_bench: Command) -> None:
    ended = angle_bench("doctor")
    assert ended.returncode == 0, ended.stderr
    for word in ("packages", "processor", "accelerators", "hub", "angle-bench cache"):
        assert any(line.startswith(word) for line in ended.stdout.splitlines()), word
