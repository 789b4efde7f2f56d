"""Tells trackers what came of a run; what one of them cannot take costs the run nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

from angle_bench.errors import first_line
from angle_bench.evaluation.tracking.model_report import ModelReport
from angle_bench.evaluation.tracking.trackers import tracker_of


def tell_trackers(
    names: Sequence[str],
    models: Sequence[ModelReport],
    results: Path,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Report every model to every tracker.

    A tracker that fails is named in a warning and told nothing more; the others go on.

    Args:
        names: The trackers.
        models: What came of each model.
        results: The results folder.
        say: Takes a line for each tracker: where it keeps the reports.
        warn: Takes a line for each tracker that failed.
    """
    for name in names:
        told = 0
        try:
            tracker = tracker_of(name, results)
            for model in models:
                where = tracker.report(model)
                told += 1
        except Exception as error:  # of a library and its service, which the scores do not need
            warn(
                f"{name} has {told} of {len(models)} models, then it failed: "
                f"{type(error).__name__}: {first_line(error)}. All scores are stored; "
                "the same command tells it again"
            )
        else:
            if models:
                say(f"{name}  {where}")
