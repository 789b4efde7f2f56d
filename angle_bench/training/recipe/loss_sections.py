"""`[loss]`, `[espresso]` and `[matryoshka]`: what is minimised."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from angle_bench.training.recipe.section import InverseTemperature, Section, Weight


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
        if not self.last_layer_weight and not self.prior_layers_weight:
            raise ValueError("matryoshka leaves nothing to learn: no layer has a weight")
        return self
