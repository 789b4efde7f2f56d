"""angle-bench: benchmark sentence embeddings of the AnglE family on MTEB.

>>> import angle_bench
>>> encoder = angle_bench.load("all-MiniLM-L6-v2")
>>> encoder.encode(["A man is eating.", "Someone eats."]).shape
(2, 384)
"""

from typing import TYPE_CHECKING, Any

from angle_bench.version import __version__ as __version__

if TYPE_CHECKING:
    from angle_bench.evaluation.loading import load as load
    from angle_bench.training.api import evaluate as evaluate
    from angle_bench.training.api import merge as merge
    from angle_bench.training.api import train as train
    from angle_bench.training.callback import EvaluateCallback as EvaluateCallback

__all__ = ["EvaluateCallback", "__version__", "evaluate", "load", "merge", "train"]


def __getattr__(name: str) -> Any:
    # they bring much that the command line must not import before it needs it
    if name == "load":
        from angle_bench.evaluation.loading import load

        return load
    if name == "EvaluateCallback":
        from angle_bench.training.callback import EvaluateCallback

        return EvaluateCallback
    if name in ("evaluate", "merge", "train"):
        from angle_bench.training import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
