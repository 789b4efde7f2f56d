"""angle-bench: benchmark sentence embeddings of the AnglE family on MTEB.

>>> import angle_bench
>>> encoder = angle_bench.load("all-MiniLM-L6-v2")
>>> encoder.encode(["A man is eating.", "Someone eats."]).shape
(2, 384)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from angle_bench.evaluation.adapter import load as load

__all__ = ["__version__", "load"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # `load` brings torch, which the command line must not import before it needs it
    if name == "load":
        from angle_bench.evaluation.adapter import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
