"""The trackers by their names: which there are, whether they are installed, what one is told."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from angle_bench.errors import UsageError
from angle_bench.evaluation.tracking.model_report import ModelReport

TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")
OF_THE_EXTRA = ("tensorboard", "wandb")


class Tracker(Protocol):
    """Where the scores of a run are reported, a tracker's run for each model."""

    def report(self, model: ModelReport) -> str:
        """Keep what came of one model, as a run of its own.

        Returns:
            Where it is, for people.
        """
        ...


def tracker_names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The trackers of a text with commas, or of several; `none` alone is none.

    >>> tracker_names("wandb, mlflow"), tracker_names(["wandb"]), tracker_names("none")
    (('wandb', 'mlflow'), ('wandb',), ())
    """
    texts = [given] if isinstance(given, str) else list(given or ())
    names = tuple(word.strip() for text in texts for word in text.split(","))
    return () if names == ("none",) else names


def check_tracker(name: str) -> None:
    """Refuse a tracker that is unknown or not installed.

    Raises:
        UsageError: The tracker is unknown or not installed.
    """
    if name not in TRACKERS:
        raise UsageError(f"there is no tracker {name}.", f"--track {', '.join(TRACKERS)} or none")
    found = find_spec(name)
    if found is None or found.origin is None:  # such as the folder that wandb itself writes
        extra = "'angle-bench[track]'" if name in OF_THE_EXTRA else name
        raise UsageError(f"{name} is not installed.", f"pip install {extra}")


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers of a run of which one is unknown, not installed, or there twice.

    Raises:
        UsageError: One of them is.
    """
    once = list(dict.fromkeys(names))
    for name in once:
        check_tracker(name)
    if len(once) < len(names):
        raise UsageError(
            f"--track {','.join(names)} has a tracker twice.", f"--track {','.join(once)}"
        )


def tracker_of(name: str, results: Path) -> Tracker:
    """A tracker by its name.

    Args:
        name: One that `check_tracker` lets pass.
        results: The results folder, where those that have no place of their own write.
    """
    if name == "wandb":
        from angle_bench.evaluation.tracking.wandb_tracker import WandbTracker

        return WandbTracker()
    if name == "mlflow":
        from angle_bench.evaluation.tracking.mlflow_tracker import MlflowTracker

        return MlflowTracker()
    if name == "trackio":
        from angle_bench.evaluation.tracking.trackio_tracker import TrackioTracker

        return TrackioTracker()
    from angle_bench.evaluation.tracking.tensorboard_tracker import TensorboardTracker

    return TensorboardTracker(results)
