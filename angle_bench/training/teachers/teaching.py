"""Whom a recipe names as teachers, and what can teach how. No torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import ROLES
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import ModelError, NotRecordedError, UsageError, fix_said_as
from angle_bench.evaluation.run.run_options import refuse_no_vector
from angle_bench.training.recipe.model_sections import TeacherSection
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.starting_point import NO_VECTOR

SELF = "self"


@dataclass(frozen=True)
class Teaching:
    """A teacher of a recipe.

    Attributes:
        key: Of its settings, and of its part of the loss: `teacher`, or `teacher.0` of several.
        section: What is compared, and how.
        spec: The checkpoint.
        guides: Whether its vectors say what is no in-batch negative.
    """

    key: str
    section: TeacherSection
    spec: ModelSpec
    guides: bool = False

    @property
    def line(self) -> str:
        """Who teaches what, in a line."""
        of = "tokens" if self.section.tokens == "all" else "texts"
        what = f"vectors of {of}, with the candidate's prompts"
        if self.section.compare == "similarities":
            own = self.section.prompt
            used = "its own prompts" if own is None else f"the prompt {own}"
            what = f"cosines of a batch's texts, with {used}"
        guides = "; guides in-batch negatives" if self.guides else ""
        named = f"{self.spec.label}@{self.spec.short_revision}"
        return f"{self.key}: {named}, {what}, weight {self.section.weight:g}{guides}"

    @property
    def other_way(self) -> str:
        """What to type where vectors cannot be compared."""
        return f"--set {self.key}.compare=similarities"


@dataclass(frozen=True)
class Compared:
    """What vectors of two models have to have in common.

    Attributes:
        vocabulary: The tokenizer's, ids by token.
        width: The length of what is compared.
    """

    vocabulary: Mapping[str, int]
    width: int


def teachings(recipe: Recipe, spec: ModelSpec, access: LoadOptions) -> list[Teaching]:
    """The teachers of a recipe, in their order.

    Args:
        recipe: It names them.
        spec: The checkpoint that the candidate starts from, which `self` means.
        access: Where checkpoints are looked for.

    Raises:
        UsageError: One is unknown, or gives no vector of a text outside of a task.
        ModelError: One cannot be read, or not be compared so.
    """
    return list(_teachings(recipe, spec, replace(access, base=None)))


def _teachings(recipe: Recipe, spec: ModelSpec, access: LoadOptions) -> Iterator[Teaching]:
    guided = recipe.loss.ibn_margin is not None and recipe.loss.ibn_guide == "teacher"
    for number, (key, section) in enumerate(recipe.teachers.items()):
        found = Teaching(key, section, _spec(key, section, spec, access), guided and number == 0)
        _refuse_loader(found)
        if section.compare == "similarities" and found.spec.settings is not None:
            _refuse_settings(found)
        elif found.spec.settings is not None:
            _refuse_pooling(found)
        yield found


def _spec(key: str, section: TeacherSection, spec: ModelSpec, access: LoadOptions) -> ModelSpec:
    if section.model == SELF:
        return _changed(section, spec)
    changes = Overrides(pooling=section.pooling, prompt=section.prompt)
    try:
        with fix_said_as("-m ", f"--set {key}.model="):
            return resolve(section.model, changes, access)
    except NotRecordedError as error:
        if section.compare == "vectors" and section.prompt is None:
            # vectors are of the candidate's texts, which have its prompts already
            return _spec(key, section.model_copy(update={"prompt": "none"}), spec, access)
        fix = error.fix.removesuffix(" --save-spec")
        for option in ("pooling", "prompt"):
            fix = fix.replace(f"--{option} ", f"--set {key}.{option}=")
        raise UsageError(f"the teacher {error.what}", fix) from error


def _changed(section: TeacherSection, spec: ModelSpec) -> ModelSpec:
    """The checkpoint that the candidate starts from, as a teacher."""
    changes = Overrides(pooling=section.pooling, prompt=section.prompt)
    settings = changes.apply(spec.required_settings(), spec.name)
    return spec.model_copy(update={"settings": settings})


def _refuse_loader(teaching: Teaching) -> None:
    spec = teaching.spec
    refuse_no_vector(spec)
    if spec.loader == "mteb":
        raise ModelError(
            f"the teacher {spec.label} is loaded by mteb itself, and cannot teach.",
            f"--set {teaching.key}.model=… of a checkpoint of transformers or "
            "sentence-transformers",
        )
    if spec.loader != "transformers" and teaching.section.compare == "vectors":
        raise ModelError(
            f"the teacher {spec.label} is loaded by {spec.computed_by}, which takes texts and not "
            "the candidate's tokens.",
            teaching.other_way,
        )


def _refuse_pooling(teaching: Teaching) -> None:
    pooling = teaching.spec.required_settings().pooling
    if pooling not in NO_VECTOR or (teaching.section.tokens == "all" and not teaching.guides):
        return  # no text's vector is looked at
    raise UsageError(
        f"the teacher {teaching.spec.label} has the pooling {pooling}, {NO_VECTOR[pooling]}.",
        f"--set {teaching.key}.pooling=mean",
    )


def _refuse_settings(teaching: Teaching) -> None:
    settings = teaching.spec.required_settings()
    _refuse_pooling(teaching)
    for role in (None, *ROLES):
        try:
            settings.prompts.template_for(None, None, role)
        except UsageError as error:
            raise UsageError(
                f"the teacher {teaching.spec.label}: {error.what}",
                f"--set '{teaching.key}.prompt=\"Instruct: … Query: {{text}}\"', with the "
                "instruction itself",
            ) from error


def refuse_unlike(teaching: Teaching, theirs: Compared, ours: Compared) -> None:
    """Refuse a teacher whose vectors do not belong together with the candidate's.

    Raises:
        ModelError: It cuts texts into other tokens, or has vectors of another length.
    """
    label = teaching.spec.label
    if theirs.vocabulary != ours.vocabulary:
        raise ModelError(
            f"the teacher {label} has another tokenizer than the candidate: their tokens do not "
            "belong together.",
            f"{teaching.other_way}; or a teacher.model of the same family",
        )
    if theirs.width != ours.width:
        raise ModelError(
            f"the teacher {label} has {theirs.width} dimensions, the candidate {ours.width}.",
            teaching.other_way,
        )
