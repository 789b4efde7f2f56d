"""The models that a results folder has scores of."""

from pathlib import Path

import pytest

from angle_bench.results.find.stored_models import StoredModel, stored_models
from angle_bench.results.layout import ModelFolder
from tests.stored import MEAN, Pairs, Results, task


def tasks_of(model: StoredModel) -> list[str]:
    return sorted(set().union(*(folder.files for folder in model.folders)))


def test_labels_settings_and_tasks(tmp_path: Path) -> None:
    results, pairs = Results(tmp_path), Pairs("A")
    part = pairs.part(pairs.scores(0.1, 1))
    results.put("local/ft", "A", part, label="mine", checkpoint=tmp_path / "ft")
    layer = MEAN.with_changes(layer=4, size=128)
    results.put("local/ft", "A", part, label="mine", settings=layer, settings_id="01234567")
    results.put("local/ft", "B", part, label="mine", checkpoint=tmp_path / "ft")
    plain, cut = stored_models(tmp_path)
    assert (plain.label, tasks_of(plain)) == ("mine", ["A", "B"])
    assert (cut.label, tasks_of(cut)) == ("mine layer 4 size 128", ["A"])
    assert plain.checkpoint == tmp_path / "ft"
    assert plain.run_words() == ["-m", f"mine={tmp_path}/ft", "-r", str(tmp_path)]
    words = cut.run_words()
    assert words[words.index("--layers") + 1] == "4"
    assert words[words.index("--sizes") + 1] == "128"


def test_where_things_are_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results, pairs = Results(Path("results")), Pairs("A")
    typed = ["angle-bench", "run", "-m", "org/a", "--mirror", "my data", "--base=b", "-q"]
    results.put("org/a", "A", pairs.part(pairs.scores(0.1, 1)), revision="abc", command=typed)
    words = ["-m", "a=org/a@abc", "--mirror", "my data", "--base", "b"]
    assert results.model("org/a").run_words() == words  # results/ needs no word


def test_public_results_of_one_model_are_joined(tmp_path: Path) -> None:
    results = Results(tmp_path)
    commit = ModelFolder(tmp_path, "org/model", "abc123")
    external = ModelFolder(tmp_path, "org/model", "external")
    results.result(commit, "A", {("test", "default"): 0.5})
    results.result(external, "A", {("test", "default"): 0.9})
    results.result(external, "B", {("test", "default"): 0.4})
    (model,) = stored_models(tmp_path)
    found = model.answers([task("A"), task("B"), task("C")], [])
    assert {name: answer.folder.path for name, answer in found.items()} == {
        "A": commit.path,
        "B": external.path,
    }
    assert model.revision == "abc123"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path, "org/model", "abc123")
    for name in ("A", "STS12"):
        Results(tmp_path).result(folder, name, {("test", "default"): 0.5})
        folder.result(name).write_text("{", encoding="utf-8")
    warnings: list[str] = []
    (model,) = stored_models(tmp_path, warnings)
    assert warnings == [f"1 JSON file is no result: {folder.result('A')}"]  # mteb has no task A
    assert model.answers([task("STS12")], warnings) == {}
    assert str(folder.result("STS12")) in warnings[1]


def test_our_own_revisions_stay_apart(tmp_path: Path) -> None:
    """A checkpoint that was overwritten never fills the gaps of the new one."""
    results, pairs = Results(tmp_path), Pairs("A")
    part = pairs.part(pairs.scores(0.1, 1))
    for revision in ("sha256-0000000000000000", "sha256-1111111111111111"):
        results.put("local/ft", "A", part, revision=revision)
    found = stored_models(tmp_path)
    assert [model.short_revision for model in found] == ["00000000", "11111111"]
    assert all(len(model.folders) == 1 for model in found)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert stored_models(tmp_path) == []
    assert stored_models(tmp_path / "none") == []
