"""A candidate keeps close to its teacher."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from angle_bench.errors import ModelError
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import build_tiny_bert
from tests.training.checkpoint_vectors import ours
from tests.training.trainings import recipe_of, trained


def recipe(folder: Path, model: Path, teacher: str, **section: object) -> Recipe:
    return recipe_of(
        folder,
        model,
        "B",
        model={"dropout": 0.0},
        loss={"ibn_w": 0.01},
        teacher={"model": teacher, **section},
        train={"epochs": 8, "learning_rate": 1e-3, "warmup": 0},
    )


@pytest.mark.parametrize("tokens", ["pooled", "all"])
def test_the_divergence_falls(tokens: str, tmp_path: Path, tiny_bert: Path) -> None:
    build_tiny_bert(tmp_path / "teacher", seed=5)
    asked = recipe(tmp_path, tiny_bert, str(tmp_path / "teacher"), tokens=tokens, weight=5.0)
    _, seen = trained(asked, tmp_path / "out")
    taught = [parts["teacher"] for parts in seen.parts]
    assert taught[-1] < 0.7 * taught[0]


@pytest.mark.long
def test_itself_holds_a_candidate_back(tmp_path: Path, tiny_bert: Path) -> None:
    before = ours(tiny_bert)
    moved = []
    for weight in (0.0, 100.0):
        asked = recipe(tmp_path, tiny_bert, "self", weight=weight)
        done, seen = trained(asked, tmp_path / f"out-{weight}")
        assert seen.parts[0]["teacher"] == pytest.approx(0, abs=1e-4)
        moved.append(np.abs(ours(done.folder) - before).mean())
    assert moved[1] < moved[0]


def test_a_teacher_that_does_not_fit_is_refused(tmp_path: Path, tiny_bert: Path) -> None:
    build_tiny_bert(tmp_path / "narrow", hidden_size=16)
    with pytest.raises(ModelError, match="16 dimensions, the candidate 32"):
        trained(recipe(tmp_path, tiny_bert, str(tmp_path / "narrow")), tmp_path / "out")
    other = tmp_path / "other"
    shutil.copytree(tiny_bert, other)
    words = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(words.replace('"guitar"', '"violin"'))
    with pytest.raises(ModelError, match="another tokenizer"):
        trained(recipe(tmp_path, tiny_bert, str(other)), tmp_path / "out")
