"""The parts of the loss between two logs, and what is said of one that is not finite."""

from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from angle_bench.errors import ModelError
from angle_bench.training.data.collate import Batch
from angle_bench.training.loss.combined import Loss
from angle_bench.training.model import distributed

NAMED_ROWS = 8  # of a batch whose loss is not finite


class LossLog:
    """The parts of the loss since they were last logged.

    Attributes:
        batches: How many there were since then.
    """

    def __init__(self) -> None:
        self.batches = 0
        self._sums: dict[str, Tensor] = {}

    def note(self, loss: Loss) -> None:
        """Count in a batch."""
        for name, part in loss.parts.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(part)) + part.detach()
        self.batches += 1

    def means(self) -> dict[str, float]:
        """The mean of each part over batches and processes; from here on anew."""
        mine = {name: float(sum_) / self.batches for name, sum_ in self._sums.items()}
        said = distributed.all_gather(mine)
        self._sums, self.batches = {}, 0
        return {name: fmean(each[name] for each in said) for name in mine}


def not_finite(loss: Loss, batch: Batch, step: int, last: Path | None) -> ModelError:
    """The error that the loss of a batch is not finite.

    Args:
        loss: Of the batch.
        batch: Whose rows are named.
        step: Which one it is of.
        last: The last checkpoint.
    """
    rows = batch["row_ids"].tolist()
    named = ", ".join(map(str, rows[:NAMED_ROWS])) + (", …" if len(rows) > NAMED_ROWS else "")
    parts = ", ".join(f"{name} {float(part.detach()):g}" for name, part in loss.parts.items())
    kept = f" {last.name} is untouched." if last is not None else ""
    return ModelError(
        f"the loss of step {step} is not finite ({parts}); the batch has "
        f"the rows {named} (counted from 0).{kept}",
        "a smaller train.learning_rate, or --set train.precision=float32, and a new -o FOLDER",
    )
