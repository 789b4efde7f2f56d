"""A recipe: what is trained, on what and how."""

import types
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, model_validator

from angle_bench.training.recipe.data_sections import Data, Prompts
from angle_bench.training.recipe.loss_sections import Espresso, Matryoshka, Objectives
from angle_bench.training.recipe.model_sections import Lora, ModelSection, TeacherSection
from angle_bench.training.recipe.section import Section
from angle_bench.training.recipe.train_sections import Select, Train

Keys = tuple[str | int, ...]  # from the whole recipe to a setting: ("data", "train", 0, "limit")

# which of the two a section is written as; pydantic names it in the place of an error
ONE, SEVERAL = "(a table)", "(a list of tables)"


def _written_as(value: Any) -> str:
    return SEVERAL if isinstance(value, list | tuple) else ONE


OneOrSeveral = Annotated[
    Annotated[TeacherSection, Tag(ONE)]
    | Annotated[tuple[TeacherSection, ...], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(_written_as),
]


class Recipe(Section):
    """Everything that training needs to know; equal recipes give equal weights.

    Attributes:
        description: A line for whoever chooses among recipes.
        prompts: None is the checkpoint's own.
        espresso: None trains the last layer at full size alone.
        matryoshka: None as well.
        teacher: One or several; None distils from nobody.
        lora: None trains the checkpoint's own weights.
    """

    description: str = ""
    model: ModelSection
    data: Data
    prompts: Prompts | None = None
    loss: Objectives = Objectives()
    espresso: Espresso | None = None
    matryoshka: Matryoshka | None = None
    teacher: OneOrSeveral | None = None
    lora: Lora | None = None
    train: Train = Train()
    select: Select = Select()

    @model_validator(mode="after")
    def _data_can_be_read(self) -> Self:
        if not self.data.train:
            raise ValueError("a recipe has at least one [[data.train]]")
        if self.data.streaming and self.train.max_steps is None:
            raise ValueError("streamed data has no known end: train.max_steps is needed")
        if self.data.streaming and self.data.drop_duplicates:
            raise ValueError("drop_duplicates has to see all rows, which streaming does not")
        if self.data.streaming and not self.data.shuffle:
            raise ValueError("streamed data is always shuffled")
        if self.train.batch_sampler == "no_duplicates" and self.data.streaming:
            raise ValueError("no_duplicates has to see all rows, which streaming does not")
        if self.train.batch_sampler == "no_duplicates" and not self.data.shuffle:
            raise ValueError("no_duplicates orders rows itself; data.shuffle = false keeps theirs")
        return self

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if self.lora is not None and (self.model.trainable or self.model.frozen):
            raise ValueError("with [lora] the adapter alone trains; lora.targets says where it is")
        if self.espresso is not None and self.matryoshka is not None:
            raise ValueError("[espresso] and [matryoshka] are two ways to one thing")
        if self.loss.ibn_guide == "teacher" and self.teacher is None:
            raise ValueError('loss.ibn_guide = "teacher" needs a [teacher]')
        if self.loss.ibn_guide == "teacher" and self.loss.ibn_margin is None:
            raise ValueError("loss.ibn_guide is of loss.ibn_margin, which is not given")
        return self

    @model_validator(mode="after")
    def _weights_agree(self) -> Self:
        weighted = [source.weight is not None for source in self.data.train]
        if any(weighted) and not all(weighted):
            raise ValueError("either every [[data.train]] has a weight, or none has")
        if any(weighted) and not self.data.shuffle:
            raise ValueError("sources that are mixed by weight are always shuffled")
        return self

    @property
    def teachers(self) -> dict[str, TeacherSection]:
        """Every teacher under the keys of its settings: `teacher`, or `teacher.0` of several."""
        if self.teacher is None:
            return {}
        if isinstance(self.teacher, TeacherSection):
            return {"teacher": self.teacher}
        return {f"teacher.{number}": each for number, each in enumerate(self.teacher)}

    @property
    def teaches_texts(self) -> bool:
        """Whether a teacher has to see the texts themselves."""
        return any(each.compare == "similarities" for each in self.teachers.values())

    def with_seed(self, seed: int) -> Self:
        """The same recipe with another seed."""
        train = self.train.model_copy(update={"seed": seed})
        return self.model_copy(update={"train": train})


def keys_of(error: ValidationError) -> Keys:
    """Where pydantic's first complaint is, as a recipe has it."""
    return tuple(key for key in error.errors()[0]["loc"] if key not in (ONE, SEVERAL))


def dotted(keys: Keys) -> str:
    """`data.train.0.limit`."""
    return ".".join(map(str, keys))


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation such as `Lora | None` or `tuple[Source, ...]` holds."""
    if get_origin(annotation) is Annotated:
        return section_of(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        return next(filter(None, map(section_of, get_args(annotation))), None)
    return None
