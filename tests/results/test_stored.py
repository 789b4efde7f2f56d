"""Reading result files, ours and those of MTEB's results repository."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from angle_bench.results.shipped import mteb_task
from angle_bench.results.stored import StoredResult, UnreadableResult, read_result
from angle_bench.results.task import Task

UAE = "results_repo/results/WhereIsAI__UAE-Large-V1/369c368f70f16a613f19f5598d4f12d9f44235d4"
SCORES = {
    "validation": {"en": 0.1, "de": 0.2},
    "test": {"en": 0.3, "de": 0.5, "fr": 1.0},
}


def stored(scores: dict[str, dict[str, float]] = SCORES) -> StoredResult:
    return StoredResult("T", "r", "2.0", scores)


def task(splits: tuple[str, ...], subsets: tuple[str, ...]) -> Task:
    return Task(
        name="T",
        type="STS",
        dataset="o/t",
        revision="r",
        splits=splits,
        subsets=subsets,
        metric="cosine_spearman",
    )


@pytest.mark.parametrize(
    ("splits", "subsets", "expected"),
    [
        (("test",), ("en",), 0.3),
        (("test",), ("en", "de"), 0.4),
        (("validation", "test"), ("en", "de"), 0.275),
    ],
)
def test_the_main_score_is_the_mean_over_what_is_asked_for(
    splits: tuple[str, ...], subsets: tuple[str, ...], expected: float
) -> None:
    assert stored().main_score(task(splits, subsets)) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("splits", "subsets", "missing"),
    [
        (("test",), ("en", "de"), []),
        (("test",), (), []),
        (("train",), ("en",), ["train"]),
        (("train",), (), ["train"]),
        (("validation", "test"), ("en", "fr"), ["validation/fr"]),
        (("validation", "train"), ("fr", "pl"), ["validation/fr", "validation/pl", "train"]),
    ],
)
def test_missing_names_splits_and_subsets(
    splits: tuple[str, ...], subsets: tuple[str, ...], missing: list[str]
) -> None:
    assert stored().missing(task(splits, subsets)) == missing


def test_a_split_without_subsets_is_missing() -> None:
    assert stored({"test": {}}).missing(task(("test",), ())) == ["test"]


@pytest.mark.parametrize("name", ["STS12", "STS17", "STS22", "STSBenchmark", "SICK-R"])
def test_files_of_the_results_repository_are_read(shared: Path, name: str) -> None:
    place = shared / UAE / f"{name}.json"
    raw = json.loads(place.read_text())
    result = read_result(place)
    wanted = mteb_task(name)
    assert result is not None
    assert wanted is not None
    assert result.task == name
    assert result.dataset_revision == raw["dataset_revision"] == wanted.revision
    assert result.mteb_version == raw["mteb_version"]
    assert result.missing(wanted) == []
    rows = [row for row in raw["scores"]["test"] if row["hf_subset"] in wanted.subsets]
    assert len(rows) == len(wanted.subsets)
    assert result.main_score(wanted) == pytest.approx(mean(row["main_score"] for row in rows))


def test_numbers_of_the_results_repository(shared: Path) -> None:
    sts12, sts17 = (read_result(shared / UAE / f"{name}.json") for name in ("STS12", "STS17"))
    assert sts12 is not None
    assert sts17 is not None
    assert sts12.scores == {"test": {"default": 0.7909144554302442}}
    assert sts17.main_score(task(("test",), ("en-en",))) == 0.8899349064256743
    assert sts17.main_score(task(("test",), ("en-en", "ko-ko"))) == pytest.approx(0.66672736882886)


def test_a_version_that_nobody_recorded_is_none(shared: Path) -> None:
    folder = shared / "results_repo/results/avsolatorio__GIST-small-Embedding-v0/external"
    result = read_result(folder / "STS12.json")
    assert result is not None
    assert result.mteb_version is None


def result_file(**changes: Any) -> dict[str, Any]:
    raw = {
        "task_name": "T",
        "dataset_revision": "r",
        "mteb_version": "2.0",
        "scores": {"test": [{"hf_subset": "default", "main_score": 0.5}]},
    }
    return {key: value for key, value in {**raw, **changes}.items() if value != "left out"}


def test_no_file_is_no_result(tmp_path: Path) -> None:
    assert read_result(tmp_path / "T.json") is None
    assert read_result(tmp_path / "no folder" / "T.json") is None


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [result_file()],
        None,
        "T",
        {},
        result_file(task_name="left out"),
        result_file(dataset_revision="left out"),
        result_file(scores="left out"),
        result_file(scores=None),
        result_file(scores={"test": None}),
        result_file(scores={"test": [None]}),
        result_file(scores={"test": [{"hf_subset": "default"}]}),
        result_file(scores={"test": [{"main_score": 0.5}]}),
        result_file(scores={"test": [{"hf_subset": "default", "main_score": True}]}),
        result_file(scores={"test": [{"hf_subset": "default", "main_score": "0.5"}]}),
        result_file(scores={"test": [{"hf_subset": "default", "main_score": "none yet"}]}),
    ],
)
def test_json_that_is_no_result_is_unreadable(tmp_path: Path, raw: Any) -> None:
    place = tmp_path / "T.json"
    place.write_text(json.dumps(raw))
    with pytest.raises(UnreadableResult):
        read_result(place)


@pytest.mark.parametrize("data", [b"", b"\n", b'{"task_name": "T', b"\xff\xfe\x00", b"\x00" * 64])
def test_bytes_that_are_no_json_are_unreadable(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "T.json"
    place.write_bytes(data)
    with pytest.raises(UnreadableResult):
        read_result(place)


def test_a_folder_in_its_place_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "T.json").mkdir()
    with pytest.raises(UnreadableResult):
        read_result(tmp_path / "T.json")
