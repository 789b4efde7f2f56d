"""Which file answers a task."""

import json
from pathlib import Path

import pytest

from angle_bench.results.find.answers import MergedScores, incomplete_line, merge_revisions
from angle_bench.results.find.collect import collect
from angle_bench.suites.select import select
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task
from tests.result_files import put, put_old, put_record, write

STS = select(["STS"]).task


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "in" / "org__model"


def joined(*folders: Path, tasks: tuple[Task, ...] = STS) -> tuple[MergedScores, list[str]]:
    warnings: list[str] = []
    return merge_revisions(collect(folders).folders, tasks, warnings), warnings


def scores(found: MergedScores) -> dict[str, float]:
    return {name: answer.score for name, answer in found.answers.items()}


def test_the_newest_revision_comes_first_and_external_last(model: Path) -> None:
    put(model / "a1", "STS12", 0.1, version="1.9.9")
    put(model / "b2", "STS12", 0.2, version="1.12.75-2.10.0")
    put(model / "c3", "STS12", 0.3, version="2.9.0")
    put(model / "external", "STS12", 0.4, version=None)
    put(model / "external", "STS13", 0.5, version="9.9.9")
    put(model / "no_revision_available", "STS13", 0.6, version="1.0.0")
    found, warnings = joined(model)
    order = [folder.revision for folder in found.folders]
    assert order == ["b2", "c3", "a1", "no_revision_available", "external"]
    assert scores(found) == {"STS12": 0.2, "STS13": 0.6}
    assert warnings == []


def test_a_revision_without_a_result_for_the_suite_does_not_count(model: Path) -> None:
    put(model / "a1", "ArguAna", 0.1, version="9.0.0")
    put(model / "external", "STS12", 0.4)
    assert [folder.revision for folder in joined(model)[0].folders] == ["external"]


def test_a_score_is_never_put_together_from_two_folders(model: Path) -> None:
    task = mteb_task("STS17")
    assert task is not None
    two = task.model_copy(update={"subsets": ("en-en", "ko-ko")})
    put(model / "a1", "STS17", {"test": {"en-en": 0.9}}, version="2.0.0")
    put(model / "external", "STS17", {"test": {"en-en": 0.5, "ko-ko": 0.7}})
    found, _ = joined(model, tasks=(two,))
    assert scores(found) == {"STS17": pytest.approx(0.6)}
    assert found.answers["STS17"].folder.revision == "external"


def test_only_the_splits_and_subsets_of_the_suite_count(model: Path) -> None:
    suite = select(["MTEB(eng, v1)"])
    sts17 = next(task for task in suite.task if task.name == "STS17")
    put(model / "r", "STS17", {"test": {"en-en": 0.9, "ko-ko": 0.1}, "dev": {"en-en": 0.2}})
    assert scores(joined(model, tasks=(sts17,))[0]) == {"STS17": 0.9}


@pytest.mark.parametrize("score", [1.5, -1.01, float("nan"), float("inf"), 84.5])
def test_a_score_that_cannot_be_is_left_out(model: Path, score: float) -> None:
    place = put(model / "r", "STS12", score)
    put(model / "r", "STS13", 1.0)
    put(model / "r", "STS14", -1.0)
    found, warnings = joined(model)
    assert scores(found) == {"STS13": 1.0, "STS14": -1.0}
    assert warnings == [f"{place} has a score of {score:g}, outside -1 to 1; left out"]


def test_a_subset_that_nobody_asked_for_may_be_odd(model: Path) -> None:
    put(model / "r", "STS12", {"test": {"default": 0.5, "other": None}, "train": {"x": 99.0}})
    found, warnings = joined(model)
    assert (scores(found), warnings) == ({"STS12": 0.5}, [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"task_name": "STS12", "sco', "cut off"),
        ("", "cut off"),
        ("[]", "no result file"),
        ("[" * 100_000, "nested too deeply"),
        ('{"task_name": "STS13", "dataset_revision": "r", "scores": {}}', "a result of STS13"),
    ],
)
def test_a_file_that_is_none_is_named_in_one_line(model: Path, text: str, why: str) -> None:
    place = write(model / "r" / "STS12.json", text)
    put(model / "r", "STS13", 0.5)
    found, warnings = joined(model)
    assert scores(found) == {"STS13": 0.5}
    assert len(warnings) == 1
    assert str(place) in warnings[0]
    assert why in warnings[0]
    assert "\n" not in warnings[0]


