"""Variants of a checkpoint: its layers and its leading dimensions, each a spec of its own."""

from collections.abc import Sequence

from angle_bench.checkpoints.spec import ModelSpec, Shape
from angle_bench.errors import UsageError


def variants(
    spec: ModelSpec, layers: Sequence[int] = (), sizes: Sequence[int] = ()
) -> list[ModelSpec]:
    """A spec for every layer and size; where neither is given, the checkpoint itself.

    The last layer and the full width are the checkpoint's own settings, so that its plain results
    are part of the grid.

    Args:
        spec: The checkpoint.
        layers: Hidden states to pool, 0 the embeddings; empty is the last one.
        sizes: Leading dimensions to keep; empty is all of them.

    Raises:
        UsageError: The checkpoint has no such layer or size, or another library loads it.
    """
    if not layers and not sizes:
        return [spec]
    shape = _shape(spec, "--layers" if layers else "--sizes")
    _refuse_beyond(spec, shape, layers, sizes)
    return [
        _variant(spec, shape, layer, size)
        for layer in sorted(set(layers)) or [shape.layers]
        for size in sorted(set(sizes)) or [shape.width]
    ]


def _variant(spec: ModelSpec, shape: Shape, layer: int, size: int) -> ModelSpec:
    settings = spec.required_settings().model_copy(
        update={
            "layer": None if layer == shape.layers else layer,
            "size": None if size == shape.width else size,
        }
    )
    return spec.model_copy(update={"settings": settings})


def _shape(spec: ModelSpec, option: str) -> Shape:
    if spec.settings is None:
        raise UsageError(
            f"{spec.name} is loaded by {spec.loader} with its own settings; {option} cannot "
            "change them.",
            f"the same command without {option}",
        )
    if spec.shape is None:
        raise UsageError(
            f"the config of {spec.label} does not say how many layers and dimensions it has.",
            f"the same command without {option}",
        )
    return spec.shape


def _refuse_beyond(
    spec: ModelSpec, shape: Shape, layers: Sequence[int], sizes: Sequence[int]
) -> None:
    if any(not 0 <= layer <= shape.layers for layer in layers):
        middle = sorted({shape.layers // 3, 2 * shape.layers // 3, shape.layers})
        raise UsageError(
            f"{spec.label} has the layers 0 (the embeddings) to {shape.layers}.",
            f"--layers {','.join(map(str, middle))}",
        )
    if any(not 1 <= size <= shape.width for size in sizes):
        halves = sorted({max(1, shape.width // part) for part in (1, 2, 4)})
        raise UsageError(
            f"{spec.label} has vectors of {shape.width} dimensions.",
            f"--sizes {','.join(map(str, halves))}",
        )
