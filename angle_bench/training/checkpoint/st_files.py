"""The files by which sentence-transformers loads a checkpoint: modules, pooling, prompts, length.

They are written under the names that its versions since 2 all read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from angle_bench.checkpoints.folder.honoured import ACTIVATIONS, PROMPTS_CONFIG
from angle_bench.checkpoints.named_prompts import by_key
from angle_bench.checkpoints.prompts import ROLES, PromptPolicy
from angle_bench.checkpoints.spec import Pooling, Settings
from angle_bench.checkpoints.templates import (
    NO_PROMPT,
    PLACEHOLDER,
    head_and_tail,
    wants_instruction,
)

_HALVES = "2_Halves"  # the Dense that takes the mean of two poolings
_FLAGS = (
    "cls_token",
    "mean_tokens",
    "max_tokens",
    "mean_sqrt_len_tokens",
    "weightedmean_tokens",
    "lasttoken",
)
_MODES: dict[Pooling, tuple[str, ...]] = {
    "cls": ("cls_token",),
    0: ("cls_token",),
    "mean": ("mean_tokens",),
    "max": ("max_tokens",),
    "last": ("lasttoken",),
    "cls_avg": ("cls_token", "mean_tokens"),
    "cls_max": ("cls_token", "max_tokens"),
}
_ACTIVATION_CLASSES = {name: path for path, name in ACTIVATIONS.items()}


def inexpressible(settings: Settings) -> list[str]:
    """What of the settings sentence-transformers has no place for, by name."""
    return list(_inexpressible(settings))


def _inexpressible(settings: Settings) -> Iterator[str]:
    if settings.pooling not in _MODES:
        yield f"the pooling {settings.pooling}"
    if settings.bidirectional_start is not None:
        yield f"BiLLM (bidirectional_start {settings.bidirectional_start})"
    if settings.prompts.variants and (settings.prompts.type or settings.prompts.task):
        yield "prompts by task that are for its variants too"
    elif any(wants_instruction(template) for template in settings.prompts.templates()):
        yield "prompts with the instruction of a task"
    tails = [text for text in settings.prompts.templates() if text and not _is_prefix(text)]
    if tails:
        yield f"a prompt with a tail ({tails[0]!r})"
    if settings.prepare_sentence:
        yield "sentences prepared (prepare_sentence)"
    if settings.quantization is not None:
        yield f"quantisation ({settings.quantization})"
    if settings.layer is not None or settings.size is not None:
        yield "a layer or a size"


def write_st_files(
    folder: Path,
    settings: Settings,
    width: int,
    dense: Sequence[nn.Module] = (),
    names: Mapping[str, str] | None = None,
    **model_args: Any,
) -> None:
    """Write the files into a folder that holds transformer and tokenizer.

    Args:
        folder: The folder.
        settings: Nothing of them is `inexpressible`.
        width: The length of a token vector.
        dense: Linear layers and their activations, in the order of the settings' `dense`.
        names: Further templates by a name of their own, which a call may ask for.
        model_args: What the transformer is loaded with.
    """
    modes = _MODES[settings.pooling]
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    _json(folder / "1_Pooling/config.json", _pooling(modes, width, settings.include_prompt))
    if len(modes) == 2:
        _write_dense(folder / _HALVES, _mean_of_halves(width), "Identity")
        modules.append((_HALVES, "Dense"))
    write_dense_modules(folder, settings, dense)
    modules += [(path, "Dense") for path in settings.dense]
    if settings.normalize:
        (folder / "9_Normalize").mkdir()
        modules.append(("9_Normalize", "Normalize"))
    listed = [
        {
            "idx": at,
            "name": str(at),
            "path": path,
            "type": f"sentence_transformers.models.{kind}",
        }
        for at, (path, kind) in enumerate(modules)
    ]
    length = {"max_seq_length": settings.max_length, "do_lower_case": settings.lowercase}
    more = {"model_args": model_args} if model_args else {}
    _json(folder / "sentence_bert_config.json", length | more)
    _json(folder / PROMPTS_CONFIG, _folder_config(settings, names))
    _json(folder / "modules.json", listed)


def write_dense_modules(folder: Path, settings: Settings, dense: Sequence[nn.Module]) -> None:
    """Write linear layers and their activations under the paths that the settings name."""
    for path, module in zip(settings.dense, dense, strict=True):
        linear, activation = module.children()
        assert isinstance(linear, nn.Linear)
        _write_dense(folder / path, linear, type(activation).__name__)


def _pooling(modes: Sequence[str], width: int, include_prompt: bool) -> dict[str, Any]:
    flags = {f"pooling_mode_{name}": name in modes for name in _FLAGS}
    return {"word_embedding_dimension": width, **flags, "include_prompt": include_prompt}


def _mean_of_halves(width: int) -> nn.Linear:
    """The layer that takes the mean of the two halves of a vector."""
    linear = nn.Linear(2 * width, width, bias=False)
    half = torch.eye(width) / 2
    linear.weight = nn.Parameter(torch.cat([half, half], dim=1))
    return linear


def _write_dense(place: Path, linear: nn.Linear, activation: str) -> None:
    config = {
        "in_features": linear.in_features,
        "out_features": linear.out_features,
        "bias": linear.bias is not None,
        "activation_function": _ACTIVATION_CLASSES[activation],
    }
    _json(place / "config.json", config)
    weights = {f"linear.{key}": w.contiguous().cpu() for key, w in linear.state_dict().items()}
    save_file(weights, place / "model.safetensors")


def _folder_config(settings: Settings, names: Mapping[str, str] | None) -> dict[str, Any]:
    cut = {} if settings.truncate_dim is None else {"truncate_dim": settings.truncate_dim}
    return {
        **_prompts(settings.prompts, names or {}),
        "similarity_fn_name": settings.similarity,
        **cut,
    }


def _prompts(policy: PromptPolicy, names: Mapping[str, str]) -> dict[str, Any]:
    """Prefixes by name; a role without a prompt of its own gets the default's."""
    roles = {role: policy.pattern_for(None, None, role) for role in ROLES}
    prompts = {**names, **by_key(policy), **roles}
    default = None
    if policy.default != NO_PROMPT:
        same = (name for name, template in prompts.items() if template == policy.default)
        default = next(same, "default")
        prompts[default] = policy.default
    prefixes = {name: head_and_tail(template)[0] for name, template in prompts.items()}
    return {"prompts": prefixes, "default_prompt_name": default}


def _is_prefix(template: str) -> bool:
    return template.endswith(PLACEHOLDER)


def _json(place: Path, value: Any) -> None:
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