def test_a_file_that_lacks_a_subset_is_counted_and_named(model: Path) -> None:
    place = put(model / "r", "STS12", {"test": {"default": None, "other": 0.5}})
    put(model / "r", "STS13", {"validation": {"default": 0.5}})
    found, warnings = joined(model)
    assert (scores(found), warnings) == ({}, [])
    assert incomplete_line(found.incomplete) == (
        "2 result files lack splits or subsets that are asked for: "
        f"{place} (test/default), {model / 'r' / 'STS13.json'} (test)"
    )


def test_two_rows_of_a_subset_are_named(model: Path) -> None:
    place = put(model / "r", "STS12", 0.5)
    raw = json.loads(place.read_text())
    raw["scores"]["test"].append({"hf_subset": "default", "main_score": 0.7})
    write(place, raw)
    found, warnings = joined(model)
    assert scores(found) == {"STS12": 0.6}
    assert warnings == [
        f"{place} has several rows of test/default; as with mteb, all of them count"
    ]


def test_ten_megabytes_are_read(model: Path) -> None:
    rows = {f"subset {at}": 0.5 for at in range(100_000)}
    place = put(model / "r", "STS12", {"test": {"default": 0.25, **rows}})
    assert place.stat().st_size > 5e6
    write(model / "r" / "STS13.json", '{"task_name": "STS13", "x": "' + "a" * 10_000_000)
    found, warnings = joined(model)
    assert scores(found) == {"STS12": 0.25}
    assert len(warnings) == 1
    assert len(warnings[0]) < 400


def test_files_of_other_tasks_are_not_opened(model: Path) -> None:
    put(model / "r", "STS12", 0.5)
    write(model / "r" / "ArguAna.json", "not a result")
    assert joined(model)[1] == []


def test_one_cell_in_two_places_is_named_where_they_differ(tmp_path: Path) -> None:
    one, two = (tmp_path / name / "org__model" / "r" for name in ("one", "two"))
    for folder in (one, two):
        put(folder, "STS12", 0.5)
    put(one, "STS13", 0.5)
    put(two, "STS13", 0.6)
    found, warnings = joined(one.parents[1], two.parents[1])
    assert scores(found) == {"STS12": 0.5, "STS13": 0.5}
    assert len(warnings) == 1
    assert warnings[0].startswith("STS13 of org/model@r is 50.00 in ")
    assert "60.00 in" in warnings[0]


def test_an_old_name_of_a_task_answers_for_it(model: Path) -> None:
    task = mteb_task("EightTagsClustering")
    assert task is not None
    put_old(model / "r", "8TagsClustering", test={"v_measure": 0.4})
    found, warnings = joined(model, tasks=(task,))
    assert (scores(found), warnings) == ({"EightTagsClustering": 0.4}, [])


def test_an_aggregate_is_the_mean_of_its_parts_where_it_has_no_file(model: Path) -> None:
    task = mteb_task("CQADupstackRetrieval")
    assert task is not None
    for at, part in enumerate(task.parts[:-1]):
        put(model / "r", part, at / 100)
    assert scores(joined(model, tasks=(task,))[0]) == {}  # eleven of twelve
    put(model / "r", task.parts[-1], 0.11)
    found, _ = joined(model, tasks=(task,))
    assert scores(found) == {"CQADupstackRetrieval": pytest.approx(0.055)}
    assert found.answers["CQADupstackRetrieval"].parts == 12
    put(model / "r", "CQADupstackRetrieval", 0.9)
    assert joined(model, tasks=(task,))[0].answers["CQADupstackRetrieval"].parts == 0


def test_our_results_come_with_their_run_record(model: Path) -> None:
    put(model / "r", "STS12", 0.5)
    put_record(model / "r", "STS12", {"name": "org/model"}, origin="mirror")
    (answer,) = joined(model)[0].answers.values()
    assert answer.record["data"] == {"origin": "mirror"}
