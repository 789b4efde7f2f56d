"""`[train]` and `[select]`: how training goes, and which checkpoint is chosen."""

from typing import Literal, Self

from pydantic import Field, model_validator

from angle_bench.training.recipe.section import MOST, Section


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

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        if self.warmup > 1 and self.warmup % 1:
            raise ValueError("warmup is a share of all steps below 1, or a whole number of steps")
        return self


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
