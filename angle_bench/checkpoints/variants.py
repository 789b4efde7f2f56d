"""Variants of a checkpoint: its layers, leading dimensions and precisions, each its own spec."""

from collections.abc import Sequence

from angle_bench.checkpoints.registry.mteb_models import mteb_protocol
from angle_bench.checkpoints.spec import SCORED_PRECISIONS, ModelSpec, Precision, Shape
from angle_bench.errors import UsageError, did_you_mean, or_list


def variants(
    spec: ModelSpec,
    layers: Sequence[int] = (),
    sizes: Sequence[int] = (),
    precisions: Sequence[str] = (),
) -> list[ModelSpec]:
    """A spec for every layer, size and precision; where none is given, the checkpoint itself.

    The last layer, the full width and float32 are the checkpoint's own settings, so that its plain
    results are part of the grid.

    Args:
        spec: The checkpoint.
        layers: Hidden states to pool, 0 the embeddings; empty is the last one.
        sizes: Leading dimensions to keep; empty is all of them.
        precisions: What vectors are quantised to before they are scored; empty is float32.

    Raises:
        UsageError: The checkpoint has no such layer or size, there is no such precision, or another
            library loads the checkpoint.
    """
    if not layers and not sizes and not precisions:
        return [spec]
    asked = known_precisions(precisions)
    if spec.endpoint is not None:
        return _of_endpoint(spec, layers, sizes, precisions)
    shape = _shape(spec, "--layers" if layers else "--sizes" if sizes else "--precisions")
    _refuse_beyond(spec, shape, layers, sizes)
    return [
        _variant(spec, shape, layer, size, precision)
        for layer in sorted(set(layers)) or [shape.layers]
        for size in sorted(set(sizes)) or [shape.width]
        for precision in asked or ["float32"]
    ]


def _of_endpoint(
    spec: ModelSpec, layers: Sequence[int], sizes: Sequence[int], precisions: Sequence[str]
) -> list[ModelSpec]:
    """Sizes are the `dimensions` that a server is asked for; its whole width is no request."""
    assert spec.endpoint is not None
    given = {"--layers": layers, "--precisions": precisions}
    if refused := [option for option, values in given.items() if values]:
        raise UsageError(
            f"{spec.label} is computed by its server; {or_list(refused)} cannot change that.",
            f"the same command without {or_list(refused)}",
        )
    width = spec.endpoint.width
    if any(not 1 <= size <= width for size in sizes):
        raise UsageError(
            f"{spec.label} has vectors of {width} dimensions.",
            f"--sizes {','.join(map(str, _halves(width)))}",
        )
    return [
        spec.model_copy(
            update={
                "endpoint": spec.endpoint.model_copy(
                    update={"dimensions": None if size == width else size}
                )
            }
        )
        for size in sorted(set(sizes))
    ]


def _halves(width: int) -> list[int]:
    return sorted({max(1, width // part) for part in (1, 2, 4)})


def varied(specs: Sequence[ModelSpec]) -> list[str]:
    """The layers, sizes and precisions of variants, where they are not the checkpoint's own."""
    used = [spec.settings for spec in specs if spec.settings]
    sizes = [each.size for each in used]
    sizes += [spec.endpoint.dimensions for spec in specs if spec.endpoint]
    axes: list[tuple[str, str, list[str]]] = [
        ("layer", "last", ["last" if each.layer is None else str(each.layer) for each in used]),
        ("size", "full", ["full" if each is None else str(each) for each in sizes]),
        ("precision", "float32", [each.precision for each in used]),
    ]
    return [
        f"{axis} {','.join(dict.fromkeys(values))}"
        for axis, own, values in axes
        if set(values) - {own}
    ]


def known_precisions(precisions: Sequence[str]) -> list[Precision]:
    """Precisions that vectors are scored in, each once, in the order of `SCORED_PRECISIONS`.

    Raises:
        UsageError: One of them is none of these.
    """
    for each in precisions:
        if each not in SCORED_PRECISIONS:
            near = did_you_mean(each, SCORED_PRECISIONS)
            hint = f" Did you mean {or_list(near)}?" if near else ""
            known = or_list(list(SCORED_PRECISIONS))
            raise UsageError(
                f"vectors are scored in {known}, not in {each!r}.{hint}",
                f"--precisions {','.join(SCORED_PRECISIONS)}",
            )
    return [each for each in SCORED_PRECISIONS if each in precisions]


def _variant(
    spec: ModelSpec, shape: Shape, layer: int, size: int, precision: Precision
) -> ModelSpec:
    settings = spec.required_settings().model_copy(
        update={
            "layer": None if layer == shape.layers else layer,
            "size": None if size == shape.width else size,
            "precision": precision,
        }
    )
    return spec.model_copy(update={"settings": settings})


def _shape(spec: ModelSpec, option: str) -> Shape:
    if spec.settings is None:
        here = spec.loader == "mteb" and mteb_protocol(spec.name) is not None
        raise UsageError(
            f"{spec.name} is loaded by {spec.loader} with its own settings; {option} cannot "
            "change them.",
            "the same command with --prompts mteb, which computes it here"
            if here
            else f"the same command without {option}",
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
        raise UsageError(
            f"{spec.label} has vectors of {shape.width} dimensions.",
            f"--sizes {','.join(map(str, _halves(shape.width)))}",
        )
