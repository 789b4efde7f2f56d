"""Which weights a recipe trains: whole parts of names, globs on request, what `-n` says of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.errors import UsageError
from angle_bench.training.model.student import load_student
from angle_bench.training.model.weight_names import WeightGroup, chosen, parts_of
from angle_bench.training.preview.preview import preview
from angle_bench.training.recipe.model_sections import ModelSection
from angle_bench.training.recipe.starting_point import starting_point
from tests.checkpoints import build_tiny
from tests.conftest import Cli
from tests.training.trainings import recipe_of

LAYERS = [
    f"encoder.layer.{number}.output.{name}"
    for number in range(12)
    for name in ("dense.weight", "dense.bias", "LayerNorm.weight")
]
NAMES = ["embeddings.word_embeddings.weight", *LAYERS, "pooler.dense.weight"]


def numbers(**model: Any) -> set[str]:
    found = chosen(ModelSection(name="bert", **model), NAMES)
    return {name.split(".")[2] for name in found if name.startswith("encoder")}


def test_parts_are_whole() -> None:
    assert numbers(trainable=["layer.1"]) == {"1"}
    assert numbers(frozen=["layer.1"]) == set(map(str, range(12))) - {"1"}
    assert numbers(trainable=["layer.1*"]) == {"1", "10", "11"}
    assert numbers(trainable=["layer.1?"]) == {"10", "11"}
    assert numbers(trainable=["layer.[89]", "layer.10"]) == {"8", "9", "10"}
    found = chosen(
        ModelSection(name="bert", trainable=("layer.*.output.dense",), frozen=("bias",)), NAMES
    )
    assert found == [name for name in LAYERS if name.endswith("dense.weight")]
    assert "pooler.dense.weight" not in chosen(ModelSection(name="bert"), NAMES)


@pytest.mark.parametrize(
    ("model", "what", "fix"),
    [
        ({"frozen": ["word"]}, "no weight is called word", "word_embeddings, or *word* for all"),
        ({"trainable": ["layer.12"]}, "no weight has layer.12", "one of"),
        ({"trainable": ["layr.1"]}, "no weight has layr.1", "one of"),
        ({"frozen": ["embedings"]}, "Did you mean embeddings?", "one of embeddings"),
        ({"frozen": ["*"]}, "nothing would train", "frozen"),
        ({"trainable": ["pooler"]}, "nothing would train", "frozen"),
    ],
)
def test_a_name_that_matches_nothing_is_an_error(
    model: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(UsageError) as refused:
        chosen(ModelSection(name="bert", **model), NAMES)
    assert what in refused.value.what
    assert fix in refused.value.fix


def test_what_trains_is_said_by_module() -> None:
    shapes = {f"bert.{name}": (2, 3) for name in NAMES}
    training = [name for name in shapes if ".11." not in name and "pooler" not in name]
    training.remove("bert.encoder.layer.4.output.dense.bias")
    assert parts_of(shapes, training) == [
        WeightGroup("embeddings", 1, 6),
        WeightGroup("encoder.layer.0 to 3", 4, 18),
        WeightGroup("encoder.layer.4", 1, 12),
        WeightGroup("encoder.layer.5 to 10", 6, 18),
    ]


@pytest.mark.parametrize("kind", ["bert", "llama", "modernbert", "adapter"])
@pytest.mark.parametrize("model", [{}, {"frozen": ["*embed*"]}], ids=["all", "frozen"])
def test_the_preview_counts_what_trains(
    kind: str, model: dict[str, Any], tmp_path: Path, tiny_bert: Path
) -> None:
    """Against the weights that do train once the checkpoint is loaded."""
    adapter = kind == "adapter"
    start = (
        tiny_bert if kind == "bert" else build_tiny(tmp_path / kind, "llama" if adapter else kind)
    )
    more: dict[str, Any] = {"lora": {"r": 2}} if adapter else {}
    recipe = recipe_of(tmp_path, start, model={} if adapter else model, prompts={}, **more)
    spec = starting_point(recipe, LoadOptions())
    student = load_student(
        recipe, spec, CheckpointPaths(start, None, spec.trust), torch.device("cpu")
    )
    training = [weight for weight in student.module.parameters() if weight.requires_grad]
    seen = preview(recipe, LoadOptions(), "cpu")
    assert seen.trainable == sum(weight.numel() for weight in training)
    assert seen.trains is not None
    assert sum(part.modules * part.parameters for part in seen.trains) == seen.trainable


def test_a_dry_run_lists_them(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    from tests.training.test_preview import put

    place = put(tmp_path, tiny_bert)
    ended = cli("train", place, "-n", "--set", 'model.trainable=["layer.1", "embeddings"]')
    assert (ended.code, ended.errors) == (0, [])
    said = json.loads(
        cli("train", place, "-n", "--json", "--set", 'model.trainable=["layer.1"]').out
    )
    (layer,) = said["trains"]
    assert layer["name"] == "encoder.layer.1"
    assert f"  encoder.layer.1: {layer['parameters']:,}\n" in ended.err
    assert "  embeddings: " in ended.err
    refused = cli("train", place, "-n", "--set", 'model.frozen=["laye"]')
    assert refused.code == 2
    assert "no weight is called laye" in refused.errors[0]
