"""Parameters of a recipe: all of them, and those that train."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.training.model.weight_names import WeightGroup, chosen, parts_of
from angle_bench.training.preview.checkpoint_size import of_files, parameters_of, shapes_of
from angle_bench.training.recipe.recipe import Recipe

TABLES = ("shared", "relative_attention_bias")  # embeddings of T5 under names of their own


@dataclass(frozen=True)
class Parameters:
    """Counts of parameters.

    Attributes:
        whole: Those of the checkpoint.
        trains: What trains, by its modules.
    """

    whole: int
    trains: Sequence[WeightGroup]

    @property
    def trainable(self) -> int:
        """How many train."""
        return sum(group.modules * group.parameters for group in self.trains)


def count_parameters(recipe: Recipe, spec: ModelSpec, place: CheckpointPaths) -> Parameters | None:
    """All parameters, and those that train; None where the weight files do not say.

    Raises:
        UsageError: `model.trainable` or `model.frozen` name nothing, or leave nothing.
    """
    shapes = shapes_of(place.whole)
    if not shapes:
        return None
    whole = parameters_of(shapes)
    if spec.base is not None:
        trained = _whole(sorted(place.folder.glob("adapter_model*.safetensors")))
    elif recipe.lora is not None:
        trained = _adapters(shapes, recipe)
    else:
        trained = parts_of(shapes, chosen(recipe.model, shapes))
    dense = [of_files([place.folder / path / "model.safetensors"]) for path in _dense(spec)]
    trained += [
        WeightGroup(f"dense.{number}", 1, sum(math.prod(shape) for _, shape in each))
        for number, each in enumerate(dense)
    ]
    return Parameters(whole, trained)


def _whole(files: Iterable[Path]) -> list[WeightGroup]:
    shapes = dict(of_files(files))
    return parts_of(shapes, shapes)


def _dense(spec: ModelSpec) -> Sequence[str]:
    return spec.required_settings().dense


def _adapters(shapes: Mapping[str, tuple[int, ...]], recipe: Recipe) -> list[WeightGroup]:
    """Adapters of linear layers, those of one name and size together."""
    assert recipe.lora is not None
    found: Counter[tuple[str, int]] = Counter()
    for name, shape in shapes.items():
        if _adapted(name, shape, recipe):
            layer = name.removesuffix(".weight").rpartition(".")[2]
            found[f"adapter of {layer}", recipe.lora.r * sum(shape)] += 1
    return [WeightGroup(name, count, size) for (name, size), count in found.items()]


def _adapted(name: str, shape: tuple[int, ...], recipe: Recipe) -> bool:
    """Whether a weight is of a linear layer that gets an adapter."""
    assert recipe.lora is not None
    module = name.removesuffix(".weight")
    last = module.rpartition(".")[2]
    if len(shape) != 2 or module == name or "embed" in module or "pooler" in name.split("."):
        return False
    return last not in TABLES and (not recipe.lora.targets or last in recipe.lora.targets)
