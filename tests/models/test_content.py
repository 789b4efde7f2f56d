"""Content: what changes the hash, what does not, and how hashes are remembered."""

import json
import os
import shutil
from pathlib import Path

import pytest

from angle_bench.checkpoints.folder.content import content_files, content_hash
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.files.file_facts import file_facts

FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/model.safetensors",
)


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    """A checkpoint as far as its hash can tell: bytes under the right names."""
    for name in FILES:
        write(tmp_path / "model" / name, f"content of {name}")
    return tmp_path / "model"


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_changes_the_hash(folder: Path, name: str) -> None:
    before = content_hash(folder)
    write(folder / name, "CONTENT of " + name)
    changed = content_hash(folder)
    (folder / name).unlink()
    assert len({before, changed, content_hash(folder)}) == 3


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "LICENSE",
        "data_config.json",
        "eval/similarity_evaluation_results.csv",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "training_args.bin",
        "trainer_state.json",
        "checkpoint-500/model.safetensors",
        "checkpoint-500/config.json",
        "global_step10/pytorch_model.bin",
        "runs/config.json",
        "onnx/model.onnx",
        "onnx/config.json",
        "openvino/openvino_model.bin",
        ".git/config.json",
    ],
)
def test_what_changes_no_vector_changes_no_hash(folder: Path, name: str) -> None:
    before = content_hash(folder)
    write(folder / name, "something")
    assert content_hash(folder) == before


@pytest.mark.parametrize("elsewhere", ["other", "checkpoint-500", "runs/x"])
def test_the_same_bytes_elsewhere_are_the_same_content(folder: Path, elsewhere: str) -> None:
    copy = folder.parent / elsewhere
    shutil.copytree(folder, copy)
    assert content_hash(copy) == content_hash(folder)


def test_files_may_be_links_into_a_cache(folder: Path) -> None:
    snapshot = folder.parent / "snapshot"
    for name in FILES:
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(folder / name)
    assert content_hash(snapshot) == content_hash(folder)


def test_which_file_holds_which_bytes_matters(folder: Path) -> None:
    before = content_hash(folder)
    config, pooling = folder / "config.json", folder / "1_Pooling/config.json"
    first, second = config.read_text(), pooling.read_text()
    write(config, second)
    write(pooling, first)
    assert content_hash(folder) != before


def test_a_same_sized_rewrite_in_place_with_its_old_time_is_noticed(folder: Path) -> None:
    weights = folder / "model.safetensors"
    before, old = content_hash(folder), weights.stat()
    weights.write_text(weights.read_text().upper())
    os.utime(weights, ns=(old.st_atime_ns, old.st_mtime_ns))
    new = weights.stat()
    assert (new.st_ino, new.st_size, new.st_mtime_ns) == (old.st_ino, old.st_size, old.st_mtime_ns)
    assert content_hash(folder) != before


def test_pickled_weights_beside_safetensors_do_not_count(folder: Path) -> None:
    before = content_hash(folder)
    write(folder / "pytorch_model.bin", "pickle")
    write(folder / "2_Dense/pytorch_model.bin", "pickle")
    assert content_hash(folder) == before


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "adapter_model.bin"]
)
def test_pickled_weights_alone_count(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    without = content_hash(folder)
    write(folder / name, "pickle")
    with_pickle = content_hash(folder)
    write(folder / name, "PICKLE")
    assert len({without, with_pickle, content_hash(folder)}) == 3
    assert name in content_files(folder)


def test_minilm_of_the_package_is_a_known_commit(minilm: Path) -> None:
    entry = registry()["sentence-transformers/all-MiniLM-L6-v2"]
    assert entry.contents[content_hash(minilm)] == entry.revision


def test_a_fact_is_computed_once_per_state_of_a_file(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "file"
    computed: list[str] = []

    def compute(place: Path) -> str:
        computed.append(place.read_text())
        return computed[-1]

    for content in ("one", "other"):
        file.write_text(content)
        for _ in range(2):  # each time as a later process would: from what is on disk
            with file_facts("test") as facts:
                assert [facts.get(file, compute) for _ in range(2)] == [content] * 2
    assert computed == ["one", "other"]


def test_content_hash_reads_unchanged_files_once(folder: Path, cache: Path) -> None:
    before = content_hash(folder)
    place = cache / "sha256.json"
    place.write_text(json.dumps(dict.fromkeys(json.loads(place.read_text()), "made up")))
    assert content_hash(folder) != before, "the remembered hashes were not used"


@pytest.mark.parametrize("broken", [b"", b'{"1:2:3', b"[]", b"null", b"\xff\xfe\x00"])
def test_a_corrupt_cache_does_no_harm_and_is_replaced(
    folder: Path, cache: Path, broken: bytes
) -> None:
    before = content_hash(folder)
    place = cache / "sha256.json"
    place.write_bytes(broken)
    assert content_hash(folder) == before
    assert len(json.loads(place.read_text())) == len(FILES)


def test_without_a_place_for_the_cache_hashes_are_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_hash(folder)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert content_hash(folder) == before


def test_a_cache_that_cannot_be_replaced_leaves_no_litter(folder: Path, cache: Path) -> None:
    (cache / "sha256.json").mkdir(parents=True)
    first = content_hash(folder)
    assert content_hash(folder) == first
    assert [entry.name for entry in cache.iterdir()] == ["sha256.json"]
