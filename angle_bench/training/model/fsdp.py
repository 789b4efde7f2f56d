"""Sharded training (FSDP2): who asked for it, that it happens, and whole weights and states."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import Accelerator
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from angle_bench.errors import UsageError
from angle_bench.files.places import tasks_folder
from angle_bench.training.checkpoint.candidate import TrainedCheckpoint
from angle_bench.training.model import distributed
from angle_bench.training.model.student import Student
from angle_bench.training.recipe.recipe import Recipe

_ASKED = "ACCELERATE_USE_FSDP"
_FIX = "--processes N --fsdp; or accelerate launch with fsdp_version: 2 and several processes"


def asked() -> bool:
    """Whether this process was launched to train with shards."""
    return os.environ.get(_ASKED, "false").lower() == "true"


def environment() -> dict[str, str]:
    """What accelerate's launcher would say to processes that shard, as in tasks/accelerate."""
    place = tasks_folder() / "accelerate" / "fsdp.yaml"
    settings = yaml.safe_load(place.read_text(encoding="utf-8"))["fsdp_config"]
    said = {name.upper(): str(value) for name, value in settings.items()}
    return {_ASKED: "true", **said}


def refuse_unfit(recipe: Recipe) -> None:
    """Refuse what was asked of the launcher and cannot be had.

    Raises:
        UsageError: DeepSpeed, or shards of weights that are quantised.
    """
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true":
        raise UsageError("DeepSpeed is not supported; FSDP shards as well.", _FIX)
    if asked() and recipe.lora is not None and recipe.lora.quantization is not None:
        raise UsageError(
            "quantised weights cannot be sharded.", "a recipe without lora.quantization, or no FSDP"
        )


def shard_on_cpu(accelerator: Accelerator) -> None:
    """Accelerate shards on accelerators alone, and trains with whole copies on CPUs: here, too."""
    state = accelerator.state
    if not asked() or state.distributed_type != DistributedType.MULTI_CPU:
        return
    plugin = FullyShardedDataParallelPlugin(cpu_offload=False)  # they are there already
    if state.mixed_precision != "no":
        plugin.set_mixed_precision(state.mixed_precision)
    state.distributed_type, state.fsdp_plugin = DistributedType.FSDP, plugin


def check_plugin(plugin: Any) -> None:
    """Refuse the first version of FSDP.

    Raises:
        UsageError: It is asked for.
    """
    if plugin is not None and plugin.fsdp_version != 2:
        raise UsageError("sharded training here is FSDP's version 2.", _FIX)


def check_sharded(module: nn.Module) -> None:
    """See that a module is sharded where that was asked for.

    Raises:
        UsageError: FSDP was asked for and the module is not sharded.
    """
    shards = any(isinstance(weight, DTensor) for weight in module.parameters())
    if asked() and not (shards and distributed.count() > 1):
        raise UsageError("FSDP was asked for, and nothing is sharded.", _FIX)


@contextmanager
def outer_weights(module: nn.Module) -> Iterator[None]:
    """Meanwhile what is inside the module can be called without the module around it."""
    if not isinstance(module, FSDPModule):
        yield
        return
    module.unshard()
    try:
        yield
    finally:
        module.reshard()


def candidate(student: Student, selected_on_test: tuple[str, ...]) -> TrainedCheckpoint:
    """What is written to disk of a student, sharded or not; every process takes part.

    Only the first process has the weights of a sharded one afterwards.
    """
    found = student.candidate(selected_on_test)
    if not isinstance(student.module, FSDPModule):
        return found
    adapter = student.base is not None
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: dict[str, Any] = get_model_state_dict(student.module, options=options)
    if not distributed.is_main_process():
        return found
    outer = "base_model.model." if adapter else ""
    state = {outer + name: weight for name, weight in _inside(weights, "transformer.")}
    dense = [
        _with_weights(layer, dict(_inside(weights, f"dense.{number}.")))
        for number, layer in enumerate(student.module.dense)
    ]
    return replace(found, state=state, dense=dense)


def optimizer_state(module: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer's state by the names of the weights; every process takes part.

    Whatever it was sharded over, it can be loaded by any number of processes.
    """
    return get_optimizer_state_dict(module, optimizer, options=_options(module))


def load_optimizer_state(module: nn.Module, optimizer: Optimizer, place: Path) -> None:
    """Continue with a state that `optimizer_state` gave."""
    state = torch.load(place, map_location="cpu", weights_only=True)
    if not state["state"]:  # plain gradient descent keeps nothing, and torch then finds no device
        for group, said in zip(optimizer.param_groups, state["param_groups"], strict=True):
            group.update({name: value for name, value in said.items() if name != "params"})
        return
    set_optimizer_state_dict(module, optimizer, state, options=_options(module))


def _options(module: nn.Module) -> StateDictOptions:
    whole = isinstance(module, FSDPModule)
    return StateDictOptions(full_state_dict=whole, cpu_offload=whole)


def _inside(weights: Mapping[str, Tensor], prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, weight in weights.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), weight


def _with_weights(layer: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """A linear layer and its activation, with whole weights."""
    _, activation = layer.children()
    out, within = weights["0.weight"].shape
    linear = nn.Linear(within, out, bias="0.bias" in weights)
    linear.load_state_dict(dict(_inside(weights, "0.")))
    return nn.Sequential(linear, activation)
