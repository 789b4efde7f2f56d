"""The loss of a batch: the objectives, Espresso around them, a teacher beside them."""

from dataclasses import dataclass
from functools import partial

from angle_bench.training.candidate import Found
from angle_bench.training.collate import Batch
from angle_bench.training.espresso import espresso
from angle_bench.training.grouping import Groups
from angle_bench.training.loss import Loss, Rows, combined
from angle_bench.training.settings import Espresso, Objectives
from angle_bench.training.teacher import Teacher


@dataclass(frozen=True)
class BatchLoss:
    """What a recipe minimises.

    Attributes:
        objectives: Their weights.
        espresso: None trains the last layer alone.
        teacher: None distils from nobody.
    """

    objectives: Objectives
    espresso: Espresso | None = None
    teacher: Teacher | None = None

    def __call__(self, found: Found, batch: Batch, groups: Groups) -> Loss:
        """The loss of a batch by its parts.

        Args:
            found: What the candidate gives of it.
            batch: As the collator makes it.
            groups: Which of its texts go through a model together.
        """
        rows = Rows(batch["texts_per_row"], batch.get("labels"), batch["text_ids"])
        objective = partial(combined, rows=rows, settings=self.objectives)
        if self.espresso is None:
            loss = objective(found.vectors)
        else:
            loss = espresso(found.layers, objective, self.espresso)
        if self.teacher is None:
            return loss
        ids, mask = batch["input_ids"], batch["attention_mask"]
        taught = self.teacher.loss(found, ids, mask, groups)
        return Loss(loss.parts | {"teacher": taught})
