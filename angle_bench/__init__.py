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
    from angle_bench.api.checking import Checked as Checked
    from angle_bench.api.checking import check_models as check_models
    from angle_bench.api.comparing import compare as compare
    from angle_bench.api.diagnosis import Diagnosis as Diagnosis
    from angle_bench.api.diagnosis import doctor as doctor
    from angle_bench.api.downloading import Downloaded as Downloaded
    from angle_bench.api.downloading import download as download
    from angle_bench.api.encoding import Encoded as Encoded
    from angle_bench.api.encoding import encode as encode
    from angle_bench.api.exporting import Exported as Exported
    from angle_bench.api.exporting import export as export
    from angle_bench.api.forecasting import Forecast as Forecast
    from angle_bench.api.forecasting import forecast as forecast
    from angle_bench.api.forecasting import plan_training as plan_training
    from angle_bench.api.listing import Listing as Listing
    from angle_bench.api.listing import models as models
    from angle_bench.api.listing import recipes as recipes
    from angle_bench.api.listing import tasks as tasks
    from angle_bench.api.merging import Merged as Merged
    from angle_bench.api.merging import merge as merge
    from angle_bench.api.mining import mine_negatives as mine_negatives
    from angle_bench.api.objects.citation import Citation as Citation
    from angle_bench.api.objects.comparison import Comparison as Comparison
    from angle_bench.api.objects.comparison import Verdict as Verdict
    from angle_bench.api.objects.mined import Mined as Mined
    from angle_bench.api.objects.run_result import RunResult as RunResult
    from angle_bench.api.objects.training_plan import TrainingPlan as TrainingPlan
    from angle_bench.api.publishing.citing import cite as cite
    from angle_bench.api.publishing.submitting import Submission as Submission
    from angle_bench.api.publishing.submitting import submit as submit
    from angle_bench.api.reproducing import Reproduction as Reproduction
    from angle_bench.api.reproducing import reproduce as reproduce
    from angle_bench.api.running import run as run
    from angle_bench.api.stored import predictions as predictions
    from angle_bench.api.stored import runs as runs
    from angle_bench.api.stored import scores as scores
    from angle_bench.api.vector_cache import CacheFreed as CacheFreed
    from angle_bench.api.vector_cache import CacheInfo as CacheInfo
    from angle_bench.api.vector_cache import cache_clear as cache_clear
    from angle_bench.api.vector_cache import cache_info as cache_info
    from angle_bench.api.vector_cache import cache_prune as cache_prune
    from angle_bench.api.watching import progress as progress
    from angle_bench.errors import AngleBenchError as AngleBenchError
    from angle_bench.evaluation.encoders.load import load as load
    from angle_bench.training.api import evaluate as evaluate
    from angle_bench.training.api import train as train
    from angle_bench.training.callback import EvaluateCallback as EvaluateCallback

# where each name is; they bring much that nothing must import before it needs it
_HOMES = {
    "AngleBenchError": "errors",
    "CacheFreed": "api.vector_cache",
    "CacheInfo": "api.vector_cache",
    "Checked": "api.checking",
    "Citation": "api.objects.citation",
    "Comparison": "api.objects.comparison",
    "Diagnosis": "api.diagnosis",
    "Downloaded": "api.downloading",
    "Encoded": "api.encoding",
    "EvaluateCallback": "training.callback",
    "Exported": "api.exporting",
    "Forecast": "api.forecasting",
    "Leaderboard": "api.boards",
    "Listing": "api.listing",
    "Merged": "api.merging",
    "Mined": "api.objects.mined",
    "Reproduction": "api.reproducing",
    "RunResult": "api.objects.run_result",
    "Submission": "api.publishing.submitting",
    "TrainingPlan": "api.objects.training_plan",
    "Verdict": "api.objects.comparison",
    "cache_clear": "api.vector_cache",
    "cache_info": "api.vector_cache",
    "cache_prune": "api.vector_cache",
    "check_models": "api.checking",
    "cite": "api.publishing.citing",
    "compare": "api.comparing",
    "doctor": "api.diagnosis",
    "download": "api.downloading",
    "encode": "api.encoding",
    "evaluate": "training.api",
    "export": "api.exporting",
    "forecast": "api.forecasting",
    "leaderboard": "api.boards",
    "load": "evaluation.encoders.load",
    "merge": "api.merging",
    "mine_negatives": "api.mining",
    "models": "api.listing",
    "plan_training": "api.forecasting",
    "predictions": "api.stored",
    "progress": "api.watching",
    "recipes": "api.listing",
    "reproduce": "api.reproducing",
    "run": "api.running",
    "runs": "api.stored",
    "scores": "api.stored",
    "submit": "api.publishing.submitting",
    "tasks": "api.listing",
    "train": "training.api",
}

# whose homes import torch
_OF_TORCH = ("EvaluateCallback", "evaluate", "load", "train")

__all__ = [
    "AngleBenchError",
    "CacheFreed",
    "CacheInfo",
    "Checked",
    "Citation",
    "Comparison",
    "Diagnosis",
    "Downloaded",
    "Encoded",
    "EvaluateCallback",
    "Exported",
    "Forecast",
    "Leaderboard",
    "Listing",
    "Merged",
    "Mined",
    "Reproduction",
    "RunResult",
    "Submission",
    "TrainingPlan",
    "Verdict",
    "__version__",
    "cache_clear",
    "cache_info",
    "cache_prune",
    "check_models",
    "cite",
    "compare",
    "doctor",
    "download",
    "encode",
    "evaluate",
    "export",
    "forecast",
    "leaderboard",
    "load",
    "merge",
    "mine_negatives",
    "models",
    "plan_training",
    "predictions",
    "progress",
    "recipes",
    "reproduce",
    "run",
    "runs",
    "scores",
    "submit",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _OF_TORCH:
        from angle_bench.extras import needs_all

        needs_all(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
