"""A teacher: a frozen model whose vectors the candidate keeps close to."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from angle_bench.checkpoints.access import Access
from angle_bench.checkpoints.backbone import Backbone, load_backbone
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Pooling
from angle_bench.errors import ModelError
from angle_bench.evaluation.loading import place_of
from angle_bench.training.grouping import Groups
from angle_bench.training.objectives import kl_divergence
from angle_bench.training.settings import Teacher as TeacherSection
from angle_bench.training.student import Student
from angle_bench.training.trainable import Found, Trainable

SELF = "self"


@dataclass(frozen=True)
class Teacher:
    """A loaded teacher.

    Attributes:
        module: Frozen, in evaluation mode.
        settings: What is compared, and how.
    """

    module: Trainable
    settings: TeacherSection

    @torch.no_grad()
    def of(self, input_ids: Tensor, mask: Tensor, prompts: Tensor, groups: Groups) -> Found:
        """What the teacher gives of a batch.

        Args:
            input_ids: (texts, tokens).
            mask: 1 on real tokens, (texts, tokens).
            prompts: How many of the first tokens of each text are those of its prompt, (texts,).
            groups: Which texts go through the teacher together.
        """
        taught: Found = self.module(input_ids, mask, prompts, groups)
        return taught

    def loss(self, found: Found, taught: Found, mask: Tensor) -> Tensor:
        """The weighted divergence of a batch from the teacher, a scalar.

        Args:
            found: What the candidate gives of the batch.
            taught: What the teacher gives of it.
            mask: 1 on real tokens, (texts, tokens).
        """
        own, target = found.vectors, taught.vectors
        if found.tokens is not None and taught.tokens is not None:
            real = mask.bool()
            own, target = found.tokens[real], taught.tokens[real]
        return self.settings.weight * kl_divergence(own, target, self.settings.temperature)


def load_teacher(
    section: TeacherSection, spec: ModelSpec, student: Student, access: Access, device: torch.device
) -> Teacher:
    """Load the teacher of a recipe.

    Args:
        section: Which one, and what is compared.
        spec: The checkpoint that the candidate starts from, which `self` means.
        student: What is trained.
        access: Where checkpoints are looked for.
        device: Where it goes.

    Raises:
        ModelError: It cannot be loaded, cuts texts into other tokens, or has vectors of another
            length.
    """
    if section.model == SELF:
        used = spec
    else:
        # its texts come with the candidate's prompts
        changes = Overrides(pooling=section.pooling, prompt="none")
        used = resolve(section.model, changes, access)
    if used.loader != "transformers" or used.settings is None:
        raise ModelError(
            f"the teacher {used.label} is loaded by {used.loader}, and cannot teach here.",
            "a teacher.model that is a checkpoint of transformers",
        )
    # texts come as the candidate's tokens, which its own limit has cut
    length = student.settings.max_length
    settings = used.settings.with_changes(max_length=length).model_copy(update={"compile": False})
    backbone = load_backbone(place_of(used), settings, device)
    _refuse_other_tokens(used, backbone.tokenizer, student.tokenizer)
    _refuse_other_width(section, used, backbone, student)
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
    return Teacher(module.eval(), section)


def _refuse_other_tokens(spec: ModelSpec, theirs: Any, ours: Any) -> None:
    if theirs.get_vocab() == ours.get_vocab():
        return
    raise ModelError(
        f"the teacher {spec.label} has another tokenizer than the candidate: their tokens do not "
        "belong together.",
        'a teacher.model of the same family, or "self"',
    )


def _refuse_other_width(
    section: TeacherSection, spec: ModelSpec, backbone: Backbone, student: Student
) -> None:
    every = section.tokens == "all"
    theirs = backbone.model.config.get_text_config().hidden_size if every else backbone.dimension
    config: Any = student.module.transformer.config
    ours = config.get_text_config().hidden_size if every else student.dimension
    if theirs != ours:
        raise ModelError(
            f"the teacher {spec.label} has {theirs} dimensions, the candidate {ours}.",
            "a teacher.model with vectors of the same length",
        )
