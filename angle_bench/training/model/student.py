"""A checkpoint as something that is trained: loaded, with what of it trains."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import (
    Backbone,
    load_base,
    refuse_gradient_checkpointing,
)
from angle_bench.checkpoints.loading.bidirectional import make_bidirectional
from angle_bench.checkpoints.loading.dense import load_dense
from angle_bench.checkpoints.loading.peft_adapter import attach
from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.encoding.workers.forward import Forward
from angle_bench.errors import ModelError, UsageError, did_you_mean
from angle_bench.training.checkpoint.candidate import TrainedCheckpoint
from angle_bench.training.model.trainable import Trainable, set_dropout
from angle_bench.training.model.weight_names import chosen
from angle_bench.training.recipe.model_sections import Lora, ModelSection
from angle_bench.training.recipe.recipe import Recipe


@dataclass(frozen=True)
class Student:
    """What is trained, and what is saved of it.

    Attributes:
        module: What is trained.
        tokenizer: Its tokenizer.
        settings: What it is to be used with.
        saved: The transformer, or peft's model around it.
        base: Where the base of an adapter is; None for a whole model.
        dimension: The length of a vector.
        own_embedding: Whether an adapter brings word embeddings of its own.
    """

    module: Trainable
    tokenizer: Any
    settings: Settings
    saved: Any
    base: str | None
    dimension: int
    own_embedding: bool = False

    def candidate(self, selected_on_test: tuple[str, ...] = ()) -> TrainedCheckpoint:
        """What is written to disk."""
        return TrainedCheckpoint(
            model=self.saved,
            tokenizer=self.tokenizer,
            settings=self.settings,
            base=self.base,
            own_embedding=self.own_embedding,
            dense=list(self.module.dense),
            selected_on_test=selected_on_test,
        )

    def forward(self) -> Forward:
        """The benchmark's own forward pass over the live weights; the caller sets `eval`."""
        device = next(self.module.parameters()).device
        backbone = Backbone(
            self.module.transformer, self.tokenizer, device, tuple(self.module.dense)
        )
        return Forward(backbone, self.settings)


def load_student(
    recipe: Recipe,
    spec: ModelSpec,
    place: CheckpointPaths,
    device: torch.device,
    resumed: Path | None = None,
) -> Student:
    """Load what a recipe trains, with its weights in float32.

    Args:
        recipe: What trains, and how.
        spec: The checkpoint that it starts from.
        place: Where that is.
        device: Where it goes.
        resumed: A checkpoint of this training, whose weights are taken instead.

    Raises:
        ModelError: It cannot be loaded, or is not what the recipe needs.
        UsageError: `trainable`, `frozen` or `lora.targets` name nothing.
    """
    settings = spec.required_settings()
    kept = settings.with_changes(
        dtype="float32",
        quantization=None if recipe.lora is None else recipe.lora.quantization,
    ).model_copy(update={"compile": False})
    adapter = spec.base is not None or recipe.lora is not None
    whole = place.whole if adapter or resumed is None else resumed
    if recipe.model.gradient_checkpointing:
        refuse_gradient_checkpointing(place.whole, place.trust)
    transformer = load_base(whole, place.trust, kept, device)
    if settings.bidirectional_start is not None:
        make_bidirectional(transformer, settings.bidirectional_start)
    saved: Any = transformer
    own_embedding = False
    if adapter:
        folder = resumed or (place.folder if spec.base is not None else None)
        saved, own_embedding = _adapter(transformer, recipe.lora, folder, pickle=place.trust.pickle)
        if not getattr(transformer, "is_quantized", False):
            saved.to(device)
    else:
        _choose(transformer, recipe.model)
    if recipe.model.dropout is not None:
        set_dropout(transformer, recipe.model.dropout)
    if recipe.model.gradient_checkpointing:
        _checkpoint_activations(transformer)
    dense_from = resumed or place.folder
    dense = [load_dense(dense_from, path).to(device) for path in settings.dense]
    for layer in dense:
        layer.requires_grad_(True)
    module = Trainable(
        transformer,
        dense,
        settings.pooling,
        every_layer=recipe.espresso is not None
        or (recipe.matryoshka is not None and recipe.matryoshka.layers),
        tokens=any(each.tokens == "all" for each in recipe.teachers.values()),
        kept=settings.truncate_dim,
        include_prompt=settings.include_prompt,
    )
    width = Backbone(transformer, None, device, tuple(dense)).dimension
    student = Student(
        module=module,
        tokenizer=load_tokenizer(place),
        settings=settings,
        saved=saved,
        own_embedding=own_embedding,
        base=_base_of(spec, place) if adapter else None,
        dimension=min(width, settings.truncate_dim or width),
    )
    _refuse_size(recipe, student.dimension)
    return student


