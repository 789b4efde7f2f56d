"""Whether a processor computes faster in half precision: a short measurement on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import gelu, linear

from angle_bench.encoding.machine import cores

WORTH_SAYING = 1.2
HALVES = ("bfloat16", "float16")
TOKENS = 1024
SMALL = 128  # tokens and width of the small layer
ROUNDS = 5


@dataclass(frozen=True)
class FasterHalf:
    """A dtype in which a model of this width would be computed faster here.

    Attributes:
        dtype: Its name, as `--dtype` takes it.
        times: About how many times as many texts a second.
    """

    dtype: str
    times: float

    def __str__(self) -> str:
        return (
            f"{self.dtype} would be about {self.times:.1f}× faster here (--dtype {self.dtype}; "
            "its results are kept apart from those of float32)"
        )


def faster_half(width: int) -> FasterHalf | None:
    """The half precision that is faster than float32 on this processor, if one is.

    The products of one transformer layer, (1,024 tokens, width), are timed in each dtype by
    turns; the least time of each counts. It takes some tenths of a second. A dtype that this
    processor has no instructions for takes many times as long, which a small layer shows.

    Args:
        width: Of the hidden states of the model.
    """
    small = _least(("float32", *HALVES), SMALL, SMALL)
    likely = [name for name in HALVES if small[name] < small["float32"]]
    if not likely:
        return None
    least = _least(("float32", *likely), TOKENS, width)
    fastest = min(likely, key=least.__getitem__)
    times = least["float32"] / least[fastest]
    return FasterHalf(fastest, times) if times >= WORTH_SAYING else None


def _least(dtypes: Sequence[str], tokens: int, width: int) -> dict[str, float]:
    """The least seconds of a layer in each dtype, of several rounds."""
    layers = {name: _layer(tokens, width, getattr(torch, name)) for name in dtypes}
    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    try:
        rounds = [{name: _seconds(layer) for name, layer in layers.items()} for _ in range(ROUNDS)]
    finally:
        torch.set_num_threads(before)
    return {name: min(each[name] for each in rounds) for name in dtypes}


def _layer(tokens: int, width: int, dtype: torch.dtype) -> Callable[[], None]:
    """The products of a transformer layer with a feed-forward part four times as wide."""

    def made(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, dtype=dtype)

    texts, query, out = made(tokens, width), made(3 * width, width), made(width, width)
    up, down = made(4 * width, width), made(width, 4 * width)

    def compute() -> None:
        with torch.inference_mode():
            linear(texts, query)
            linear(gelu(linear(linear(texts, out), up)), down)

    return compute


def _seconds(compute: Callable[[], None]) -> float:
    started = time.perf_counter()
    compute()
    return time.perf_counter() - started
