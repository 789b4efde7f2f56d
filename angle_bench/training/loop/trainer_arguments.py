"""What transformers' Trainer is told of a recipe."""

import os
from collections.abc import Sequence

import torch
from transformers import TrainingArguments

from angle_bench.checkpoints.loading.torch_internals import use_one_device
from angle_bench.errors import UsageError
from angle_bench.training.checkpoint.run_folder import RunFolder
from angle_bench.training.recipe.recipe import Recipe


def training_arguments(
    recipe: Recipe, folder: RunFolder, device: str, track: Sequence[str]
) -> TrainingArguments:
    """What transformers needs to know of a recipe.

    Args:
        recipe: What is trained.
        folder: Where it goes.
        device: A device string, as `--device` takes it.
        track: Where losses are reported, if anywhere.

    Raises:
        UsageError: The device cannot compute in the recipe's precision.
    """
    used = recipe.train
    on_cpu = device.startswith("cpu") or not (
        torch.cuda.is_available() or torch.backends.mps.is_available()
    )
    if used.precision == "fp16" and on_cpu:
        raise UsageError("fp16 needs a GPU.", "--set train.precision=bf16, or float32")
    args = TrainingArguments(
        output_dir=str(folder.place),
        use_cpu=on_cpu,
        num_train_epochs=used.epochs,
        max_steps=used.max_steps or -1,
        per_device_train_batch_size=used.batch_size,
        gradient_accumulation_steps=used.accumulation,
        learning_rate=used.learning_rate,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(used.schedule, used.schedule),
        warmup_steps=used.warmup,
        weight_decay=used.weight_decay,
        max_grad_norm=used.max_grad_norm,
        optim={"adamw": "adamw_torch_fused", "sgd": "sgd"}[used.optimizer],
        ddp_backend="gloo" if on_cpu and "RANK" in os.environ else None,
        ddp_broadcast_buffers=False,
        ddp_find_unused_parameters=False,
        bf16=used.precision == "bf16",
        fp16=used.precision == "fp16",
        seed=used.seed % 2**32,  # numpy takes no more
        data_seed=used.seed % 2**32,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to=list(track) or ["none"],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        accelerator_config={"dispatch_batches": False},
    )
    use_one_device(args)  # several are for several processes
    return args
