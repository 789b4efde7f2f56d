"""`[model]`, `[lora]` and `[teacher]`: what is trained, and what it keeps close to."""

from typing import Literal, Self

from pydantic import Field, model_validator

from angle_bench.checkpoints.spec import Pooling
from angle_bench.training.recipe.section import InverseTemperature, Section, Weight


class ModelSection(Section):
    """`[model]`: the checkpoint that training starts from, and how its vectors are taken.

    Attributes:
        name: What would stand after -m.
        base: Of an adapter whose recorded base is elsewhere.
        pooling: None is the checkpoint's own, as are the other settings.
        include_prompt: Whether the tokens of what stands before a text are pooled, too.
        bidirectional_start: Of a decoder: layers from here on look ahead.
        trainable: Whole dotted parts of the names of weights that train, or globs of them; all
            where none is given.
        frozen: The same of weights that do not.
        dropout: Of every dropout of the transformer; the checkpoint's own where none is given.
        gradient_checkpointing: Activations are computed again instead of kept.
    """

    name: str
    base: str | None = None
    pooling: Pooling | None = None
    max_length: int | None = Field(default=None, gt=1)
    include_prompt: bool | None = None
    bidirectional_start: int | None = Field(default=None, ge=0)
    trainable: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    dropout: float | None = Field(default=None, ge=0, lt=1)
    gradient_checkpointing: bool = False


class Lora(Section):
    """`[lora]`: an adapter is trained, and the base stays as it is.

    Attributes:
        r: The rank.
        targets: Names of linear layers; every one but the vocabulary head where none is given.
        quantization: Of the base, by bitsandbytes; `4bit` is nf4 with double quantisation.
    """

    r: int = Field(default=32, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    quantization: Literal["8bit", "4bit"] | None = None


class TeacherSection(Section):
    """`[teacher]`, or `[[teacher]]` for several: a model that the candidate keeps close to.

    Attributes:
        model: What would stand after -m; `self` is the candidate as it was.
        pooling: The teacher's; its own where none is given.
        compare: `vectors` of the candidate's tokens, or the `similarities` of a batch's texts,
            which a teacher with another tokenizer and another width has, too.
        prompt: As after --prompt, around every text of a teacher of similarities; its own by role
            where none is given.
        tokens: Whether pooled vectors are compared, or those of all tokens.
        weight: Of what is compared, beside the objectives.
        temperature: Vectors are divided by it.
    """

    model: str
    pooling: Pooling | None = None
    compare: Literal["vectors", "similarities"] = "vectors"
    prompt: str | None = None
    tokens: Literal["pooled", "all"] = "pooled"
    weight: Weight = 1.0
    temperature: InverseTemperature = 1.0

    @model_validator(mode="after")
    def _of_vectors(self) -> Self:
        if self.compare == "vectors":
            if self.prompt is not None:
                raise ValueError(
                    'prompt is of compare = "similarities"; a teacher of vectors gets the '
                    "candidate's tokens, prompts and all"
                )
            return self
        if self.tokens == "all":
            raise ValueError(
                'tokens = "all" compares vectors of tokens, and compare = "similarities" has '
                "those of texts"
            )
        if self.temperature != 1.0:
            raise ValueError('temperature is of compare = "vectors"')
        if self.pooling == "all":
            raise ValueError('pooling = "all" gives a vector of every token, not one of a text')
        return self
