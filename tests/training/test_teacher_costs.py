"""What `train -n` says of teachers: their weights, and the tokens that really go through them."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.training.loop import fine_tune
from angle_bench.training.preview import preview as module
from angle_bench.training.preview.preview import preview
from angle_bench.training.preview.teacher_costs import TeacherCost
from tests.checkpoints import build_tiny_bert, write_rows
from tests.conftest import Cli
from tests.training.test_similarity_teacher import SIMILARITIES, handed_over, wide
from tests.training.trainings import recipe_of, trained


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[TeacherCost]:
    """What previews count since."""
    found: list[TeacherCost] = []
    count = module.teacher_costs

    def keeping(*words: Any) -> list[TeacherCost]:
        found[:] = count(*words)
        return found

    monkeypatch.setattr(module, "teacher_costs", keeping)
    return found


@pytest.mark.parametrize("train", [{"epochs": 3}, {"max_steps": 2}], ids=["epochs", "steps"])
def test_tokens_are_those_that_are_computed(
    train: dict[str, Any],
    tmp_path: Path,
    tiny_bert: Path,
    costs: list[TeacherCost],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A text of a teacher of similarities once, whatever the epochs."""
    teachers: list[Any] = []
    load = fine_tune.load_teachers

    def keeping(*words: Any) -> Any:
        teachers.append(load(*words))
        return teachers[-1]

    monkeypatch.setattr(fine_tune, "load_teachers", keeping)
    section = {"model": str(wide(tmp_path / "teacher")), **SIMILARITIES}
    # as many tokens in each text, so that the first batches are as all others
    rows = [{"query": f"a {a} {b}", "positive": f"the {b} {a}"} for a in "bcdef" for b in "uvwxyz"]
    write_rows(tmp_path / "rows-B.jsonl", rows[:24])
    asked = recipe_of(tmp_path, tiny_bert, "B", teacher=section, train=train)
    seen = preview(asked, LoadOptions(), "cpu")
    trained(asked, tmp_path / "out", store_options=StoreOptions(folder=tmp_path / "cache"))
    (teacher,) = teachers[0].values()
    assert costs[0].tokens == teacher.encoder.counted()["tokens"]
    loaded = teacher.encoder.encoder.workers.loaded.parameters
    assert seen.memory is not None
    assert seen.memory.teachers == costs[0].memory == 4 * loaded
    assert 0 < seen.teaching < (seen.seconds or 0)


def test_a_teacher_of_vectors_gets_the_candidates_tokens(
    tmp_path: Path, tiny_bert: Path, costs: list[TeacherCost]
) -> None:
    asked = recipe_of(tmp_path, tiny_bert, teacher={"model": "self"}, train={"accumulation": 3})
    seen = preview(asked, LoadOptions(), "cpu")
    assert costs[0].tokens == (seen.tokens or 0) * seen.steps * 3
    assert seen.memory is not None
    assert seen.memory.teachers == seen.memory.weights
    assert preview(recipe_of(tmp_path, tiny_bert), LoadOptions(), "cpu").teaching == 0


def test_what_is_left_out_is_said(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    write_rows(
        tmp_path / "rows.jsonl", [{"query": "a", "positive": "b"}, {"query": "c", "positive": "d"}]
    )
    build_tiny_bert(tmp_path / "short", seed=3, max_position_embeddings=2)
    place = tmp_path / "r.toml"
    place.write_text(
        f'[model]\nname = "{tiny_bert}"\npooling = "mean"\n[[data.train]]\npath = "rows.jsonl"\n'
        f'[[teacher]]\nmodel = "{handed_over(tmp_path / "st")}"\ncompare = "similarities"\n'
        f'[[teacher]]\nmodel = "{tmp_path / "short"}"\ncompare = "similarities"\npooling = "cls"\n'
    )
    ended = cli("train", place, "-n")
    assert (ended.code, ended.errors) == (0, [])
    assert "without evaluation, the teacher st, which sentence-transformers computes" in ended.err
    assert "of the first 4 texts the teacher short cuts 4 to 2 tokens" in ended.err
    assert ", teachers " in ended.err
    said = json.loads(cli("train", place, "-n", "--json").out)
    assert said["left_out"] == ["the teacher st, which sentence-transformers computes"]
    assert said["memory"]["teachers"] > 0
