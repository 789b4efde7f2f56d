"""What mteb's models declare to be trained on, beside mteb itself."""

from types import SimpleNamespace
from typing import Any

import mteb
import pytest

from angle_bench.reporting.zero_shot.trained_on import TaskTraining, TrainedOn
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.select import select
from angle_bench.suites.training_sets import declared_tasks, in_mteb
from tools import mteb_training_sets
from tools.mteb_registry import MODEL_RENAMES, MODELS

BENCHMARKS = ("MTEB(eng, v2)", "MTEB(Multilingual, v2)")


def ours(model: str, names: list[str]) -> int | None:
    """The share by what is shipped."""
    declared = declared_tasks(model)
    told = {name: TaskTraining(None if declared is None else name in declared) for name in names}
    return TrainedOn(told).percent


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_share_is_mteb_s(name: str) -> None:
    tasks = list(mteb.get_benchmark(name).tasks)
    names = [task.name for task in select([name]).task]
    assert {task.metadata.name for task in tasks} == set(names)
    shares = {model: meta.zero_shot_percentage(tasks) for model, meta in MODELS.items()}
    assert {model: ours(model, names) for model in shares} == shares
    told = [share for share in shares.values() if share is not None]
    assert len(told) > 300
    assert len(set(told)) > 10
    assert None in shares.values()


def test_every_text_task_of_every_model_is_mteb_s() -> None:
    """Not the share alone: which tasks."""
    tasks = set(catalogue()["tasks"])
    for model, meta in MODELS.items():
        declared, theirs = declared_tasks(model), meta.get_training_datasets()
        assert in_mteb(model)
        assert (None if declared is None else declared & tasks) == (
            None if theirs is None else theirs & tasks
        ), model


def test_a_linked_task_counts() -> None:
    """A model that declares FEVER was trained on its translations, too."""
    model = "intfloat/e5-mistral-7b-instruct"
    declared = MODELS[model].training_datasets or set()
    assert "FEVER" in declared
    assert "FEVER-VN" not in declared
    assert {"FEVER", "FEVER-VN"} <= (declared_tasks(model) or set())


def test_a_model_under_its_earlier_name_is_the_same() -> None:
    old, new = next((old, new) for old, new in MODEL_RENAMES.items() if declared_tasks(new))
    assert declared_tasks(old) == declared_tasks(new)


def test_nothing_declared_is_not_nothing_trained_on() -> None:
    metas = MODELS.items()
    silent = next(name for name, meta in metas if meta.training_datasets is None)
    empty = next(name for name, meta in metas if meta.training_datasets == set())
    assert declared_tasks(silent) is None
    assert declared_tasks(empty) == frozenset()
    assert (ours(silent, ["STS12"]), ours(empty, ["STS12"])) == (None, 100)
    assert declared_tasks("org/nobody-knows") is None
    assert not in_mteb("org/nobody-knows")


def test_case_does_not_matter() -> None:
    found = declared_tasks("BAAI/bge-base-en-v1.5")
    assert found
    assert declared_tasks("baai/BGE-base-EN-v1.5") == found


def test_links_are_followed_over_several_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    links: dict[str, list[str]] = {"a": ["b"], "c": ["d"], "d": ["b", "e"], "x": ["y"]}
    monkeypatch.setattr(mteb_training_sets, "SIMILAR_TASKS", links)
    assert mteb_training_sets.similar_tasks() == [["a", "b", "c", "d", "e"], ["x", "y"]]


def test_what_a_model_was_made_from_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def meta(training: Any, made_from: str | None = None) -> Any:
        return SimpleNamespace(training_datasets=training, adapted_from=made_from)

    known = {"first": meta({"A"}), "second": meta({"B"}, "first"), "silent": meta(None, "first")}
    known |= {"third": meta({"C"}, "second"), "of silent": meta({"D"}, "silent")}
    monkeypatch.setattr(mteb_training_sets, "MODELS", known)
    monkeypatch.setattr(mteb_training_sets, "MODEL_RENAMES", {})
    made = mteb_training_sets.training_sets({"A", "B", "C", "D"})
    sets = {name: each["tasks"] for each in made["declared"] for name in each["models"]}
    assert sets == {
        "first": ["A"],
        "second": ["A", "B"],
        "third": ["A", "B", "C"],
        "of silent": ["D"],
    }
    assert made["undeclared"] == ["silent"]
