"""Reading result files, ours and those of MTEB's results repository."""

import gzip
import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from angle_bench.results.result_file import StoredResult, UnreadableResult, read_result
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task

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
        result_file(scores={"test": [{"hf_subset": "default", "main_score": "84.5 %"}]}),
        result_file(scores={"test": [{"hf_subset": "default", "main_score": 10**400}]}),
        result_file(scores={"test": [{"hf_subset": "default", "main_score": [0.5]}]}),
        result_file(scores={"test": [{"hf_subset": ["default"], "main_score": 0.5}]}),
        result_file(scores={"test": [{"hf_subset": None, "main_score": 0.5}]}),
        result_file(scores={"test": {"hf_subset": "default", "main_score": 0.5}}),
        result_file(scores=[{"hf_subset": "default", "main_score": 0.5}]),
        result_file(mteb_version={"mteb": "2.0"}),
        result_file(mteb_version=["2.0"]),
        result_file(mteb_version=2.0),
        result_file(mteb_version="\ud800"),
        result_file(task_name=["T"]),
        result_file(task_name="T\n"),
        result_file(dataset_revision={"r": 1}),
        {"mteb_dataset_name": ["T"], "test": {"cos_sim": {"spearman": 0.5}}},
        {"mteb_dataset_name": "T", "mteb_version": {}, "test": {"main_score": 0.5}},
        {"mteb_dataset_name": "T", "test": {"main_score": "0.5"}},
        {"mteb_dataset_name": "T", "test": {"main_score": 10**400}},
    ],
)
def test_json_that_is_no_result_is_unreadable(tmp_path: Path, raw: Any) -> None:
    place = tmp_path / "T.json"
    place.write_text(json.dumps(raw))
    with pytest.raises(UnreadableResult) as said:
        read_result(place)
    assert str(said.value).isprintable()
    assert len(str(said.value)) < 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@st.composite
def odd_files(draw: st.DrawFn) -> Any:
    """A result file of either schema in which one value, wherever it is, is any JSON."""
    split: Any = [{"hf_subset": "default", "main_score": 0.5}]
    new = result_file(scores={"test": split})
    old = {"mteb_dataset_name": "T", "mteb_version": "1.0", "test": {"cos_sim": {"spearman": 0.5}}}
    raw = json.loads(json.dumps(draw(st.sampled_from([new, old]))))
    at: Any = raw
    while isinstance(at, dict | list) and at:
        key = draw(st.sampled_from([*(at if isinstance(at, dict) else range(len(at)))]))
        if draw(st.booleans()) or not isinstance(at[key], dict | list):
            at[key] = draw(JSON)
            return raw
        at = at[key]
    return raw


@settings(max_examples=100, deadline=None)
@given(odd_files())
def test_any_json_is_a_result_or_named(tmp_path_factory: pytest.TempPathFactory, raw: Any) -> None:
    place = tmp_path_factory.getbasetemp() / "odd.json"
    place.write_text(json.dumps(raw))
    try:
        result = read_result(place, "cosine_spearman")
    except UnreadableResult as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert refused.isprintable()
        return
    assert result is not None
    names = [result.task, result.dataset_revision, result.mteb_version or "", *result.scores]
    names += [subset for subsets in result.scores.values() for subset in subsets]
    assert all(isinstance(name, str) and name.isprintable() for name in names)
    assert all(isinstance(s, float) for rows in result.scores.values() for s in rows.values())


@pytest.mark.parametrize("rows", [[0.2, 0.4], [0.2, 0.4, 0.9], [0.5]])
def test_rows_of_one_subset_count_as_with_mteb(tmp_path: Path, rows: list[float]) -> None:
    from mteb.results import TaskResult

    scores = [
        {"hf_subset": subset, "languages": ["eng-Latn"], "main_score": score}
        for subset, score in [*(("en", score) for score in rows), ("de", 0.1)]
    ]
    place = tmp_path / "STS12.json"
    raw = result_file(task_name="STS12", scores={"test": scores}, evaluation_time=1.0)
    place.write_text(json.dumps(raw))
    theirs = TaskResult.from_disk(place).get_score(splits=["test"])
    ours = read_result(place)
    assert ours is not None
    assert ours.main_score(task(("test",), ("en", "de"))) == pytest.approx(theirs, abs=1e-15)
    repeated = ["test/en"] if len(rows) > 1 else []
    assert ours.repeated_in(task(("test",), ("en", "de"))) == repeated


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    place = tmp_path / "T.json.gz"
    place.write_bytes(gzip.compress(json.dumps(result_file()).encode()))
    found = read_result(place)
    assert found is not None
    assert found.scores == {"test": {"default": 0.5}}
    place.write_bytes(place.read_bytes()[:20])
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
