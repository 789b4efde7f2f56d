"""Is a transformer still what it was? A record of its layers, config and tensors."""

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from angle_bench.checkpoints.loading.torch_internals import hook_counts

State = dict[str, Any]


def state_of(model: nn.Module) -> State:
    """What a model computes with: its modules, hooks, config, and a checksum of every tensor.

    Two equal states are one model, as far as vectors go. Every tensor is read once.
    """
    modules = {f"module {name}": _module(module) for name, module in model.named_modules()}
    tensors = chain(
        model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    )
    config = getattr(model, "config", None)
    return {
        **modules,
        **{f"tensor {name}": _tensor(tensor) for name, tensor in tensors},
        "config": None if config is None else config.to_dict(),
    }


def free(model: nn.Module) -> None:
    """Give back the memory of a model that nobody computes with any more."""
    for tensor in chain(model.parameters(), model.buffers()):
        tensor.data = tensor.data.new_empty(0)


def _module(module: nn.Module) -> tuple[type, int, int]:
    return type(module), *hook_counts(module)


def _tensor(tensor: Tensor) -> tuple[torch.dtype, torch.Size, int]:
    """Its type, its shape, and the sum of its bits as whole numbers of 8 bytes."""
    data = tensor.detach().contiguous().flatten().view(torch.uint8)
    whole = len(data) // 8 * 8
    total = data[:whole].view(torch.int64).sum() + data[whole:].sum(dtype=torch.int64)
    return tensor.dtype, tensor.shape, int(total)
