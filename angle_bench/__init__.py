"""angle-bench: benchmark sentence embeddings of the AnglE family on MTEB.

>>> import angle_bench as ab
>>> r = ab.run("all-MiniLM-L6-v2", tasks="demo", progress=False)
>>> round(float(r.table().loc["all-MiniLM-L6-v2", "AngleBenchDemo"]), 2)
65.31

and then `ab.compare("all-MiniLM-L6-v2", "tuned", tasks="STS")["tuned"].verdict`.

What stands in `__all__` is public: a function or argument goes away one minor version after a
DeprecationWarning says what takes its place. Everything else may change at any time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from angle_bench.version import __version__ as __version__

if TYPE_CHECKING:
    from angle_bench.api.boards import Leaderboard as Leaderboard
    from angle_bench.api.boards import leaderboard as leaderboard
    from angle_bench.api.catalogue import Listing as Listing
    from angle_bench.api.catalogue import models as models
    from angle_bench.api.catalogue import recipes as recipes
    from angle_bench.api.catalogue import tasks as tasks
    from angle_bench.api.comparing import compare as compare
    from angle_bench.api.comparison import Comparison as Comparison
    from angle_bench.api.comparison import Verdict as Verdict
    from angle_bench.api.reproducing import Reproduction as Reproduction
    from angle_bench.api.reproducing import reproduce as reproduce
    from angle_bench.api.run_result import RunResult as RunResult
    from angle_bench.api.running import run as run
    from angle_bench.api.stored import predictions as predictions
    from angle_bench.api.stored import runs as runs
    from angle_bench.api.stored import scores as scores
    from angle_bench.errors import AngleBenchError as AngleBenchError
    from angle_bench.evaluation.loading import load as load
    from angle_bench.training.api import evaluate as evaluate
    from angle_bench.training.api import merge as merge
    from angle_bench.training.api import train as train
    from angle_bench.training.callback import EvaluateCallback as EvaluateCallback

# where each name is; they bring much that nothing must import before it needs it
_HOMES = {
    "AngleBenchError": "errors",
    "EvaluateCallback": "training.callback",
    "Comparison": "api.comparison",
    "Leaderboard": "api.boards",
    "Listing": "api.catalogue",
    "Reproduction": "api.reproducing",
    "RunResult": "api.run_result",
    "Verdict": "api.comparison",
    "compare": "api.comparing",
    "evaluate": "training.api",
    "leaderboard": "api.boards",
    "load": "evaluation.loading",
    "merge": "training.api",
    "models": "api.catalogue",
    "predictions": "api.stored",
    "recipes": "api.catalogue",
    "reproduce": "api.reproducing",
    "run": "api.running",
    "runs": "api.stored",
    "scores": "api.stored",
    "tasks": "api.catalogue",
    "train": "training.api",
}

__all__ = [
    "AngleBenchError",
    "Comparison",
    "EvaluateCallback",
    "Leaderboard",
    "Listing",
    "Reproduction",
    "RunResult",
    "Verdict",
    "__version__",
    "compare",
    "evaluate",
    "leaderboard",
    "load",
    "merge",
    "models",
    "predictions",
    "recipes",
    "reproduce",
    "run",
    "runs",
    "scores",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
