"""The layers, sizes and precisions of a model as a grid of the first page."""

from collections.abc import Sequence
from typing import Any

from angle_bench.reporting.site.shown import Exhibit, Variant
from angle_bench.reporting.tables.grid import BITS, vector_bytes
from angle_bench.reporting.tables.table import ABSENT

SHADES = 5


def variant_grid(shown: Exhibit, variants: Sequence[Variant]) -> dict[str, Any]:
    """Layers and precisions by sizes; each score with its shade, from 0 for the least.

    Args:
        shown: What the site shows.
        variants: Rows of its board.

    Returns:
        What the template is given. Where vectors are quantised, `bytes` has a line for each
        precision: what a vector takes, as far as its length is known.
    """
    scores = _scores(shown, variants)
    layers = sorted({each.layer for each in variants}, key=_last)
    sizes = sorted({each.size for each in variants}, key=_last)
    precisions = [each for each in BITS if each in {one.precision for one in variants}]
    quantised = precisions != ["float32"]
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)

    def cell(layer: int | None, size: int | None, precision: str) -> tuple[str, int | None]:
        score = scores.get((layer, size, precision))
        if score is None:
            return ABSENT, None
        share = (score - low) / (high - low) if high > low else 0.0
        return f"{100 * score:.{shown.board.decimals}f}", min(int(SHADES * share), SHADES - 1)

    return {
        "whole": bool(scores),
        "sizes": ["all" if size is None else str(size) for size in sizes],
        "by": "layer, precision and dimensions" if quantised else "layer and dimensions",
        "lines": [
            (_line(layer, precision, quantised), [cell(layer, size, precision) for size in sizes])
            for layer in layers
            for precision in precisions
        ],
        "bytes": [
            (f"bytes per vector {each}", _bytes(shown, variants, sizes, each))
            for each in precisions
            if quantised
        ],
    }


def _scores(
    shown: Exhibit, variants: Sequence[Variant]
) -> dict[tuple[int | None, int | None, str], float]:
    rows = {row.label: row for row in shown.board.rows}
    values = {each: shown.board.value(rows[each.label], shown.board.headline) for each in variants}
    return {
        (each.layer, each.size, each.precision): value.score
        for each, value in values.items()
        if value.score is not None and not value.partial
    }


def _line(layer: int | None, precision: str, quantised: bool) -> str:
    said = "last" if layer is None else str(layer)
    return f"{said} {precision}" if quantised else said


def _bytes(
    shown: Exhibit, variants: Sequence[Variant], sizes: Sequence[int | None], precision: str
) -> list[str]:
    lengths = {each.size: shown.facts[each.label].dimensions for each in variants}
    known = [lengths[size] for size in sizes]
    return [ABSENT if each is None else str(vector_bytes(each, precision)) for each in known]


def _last(value: int | None) -> tuple[bool, int]:
    """The last layer and all dimensions come last."""
    return value is None, value or 0
