"""The sections of a recipe as values; their names are the tables of its TOML. No torch."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from angle_bench.checkpoints.spec import Pooling
from angle_bench.checkpoints.templates import check_written, wants_instruction

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
InverseTemperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _template(text: str) -> str:
    check_written(text)
    if wants_instruction(text):
        raise ValueError(
            f"the prompt {text!r} wants the instruction of a task, and training texts are of "
            "none; write the instruction itself"
        )
    return text


Template = Annotated[str, AfterValidator(_template)]


MOST = 2**31 - 1  # of what is counted: steps, rows, tokens


class Section(BaseModel):
    """A table of a recipe: an unknown key is an error, and so is a number beyond all meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _countable(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name != "seed" and isinstance(value, int) and value > MOST:
                raise ValueError(f"{name} is more than {MOST:,}")
        return self


class Objectives(Section):
    """`[loss]`: weights and inverse temperatures of the AnglE objectives (angle-emb's defaults).

    Attributes:
        cosine_w: Of the ranking of cosines (CoSENT).
        ibn_w: Of in-batch negatives.
        cln_w: Of contrast with the row's own negative.
        angle_w: Of the ranking of angle differences.
        angle_pool: How the angle objective reduces its dimensions.
        mask_duplicates: A text's duplicates in a batch are no negatives of it, and neither are the
            positives that it has in the batch's other rows.
        ibn_margin: A text whose cosine is above that of the positive less this margin is taken for
            a positive that nobody has labelled, and is no negative (GISTEmbed); None takes none so.
        ibn_guide: Whose cosines these are: the candidate's own, or the teacher's.
    """

    cosine_w: Weight = 0.0
    ibn_w: Weight = 1.0
    cln_w: Weight = 1.0
    angle_w: Weight = 0.02
    cosine_tau: InverseTemperature = 20.0
    ibn_tau: InverseTemperature = 20.0
    angle_tau: InverseTemperature = 20.0
    angle_pool: Literal["sum", "mean"] = "sum"
    mask_duplicates: bool = False
    ibn_margin: float | None = Field(default=None, ge=-2, le=2)
    ibn_guide: Literal["student", "teacher"] = "student"


class Espresso(Section):
    """`[espresso]`: every layer and a leading part of the dimensions learn, too.

    Attributes:
        size: The leading dimensions that stand for the whole vector.
        temperature: Of the divergence that aligns them with its principal components.
    """

    size: int = Field(default=128, ge=2)
    temperature: InverseTemperature = 1.0


OF_LAYERS = (
    "layers_per_step",
    "last_layer_weight",
    "prior_layers_weight",
    "layer_weighting",
    "kl_weight",
    "kl_temperature",
)


class Matryoshka(Section):
    """`[matryoshka]`: leading dimensions learn, too, and with `layers` those of every layer.

    Settings and defaults are those of sentence-transformers' MatryoshkaLoss and Matryoshka2dLoss,
    but that nothing is drawn unless it is asked for.

    Attributes:
        sizes: The leading dimensions; the whole vector is one of them only if it is listed.
        weights: Of each size; 1 for all where none is given.
        sizes_per_step: So many sizes are drawn for a step and layer; None takes all.
        layers: Whether the embeddings and every layer learn as the last one does.
        layers_per_step: So many earlier layers are drawn for a step; None takes all.
        last_layer_weight: Of the last layer.
        prior_layers_weight: Of the mean of the earlier ones.
        layer_weighting: 1 for all earlier layers, or falling with their number.
        kl_weight: Of the divergence of each earlier layer from the last one.
        kl_temperature: Vectors are divided by it; 0 leaves the divergence out.
    """

    sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    sizes_per_step: int | None = Field(default=None, ge=1)
    layers: bool = False
    layers_per_step: int | None = Field(default=None, ge=1)
    last_layer_weight: Weight = 1.0
    prior_layers_weight: Weight = 1.0
    layer_weighting: Literal["uniform", "log", "linear"] = "uniform"
    kl_weight: Weight = 1.0
    kl_temperature: float = Field(default=0.3, ge=0)

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if len(set(self.sizes)) < len(self.sizes):
            raise ValueError("matryoshka.sizes holds a size twice")
        if self.weights is not None and len(self.weights) != len(self.sizes):
            raise ValueError(
                f"matryoshka has {len(self.weights)} weights for {len(self.sizes)} sizes"
            )
        if self.sizes_per_step is not None and self.sizes_per_step > len(self.sizes):
            raise ValueError("matryoshka.sizes_per_step is more than there are sizes")
        defaults = type(self).model_fields
        idle = [key for key in OF_LAYERS if getattr(self, key) != defaults[key].default]
        if idle and not self.layers:
            raise ValueError(f"matryoshka.{idle[0]} is of layers, and layers is false")
        return self


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


class Prompts(Section):
    """`[prompts]`: templates with `{text}`; `text` is for both sides of format A.

    Attributes:
        more_text: Templates that rows get as often as `text`, drawn for each row and epoch. The
            candidate keeps `text` alone.
        more_query: The same of `query`.
        more_document: The same of `document`; positive and negative of a row get one.
    """

    text: Template = ""
    query: Template = ""
    document: Template = ""
    more_text: tuple[Template, ...] = ()
    more_query: tuple[Template, ...] = ()
    more_document: tuple[Template, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        for role in ("text", "query", "document"):
            every = (getattr(self, role), *getattr(self, f"more_{role}"))
            if len(set(every)) < len(every):
                raise ValueError(f"prompts.{role} and more_{role} hold a template twice")
        return self


COLUMNS = ("text1", "text2", "label", "query", "positive", "negative")


class DataSource(Section):
    """`[[data.train]]`: rows from a file, a folder or the hub, exactly one of `path` and `hub`.

    Attributes:
        path: CSV, JSON lines, parquet, a folder of these, or a saved dataset.
        hub: A data set's id.
        config: Of the hub data set.
        revision: Of the hub data set.
        columns: Ours by theirs: `{ sentence1 = "text1" }` renames sentence1.
        label_range: The labels that become 0 and 1, such as (0, 5).
        weight: How often rows of this source are drawn, relative to the others; without any
            weight the sources stand one after the other.
        limit: The first rows, for trials.
        encoding: Of text files; None is UTF-8, or UTF-16 by its mark.
        skip_bad_rows: Rows that cannot be read are left out and counted.
    """

    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    columns: dict[str, str] = {}
    label_range: tuple[float, float] | None = None
    weight: float | None = Field(default=None, gt=0)
    limit: int | None = Field(default=None, ge=1)
    encoding: str | None = None
    skip_bad_rows: bool = False

    @property
    def written(self) -> str:
        """Where keys of it are written, for hints."""
        return "in its [[data.train]]"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a source has either a path or a hub id")
        if self.path is not None and (self.config, self.revision) != (None, None):
            raise ValueError("config and revision are of hub data sets alone")
        unknown = sorted(set(self.columns.values()) - set(COLUMNS))
        if unknown or len(set(self.columns.values())) < len(self.columns):
            wrong = unknown[0] if unknown else "the same column twice"
            raise ValueError(f"columns renames to {wrong}; ours are {', '.join(COLUMNS)}")
        if self.label_range is not None and not self.label_range[0] < self.label_range[1]:
            raise ValueError("label_range is the lowest label and the highest, as in [0, 5]")
        return self


class Data(Section):
    """`[data]`: what is trained on.

    Attributes:
        shuffle: Whether each epoch has an order of its own, or the rows come as they stand.
        streaming: Rows are read as they are needed; `max_steps` says where training ends.
        drop_duplicates: Rows that stand twice are used once.
    """

    train: tuple[DataSource, ...]
    shuffle: bool = True
    streaming: bool = False
    drop_duplicates: bool = False


class Train(Section):
    """`[train]`: steps, optimiser, precision; what is not here is transformers' default.

    Attributes:
        batch_size: Rows of a step and device, before accumulation.
        max_steps: Ends training before the epochs do.
        schedule: Of the learning rate, by transformers' names; `constant` warms up as well.
        layer_decay: The learning rate of a layer is this times that of the layer above it; the last
            layer has `learning_rate`, the embeddings come below the first. None is 1.
        weight_decay: Of weights but norms and biases, as transformers has it.
        warmup: Steps, or a share of all steps below 1.
        max_grad_norm: What longer gradients are shortened to; 0 leaves them as they are.
        optimizer: AdamW, or plain gradient descent.
        batch_sampler: `no_duplicates` keeps rows that share a text out of one batch, as far as
            there are others.
        gather: Whether texts of all processes are each other's negatives and are ranked together.
        chunk_tokens: Texts go through the model so many padded tokens at a time, and once more
            for their gradients: memory is that of a chunk, whatever the batch.
        precision: Weights stay in float32; `bf16` and `fp16` are of the forward pass alone.
        save_steps: A checkpoint after so many steps; at the end of each epoch where none is given.
        keep: How many checkpoints stay, beside the best.
        average_last: The candidate is the average of so many last checkpoints of those that are due
            by `save_steps` or epochs, instead of the best or the last one. They stay.
        seed: Of everything that is drawn.
    """

    epochs: float = Field(default=1.0, gt=0, le=1e6)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1)
    accumulation: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    schedule: Literal[
        "linear",
        "cosine",
        "constant",
        "constant_with_warmup",
        "cosine_with_restarts",
        "polynomial",
        "inverse_sqrt",
    ] = "linear"
    layer_decay: float | None = Field(default=None, gt=0, le=1)
    warmup: float = Field(default=0.1, ge=0, le=MOST)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, ge=0)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    batch_sampler: Literal["plain", "no_duplicates"] = "plain"
    gather: bool = False
    chunk_tokens: int | None = Field(default=None, ge=1)
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    save_steps: int | None = Field(default=None, ge=1)
    log_steps: int = Field(default=10, ge=1)
    keep: int = Field(default=1, ge=1)
    average_last: int | None = Field(default=None, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**63)


class Select(Section):
    """`[select]`: how the best checkpoint is chosen.

    Attributes:
        suite: A suite on dev splits; empty keeps the last checkpoint.
        steps: Evaluation after so many steps; whenever a checkpoint is saved where none is given.
        patience: Evaluations without a better one before training ends; None trains to the end.
    """

    suite: str = "STSB-dev"
    steps: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