def _base_of(spec: ModelSpec, place: CheckpointPaths) -> str:
    """What an adapter names as its base: a hub id, so that others find it, or the folder."""
    if spec.base is not None:
        return spec.base
    return spec.name if spec.folder is None else str(place.whole)


def _adapter(
    transformer: nn.Module, lora: Lora | None, folder: Path | None, pickle: bool
) -> tuple[Any, bool]:
    """An adapter in the layers of a frozen transformer: the one of a folder, or a new one.

    Returns:
        peft's model, and whether the adapter brings word embeddings of its own.
    """
    if folder is not None:
        adapted = attach(transformer, folder, pickle=pickle)
        for name, weight in adapted.wrapped.named_parameters():
            weight.requires_grad_(_of_adapter(name, adapted.wrapped))
        return adapted.wrapped, adapted.own_embedding
    assert lora is not None
    return _new_adapter(transformer, lora), False


def _new_adapter(transformer: Any, lora: Lora) -> Any:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if lora.quantization is not None:
        transformer = prepare_model_for_kbit_training(  # type: ignore[no-untyped-call]
            transformer, use_gradient_checkpointing=False
        )
    names = _linear_names(transformer)
    _refuse_targets(transformer, lora, names)
    pooler = hasattr(transformer, "pooler")
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a fraction works as well
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) or "all-linear",
        exclude_modules=r"(.*\.)?pooler\..*" if pooler else None,  # a head that nothing reads
        task_type="FEATURE_EXTRACTION",
    )
    return get_peft_model(transformer, config)


def _refuse_targets(transformer: nn.Module, lora: Lora, names: Sequence[str]) -> None:
    """Refuse targets that are nowhere: peft takes those that it finds, if it finds one.

    Raises:
        UsageError: One names no linear layer.
    """
    lacking = [
        target
        for target in lora.targets
        if not any(name == target or name.endswith(f".{target}") for name in names)
    ]
    if not lacking:
        return
    short = list(dict.fromkeys(name.rpartition(".")[2] for name in names))
    near = [name for typed in lacking for name in did_you_mean(typed, short)]
    kept = [target for target in lora.targets if target not in lacking]
    meant = dict.fromkeys([*kept, *(near or ([] if kept else short))])
    raise UsageError(
        f"lora.targets {', '.join(lacking)}: {type(transformer).__name__} has no such linear "
        "layers.",
        f"--set lora.targets='{json.dumps(list(meant))}'",
    )


def _linear_names(transformer: nn.Module) -> list[str]:
    """The names of linear layers that may get an adapter, with what they are in."""
    return [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and "pooler" not in name.split(".")
    ]


def _of_adapter(name: str, wrapped: Any) -> bool:
    return any(prefix in name for prefix in (wrapped.base_model.prefix, "modules_to_save"))


def _choose(transformer: nn.Module, model: ModelSection) -> None:
    """Which of the weights train."""
    weights = dict(transformer.named_parameters())
    training = set(chosen(model, weights))
    for name, weight in weights.items():
        weight.requires_grad_(name in training)


def _checkpoint_activations(transformer: Any) -> None:
    # the older name warns where there is the newer one
    enable = getattr(transformer, "activation_checkpointing_enable", None)
    if enable is not None:
        enable({"use_reentrant": False})
    else:
        transformer.gradient_checkpointing_enable({"use_reentrant": False})


def _refuse_size(recipe: Recipe, dimension: int) -> None:
    """What the first batch would be refused for, before the first batch."""
    if recipe.loss.angle_w and dimension % 2:
        raise ModelError(
            f"the angle objective halves its vectors, which have {dimension} dimensions.",
            "--set loss.angle_w=0",
        )
    if recipe.espresso is not None and recipe.espresso.size > dimension:
        raise ModelError(
            f"Espresso's size {recipe.espresso.size} is larger than the vectors: {dimension}.",
            f"--set espresso.size={dimension // 2}",
        )
    if recipe.espresso is not None and recipe.loss.angle_w and recipe.espresso.size % 2:
        raise ModelError(
            f"the angle objective halves its vectors, and espresso.size is {recipe.espresso.size}.",
            f"--set espresso.size={recipe.espresso.size - 1}",
        )
    sizes = () if recipe.matryoshka is None else recipe.matryoshka.sizes
    if sizes and max(sizes) > dimension:
        raise ModelError(
            f"matryoshka's size {max(sizes)} is larger than the vectors: {dimension}.",
            f"--set 'matryoshka.sizes={[[size for size in sizes if size <= dimension]]}'",
        )
    odd = [size for size in sizes if size % 2]
    if odd and recipe.loss.angle_w:
        raise ModelError(
            f"the angle objective halves its vectors, and {odd[0]} is one of matryoshka.sizes.",
            "--set loss.angle_w=0",
        )
