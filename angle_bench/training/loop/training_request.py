"""What a training is asked beside its recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.suites.task import Suite


@dataclass(frozen=True)
class TrainingRequest:
    """What a training is asked beside its recipe.

    Attributes:
        folder: Where checkpoints and the candidate go.
        access: Where models and data are looked for.
        device: A device string, as `--device` takes it.
        resume: Continue from the last checkpoint.
        processes: How many are going to be launched for it, where this one only does that.
        track: Where losses are reported, if anywhere.
        select_on_test: Whether the checkpoint may be chosen by test splits.
        suite: What it is chosen by, instead of what the recipe names.
        command: What was typed, for the records.
        store_options: Where vectors of teachers are kept.
    """

    folder: Path
    access: LoadOptions = field(default_factory=LoadOptions)
    device: str = "auto"
    resume: bool = False
    processes: int = 1
    track: Sequence[str] = ()
    select_on_test: bool = False
    suite: Suite | None = None
    command: Sequence[str] = ()
    store_options: StoreOptions = field(default_factory=StoreOptions)
