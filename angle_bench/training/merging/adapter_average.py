"""The weighted average of LoRA adapters of one base.

An adapter's change of a layer is the product of two matrices, and the product of averages is no
average of products. Stacked side by side they are exactly that, at the sum of the ranks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from angle_bench.checkpoints.folder.adapter_config import CONFIG
from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.errors import ModelError, first_line, shell_word
from angle_bench.training.checkpoint.candidate import change_json
from angle_bench.training.merging.average import FIX, Average, AveragedPart, refuse_difference

WEIGHTS = "adapter_model.safetensors"
# what may stand in a config whose change of a layer is that product and nothing else
_PLAIN = {
    "alpha_pattern",
    "exclude_modules",
    "fan_in_fan_out",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "modules_to_save",
    "peft_type",
    "r",
    "rank_pattern",
    "target_modules",
    "use_rslora",
}
# what says nothing of the weights
_NO_MATTER = {
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "lora_dropout",
    "peft_version",
    "revision",
    "task_type",
}
_STARTS = (None, True, False, "gaussian", "orthogonal")  # others change the base as well


def stack_adapters(folder: Path, parts: Sequence[AveragedPart]) -> None:
    """Put the average of adapters into a folder that holds a copy of the first one.

    Args:
        folder: The copy.
        parts: The adapters.

    Raises:
        ModelError: They are of several bases, no plain LoRA, or unlike each other.
    """
    first, *others = parts
    config = _config(first)
    base = _base_of(first)
    tensors = [_weights(first)]
    for part in others:
        refuse_difference(first.label, config, part.label, _config(part), CONFIG)
        if _base_of(part) != base:
            raise ModelError(
                f"{first.label} and {part.label} are adapters of different bases.", FIX
            )
        tensors.append(_weights(part))
    save_file(_stacked(parts, tensors), folder / WEIGHTS, metadata={"format": "pt"})
    times = len(parts)
    scale = math.sqrt(times) if config.get("use_rslora") else times
    change_json(
        folder / CONFIG,
        r=config["r"] * times,
        lora_alpha=config["lora_alpha"] * scale,  # so that alpha over rank stays
        rank_pattern=_each(config.get("rank_pattern"), lambda rank: rank * times),
        alpha_pattern=_each(config.get("alpha_pattern"), lambda alpha: alpha * scale),
    )


def _stacked(
    parts: Sequence[AveragedPart], tensors: Sequence[Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    total = Average(parts[0].label, tensors[0], parts[0].share)  # sees that all are alike
    for part, each in zip(parts[1:], tensors[1:], strict=True):
        total.add(part.label, each, part.share)
    found = {}
    for name, average in total.tensors.items():
        matrices = [mine[name] for mine in tensors]
        if _is(name, "A"):
            found[name] = torch.cat(matrices, dim=0)
        elif _is(name, "B"):
            weighted = [
                mine.float() * part.share for mine, part in zip(matrices, parts, strict=True)
            ]
            found[name] = torch.cat(weighted, dim=1).to(matrices[0].dtype)
        else:  # a bias, or a module that was saved whole
            found[name] = average.to(matrices[0].dtype)
        found[name] = found[name].contiguous()
    return found


def _is(name: str, matrix: str) -> bool:
    return name.endswith((f".lora_{matrix}.weight", f".lora_embedding_{matrix}"))


def _each(pattern: Mapping[str, Any] | None, change: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: change(value) for name, value in (pattern or {}).items()}


def _config(part: AveragedPart) -> dict[str, Any]:
    """What an adapter's config says, where that is plain LoRA.

    Raises:
        ModelError: It is more, or another kind.
    """
    config = read_json(part.place.folder / CONFIG)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise _no_average(part, f"is of the kind {kind}")
    if config.get("init_lora_weights") not in _STARTS:
        raise _no_average(part, f"has init_lora_weights {config['init_lora_weights']}")
    defaults = _defaults()
    for key, value in config.items():
        known = key in _PLAIN | _NO_MATTER | {"init_lora_weights", "bias", "lora_bias"}
        if not known and value is not None and value != defaults.get(key):
            raise _no_average(part, f"has {key} {value!r}")
    found = {key: value for key, value in config.items() if key in _PLAIN | {"bias", "lora_bias"}}
    return {key: _sorted(value) for key, value in found.items() if value is not None}


def _defaults() -> dict[str, Any]:
    from peft import LoraConfig

    return {
        field.name: field.default_factory()
        if field.default_factory is not MISSING
        else field.default
        for field in fields(LoraConfig)
    }


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value  # peft's are sets


def _base_of(part: AveragedPart) -> str:
    assert part.place.base is not None
    return content_hash(part.place.base)


def _weights(part: AveragedPart) -> dict[str, Tensor]:
    place = part.place.folder / WEIGHTS
    try:
        return load_file(place)
    except Exception as error:  # the reader's own error class is not public
        raise ModelError(
            f"{place} cannot be read: {first_line(error)}",
            f"angle-bench export {shell_word(part.place.folder)} --to merged, and the average of "
            "such",
        ) from error


def _no_average(part: AveragedPart, why: str) -> ModelError:
    return ModelError(
        f"the adapter {part.label} {why}: adapters other than plain LoRA have no average here.",
        f"angle-bench export {shell_word(part.place.folder)} --to merged, and the average of such",
    )
