"""The loss of a batch: the objectives, sizes and layers around them, teachers beside them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from angle_bench.training.data.collate import Batch
from angle_bench.training.loss.combined import Loss, Rows, combined
from angle_bench.training.loss.espresso import espresso
from angle_bench.training.loss.matryoshka import matryoshka
from angle_bench.training.model.distributed import gathered, gathered_found
from angle_bench.training.model.grouping import Groups
from angle_bench.training.model.trainable import ForwardOutput
from angle_bench.training.recipe.loss_sections import Espresso, Matryoshka, Objectives
from angle_bench.training.teachers.vector_teacher import Teacher


@dataclass(frozen=True)
class BatchLoss:
    """What a recipe minimises.

    Attributes:
        objectives: Their weights.
        espresso: None trains the last layer alone.
        matryoshka: None trains whole vectors alone.
        teachers: By the names of their parts; the first may guide in-batch negatives.
        gather: Whether the objectives see the texts of all processes.
        normalize: Whether the checkpoint normalises its vectors.
    """

    objectives: Objectives
    espresso: Espresso | None = None
    matryoshka: Matryoshka | None = None
    teachers: Mapping[str, Teacher] = field(default_factory=dict)
    gather: bool = False
    normalize: bool = False

    def __call__(self, found: ForwardOutput, batch: Batch, groups: Groups, draw: int) -> Loss:
        """The loss of a batch by its parts.

        Args:
            found: What the candidate gives of it.
            batch: As the collator makes it.
            groups: Which of its texts go through a model together.
            draw: What Espresso's projection, and sizes and layers are drawn from, the same in every
                process.
        """
        labels, ids = batch.get("labels"), batch["text_ids"]
        taught = {name: each.of(batch, groups) for name, each in self.teachers.items()}
        guides = self.objectives.ibn_margin is not None and self.objectives.ibn_guide == "teacher"
        guide = next(iter(taught.values())).vectors if taught and guides else None
        seen = found
        if self.gather:
            seen = gathered_found(found)
            labels, ids = None if labels is None else gathered(labels), gathered(ids)
            guide = None if guide is None else gathered(guide)
        rows = Rows(batch["texts_per_row"], labels, ids, guide)
        objective = partial(combined, rows=rows, settings=self.objectives)
        if self.espresso is not None:
            with drawn_from(draw, found.vectors.device):
                loss = espresso(seen.layers, objective, self.espresso)
        elif self.matryoshka is not None:
            loss = matryoshka(seen.layers, objective, self.matryoshka, draw, self.normalize)
        else:
            loss = objective(seen.vectors)
        parts = {
            name: self._distance(each, found, seen, taught[name], batch["attention_mask"])
            for name, each in self.teachers.items()
        }
        return Loss(loss.parts | parts)

    def _distance(
        self,
        teacher: Teacher,
        found: ForwardOutput,
        seen: ForwardOutput,
        taught: ForwardOutput,
        mask: Tensor,
    ) -> Tensor:
        """How far the candidate is from a teacher, of this process's texts or of all."""
        if teacher.together and self.gather:
            return teacher.loss(seen, gathered_found(taught), mask)
        return teacher.loss(found, taught, mask)


@contextmanager
def drawn_from(seed: int, device: torch.device) -> Iterator[None]:
    """What is drawn meanwhile is drawn from a seed, and nothing of what is drawn later changes."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
