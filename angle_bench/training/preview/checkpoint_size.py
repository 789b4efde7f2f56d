"""How large a checkpoint is, by its files: weights with their shapes, bytes."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from safetensors import safe_open

from angle_bench.checkpoints.folder.config import T5_FAMILY, read_config
from angle_bench.training.model.weight_names import BUFFERS, HEADS

QUANTIZED = {"4bit": 0.5, "8bit": 1.0}  # bytes of a weight


def shapes_of(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """The weights that are loaded, each with its shape; none where the files do not say."""
    encoder = read_config(folder).get("model_type") in T5_FAMILY
    return {
        name: shape
        for name, shape in of_files(sorted(folder.glob("*.safetensors")))
        if not _not_loaded(name) and not (encoder and name.startswith("decoder."))
    }


def of_files(files: Iterable[Path]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What files of safetensors hold, each with its shape."""
    for file in files:
        with safe_open(file, framework="numpy") as opened:
            for name in opened.keys():  # noqa: SIM118
                yield name, tuple(opened.get_slice(name).get_shape())


def parameters_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many parameters weights have together."""
    return sum(map(math.prod, shapes.values()))


def _not_loaded(name: str) -> bool:
    """Whether what a file holds is of a head of words, or no weight."""
    return any(part in (*HEADS, *BUFFERS) for part in name.split("."))
