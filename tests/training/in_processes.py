"""Trains cases in every process of a launch: `python -m tests.training.in_processes FOLDER`.

FOLDER/cases.json names the cases; each goes into FOLDER/CASE, and what every process has after
each step, with the rows of its batches, into FOLDER/CASE-RANK.json. Every process says each step on
stdout, with its rank and its id. FOLDER/mirror, if it is there, has the data that a checkpoint is
chosen by.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.training.loop import fine_tune as module
from angle_bench.training.loop.trainer import AngleTrainer
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.recipe.recipe import Recipe
from tests.training.trainings import Seen

KEPT: list[Any] = []


def keeping(*words: Any) -> Any:
    KEPT.append(LOAD(*words))
    return KEPT[-1]


LOAD, module.load_student = module.load_student, keeping


GROUPS = AngleTrainer._groups


def rows_of_batches() -> list[list[int]]:
    """A list that gets the rows of each batch that is trained on from now on."""
    found: list[list[int]] = []

    def noting(trainer: AngleTrainer, batch: Any) -> Any:
        found.append(batch["row_ids"].tolist())
        return GROUPS(trainer, batch)

    AngleTrainer._groups = noting  # type: ignore[method-assign]
    return found


class Digests(Seen):
    """After each step: the digest of the weights that train."""

    def __init__(self) -> None:
        super().__init__()
        self.digests: list[str] = []

    def step(self, done: int) -> None:
        digest = hashlib.sha256()
        for weight in KEPT[-1].module.parameters():
            if weight.requires_grad:
                whole = weight.full_tensor() if isinstance(weight, DTensor) else weight
                digest.update(whole.detach().numpy().tobytes())
        self.digests.append(digest.hexdigest())
        print(f"rank {os.environ.get('RANK', '0')} pid {os.getpid()} step {done}", flush=True)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    mirror = folder / "mirror"
    access = LoadOptions(mirror=mirror if mirror.is_dir() else None)
    for name, recipe in json.loads((folder / "cases.json").read_text()).items():
        watch = Digests()
        rows = rows_of_batches()
        request = TrainingRequest(folder / name, access, device="cpu", resume=True)
        done = module.fine_tune(Recipe.model_validate(recipe), request, watch, watch.stop)
        sharded = {isinstance(weight, DTensor) for weight in KEPT[-1].module.parameters()}
        said = {
            "losses": watch.losses,
            "digests": watch.digests,
            "sharded": list(sharded),
            "rows": rows,
            "score": done.score,
            "warnings": watch.warnings,
            "averaged": done.averaged,
        }
        (folder / f"{name}-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
