"""A teacher of vectors: a frozen model that gets the candidate's tokens."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from angle_bench.checkpoints.loading.backbone import Backbone, load_backbone, token_width
from angle_bench.checkpoints.spec import Pooling
from angle_bench.evaluation.encoders.load import place_of
from angle_bench.training.data.collate import Batch
from angle_bench.training.loss.objectives import kl_divergence
from angle_bench.training.model.grouping import Groups
from angle_bench.training.model.student import Student
from angle_bench.training.model.trainable import ForwardOutput, Trainable
from angle_bench.training.recipe.model_sections import TeacherSection
from angle_bench.training.teachers.teaching import Compared, Teaching, refuse_unlike


class Teacher(Protocol):
    """Whoever says what the vectors of a batch should be like.

    Attributes:
        together: Whether a text is compared with the batch's other texts, so that those of all
            processes count where they are gathered.
    """

    together: ClassVar[bool]

    def of(self, batch: Batch, groups: Groups) -> ForwardOutput:
        """What the teacher gives of a batch, without gradients.

        Args:
            batch: As the collator makes it.
            groups: Which of its texts go through a model of the candidate's tokens together.
        """

    def loss(self, found: ForwardOutput, taught: ForwardOutput, mask: Tensor) -> Tensor:
        """The weighted distance from the teacher, a scalar.

        Args:
            found: What the candidate gives of the texts.
            taught: What the teacher gives of them.
            mask: 1 on real tokens of this process's texts, (texts, tokens).
        """

    def cut(self) -> str | None:
        """What its own length has cut so far, in a sentence of every process; None of nothing."""


@dataclass(frozen=True)
class VectorTeacher:
    """A teacher whose vectors are compared, dimension by dimension.

    Attributes:
        module: Frozen, in evaluation mode.
        settings: What is compared, and how.
    """

    module: Trainable
    settings: TeacherSection
    together: ClassVar[bool] = False

    @torch.no_grad()
    def of(self, batch: Batch, groups: Groups) -> ForwardOutput:
        """Vectors of the candidate's own tokens."""
        taught: ForwardOutput = self.module(
            batch["input_ids"], batch["attention_mask"], batch["prompts"], groups
        )
        return taught

    def loss(self, found: ForwardOutput, taught: ForwardOutput, mask: Tensor) -> Tensor:
        """The weighted divergence of pooled vectors, or of those of real tokens."""
        own, target = found.vectors, taught.vectors
        if found.tokens is not None and taught.tokens is not None:
            real = mask.bool()
            own, target = found.tokens[real], taught.tokens[real]
        return self.settings.weight * kl_divergence(own, target, self.settings.temperature)

    def cut(self) -> None:
        """Nothing: it gets the candidate's tokens."""


def load_vector_teacher(
    teaching: Teaching, student: Student, device: torch.device
) -> VectorTeacher:
    """Load a teacher of vectors.

    Args:
        teaching: Which one, and what is compared.
        student: What is trained.
        device: Where it goes.

    Raises:
        ModelError: It cannot be loaded, cuts texts into other tokens, or has vectors of another
            length.
    """
    section, used = teaching.section, teaching.spec
    # texts come as the candidate's tokens, which its own limit has cut
    length = student.settings.max_length
    own = used.required_settings()
    settings = own.with_changes(max_length=length).model_copy(update={"compile": False})
    backbone = load_backbone(place_of(used), settings, device)
    refuse_unlike(teaching, _theirs(teaching, backbone), _ours(teaching, student))
    pooling: Pooling = settings.pooling if section.pooling is None else section.pooling
    module = Trainable(
        backbone.model,
        backbone.dense,
        pooling,
        every_layer=False,
        tokens=section.tokens == "all",
        kept=settings.truncate_dim,
        include_prompt=settings.include_prompt,
    )
    return VectorTeacher(module.eval(), section)


def _theirs(teaching: Teaching, backbone: Backbone) -> Compared:
    kept = teaching.spec.required_settings().truncate_dim or backbone.dimension
    width = min(backbone.dimension, kept)
    if teaching.section.tokens == "all":
        width = token_width(backbone.model.config)
    return Compared(backbone.tokenizer.get_vocab(), width)


def _ours(teaching: Teaching, student: Student) -> Compared:
    width = student.dimension
    if teaching.section.tokens == "all":
        width = token_width(student.module.transformer.config)
    return Compared(student.tokenizer.get_vocab(), width)
