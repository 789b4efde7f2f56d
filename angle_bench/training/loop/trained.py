"""What came of a training: its summary, its card."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerState

from angle_bench.evaluation.run.record import commit, utc_now, versions
from angle_bench.suites.task import Suite
from angle_bench.training.checkpoint.card import CardFacts, model_card
from angle_bench.training.checkpoint.run_folder import RunFolder
from angle_bench.training.data.dataset import TrainingRows
from angle_bench.training.loop.begin import Begun
from angle_bench.training.loop.trainer import AngleTrainer
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.to_toml import recipe_toml


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        folder: The candidate, as after `-m`; checkpoints are in it.
        finished: False where it was stopped: `--resume` goes on.
        steps: How many were done in all.
        best_step: Whose weights the candidate has; of an average the last one's.
        score: Of these on the suite that chose them, from 0 to 1; None where nothing did.
        suite: The name of that suite.
        seconds: What this command took.
        averaged: The steps that the candidate is the average of, if it is one.
    """

    folder: Path
    finished: bool
    steps: int
    best_step: int
    score: float | None
    suite: str | None
    seconds: float
    averaged: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench train --json`."""
        return {**asdict(self), "folder": str(self.folder), "seconds": round(self.seconds, 1)}


def summary_of(
    request: TrainingRequest, suite: Suite | None, state: TrainerState, chosen: int, started: float
) -> dict[str, Any]:
    """What is kept of a training that ended, as `summary.json` holds it."""
    return {
        "finished": utc_now(),
        "command": list(request.command),
        "steps": state.global_step,
        "best_step": chosen,
        "suite": None if suite is None else suite.signature,
        "score": None if suite is None else state.best_metric,
        "seconds": round(time.monotonic() - started, 1),
        "git": commit(),
        "versions": versions(),
        "log": state.log_history,
    }


def trained_of(folder: RunFolder, said: dict[str, Any], seconds: float) -> Trained:
    """What came of a training whose summary is stored."""
    return Trained(
        folder=folder.place,
        finished=True,
        steps=said["steps"],
        best_step=said["best_step"],
        score=said["score"],
        suite=said["suite"],
        seconds=seconds,
        averaged=tuple(said.get("averaged", ())),
    )


def card_of(
    recipe: Recipe,
    request: TrainingRequest,
    begun: Begun,
    trainer: AngleTrainer,
    summary: dict[str, Any],
) -> str:
    """The model card of a candidate."""
    data = trainer.train_dataset
    lines = []
    if isinstance(data, TrainingRows):
        for name, counts in data.counts:
            dropped = ", ".join(f"{count:,} {why}" for why, count in counts.dropped.items())
            left_out = f"; left out: {dropped}" if dropped else ""
            lines.append(f"{name}: {counts.kept:,} rows{left_out}")
    scores = {}
    if summary["score"] is not None:
        how = "" if "averaged" in summary else " (chosen by it)"
        scores[f"{summary['suite']}{how}"] = 100 * summary["score"]
    student = trainer.student
    return model_card(
        CardFacts(
            name=request.folder.resolve().name,
            settings=student.settings,
            base_model=student.base or begun.spec.name,
            adapter=student.base is not None,
            datasets=[source.hub for source in recipe.data.train if source.hub is not None],
            recipe=recipe_toml(recipe),
            data=lines,
            scores=scores,
            signature=begun.spec.header([]),
            selected_on_test=trainer.marks,
            teachers=[each.line for each in begun.taught],
            made_of=[f"step {step:,}" for step in summary.get("averaged", ())],
        )
    )
