"""What is used of torch and transformers that they do not document: names that begin with `_`.

No other module of this package names one of them; a test holds each to the installed libraries.
"""

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments

DROPOUTS = nn.modules.dropout._DropoutNd  # the base of torch's dropouts


def attention_of(model: Any) -> str:
    """The attention that a transformer runs with, such as `sdpa`."""
    return str(model.config._attn_implementation)


def hook_counts(module: nn.Module) -> tuple[int, int]:
    """How many hooks a module has before and behind its forward pass; behind first."""
    return len(module._forward_hooks), len(module._forward_pre_hooks)


def unsplit_classes(model: nn.Module) -> set[str]:
    """The names of the classes whose modules stay whole on a device."""
    return set(getattr(model, "_no_split_modules", None) or ())


def use_one_device(arguments: "TrainingArguments") -> None:
    """Keep a trainer from splitting batches over the devices of one process (DataParallel)."""
    _ = arguments.device  # which counts them
    arguments._n_gpu = min(1, arguments.n_gpu)


def on_device(trainer: "Trainer", batch: Any) -> Any:
    """A batch on the device that a trainer computes on."""
    return trainer._prepare_inputs(batch)


def save_random_state(trainer: "Trainer", folder: str) -> None:
    """Write the random states of this process as a trainer reads them again."""
    trainer._save_rng_state(folder)


def save_scaler(trainer: "Trainer", folder: str) -> None:
    """Write the state of the gradient scaler, where there is one, as a trainer reads it again."""
    trainer._save_scaler(folder)
