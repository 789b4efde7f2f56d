"""Five steps of all-MiniLM-L6-v2 on STS-B, beside the published package's."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import write_rows
from tests.training.trainings import trained


def _rows(shared: Path) -> list[dict[str, Any]]:
    from angle_bench.evaluation.reader.select_files import read_rows

    rows = read_rows(shared / "data/mteb/stsbenchmark-sts/train.parquet")
    return [row for row, _ in zip(rows, range(160), strict=False)]


@pytest.mark.parametrize(
    "run", [pytest.param("cosine_angle", marks=pytest.mark.long), "cosine_ibn_angle"]
)
def test_losses_are_those_of_the_package(
    run: str, shared: Path, minilm: Path, tmp_path: Path
) -> None:
    trajectory = json.loads((shared / "reference/angle_emb.json").read_text())["trajectory"]
    expected = trajectory["runs"][run]
    binary = "0.7" in expected["labels"]
    rows = [
        {
            "text1": row["sentence1"],
            "text2": row["sentence2"],
            "label": float(row["score"] / 5 >= 0.7) if binary else row["score"] / 5,
        }
        for row in _rows(shared)
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    recipe = Recipe.model_validate(
        {
            "model": {"name": str(minilm), "pooling": "mean", "max_length": 128, "dropout": 0.0},
            "data": {"train": [{"path": str(tmp_path / "rows.jsonl")}], "shuffle": False},
            "loss": expected["weights"],
            "train": {
                "batch_size": 32,
                "learning_rate": 2e-5,
                "schedule": "constant",
                "warmup": 0,
                "max_grad_norm": 0,
                "log_steps": 1,
            },
            "select": {"suite": ""},
        }
    )
    _, seen = trained(recipe, tmp_path / "out")
    assert seen.losses == pytest.approx(expected["loss_per_step"], abs=1e-3)
