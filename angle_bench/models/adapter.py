"""Adapters of peft on a transformer without its vocabulary head.

An adapter that was trained on a model with a head names its layers with that model's prefix
(`model.layers.0…`), one that was trained without has none (`layers.0…`). Both are loaded here on
the headless transformer, and weights that find no place are an error rather than a warning.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from angle_bench.errors import ModelError, first_line

_KEY = "base_model.model."
_HEADS = ("lm_head.", "score.", "classifier.", "cls.")


class Adapted:
    """A transformer with an adapter in its layers.

    Attributes:
        model: The transformer, to be called as without an adapter.
        wrapped: peft's model around it, which knows how the adapter is saved.
    """

    def __init__(self, model: nn.Module, wrapped: Any) -> None:
        self.model = model
        self.wrapped = wrapped

    def without(self) -> AbstractContextManager[None]:
        """The transformer computes as its base does, for as long as this lasts."""
        context: AbstractContextManager[None] = self.wrapped.disable_adapter()
        return context

    def merge(self) -> None:
        """Add the adapter's weights to those of the base, so that it costs no time any more."""
        self.wrapped.merge_and_unload(safe_merge=True)

    def detach(self) -> None:
        """Take the adapter out of the layers, which then are the base's own again."""
        self.wrapped.unload()


def attach(model: nn.Module, folder: Path, *, pickle: bool = False) -> Adapted:
    """Put an adapter into the layers of a transformer, in place.

    Args:
        model: The base without its head, such as `LlamaModel`.
        folder: The adapter, as peft saved it.
        pickle: Whether weights may be read that are no safetensors.

    Raises:
        ModelError: It is no adapter of layers, or belongs to another base.
    """
    from peft import PeftConfig, PeftModel
    from peft.utils import set_peft_model_state_dict

    try:
        config = PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # its reader raises whatever the keys make it raise
        raise ModelError(
            f"the adapter {folder} has a config that peft does not read: {first_line(error)}",
            "the adapter saved anew, or the peft that wrote it",
        ) from error
    if config.is_prompt_learning:
        raise ModelError(
            f"{folder} is a {config.peft_type.value} adapter, which has no layers of its own.",
            "a LoRA adapter, or the like",
        )
    config.inference_mode = True
    weights = {key: value for key, value in _weights(folder, pickle).items() if not _of_head(key)}
    holder = _holder(model, weights)
    try:
        wrapped = PeftModel(holder, config, autocast_adapter_dtype=False)
        loaded: Any = set_peft_model_state_dict(wrapped, weights)
    except (RuntimeError, ValueError, KeyError) as error:
        raise _wrong_base(folder, model, first_line(error, 300)) from error
    if loaded.unexpected_keys:
        lost = f"{len(loaded.unexpected_keys)} of its weights find no place, such as "
        raise _wrong_base(folder, model, lost + loaded.unexpected_keys[0])
    named = {key for key in loaded.missing_keys if ".default" in key}
    if named:
        raise _wrong_base(folder, model, f"it lacks weights, such as {min(named)}")
    wrapped.eval().requires_grad_(False)
    return Adapted(model, wrapped)


def changes_nothing(adapted: Adapted, ids: Tensor) -> bool:
    """Whether a text has the same vectors without the adapter.

    Args:
        adapted: The transformer.
        ids: The token ids of the text, (1, tokens).
    """
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        given = adapted.model(input_ids=ids, attention_mask=mask).last_hidden_state
        with adapted.without():
            bare = adapted.model(input_ids=ids, attention_mask=mask).last_hidden_state
    return torch.equal(given, bare)


def _weights(folder: Path, pickle: bool) -> dict[str, Tensor]:
    safe = folder / "adapter_model.safetensors"
    try:
        if safe.is_file() or not pickle:
            from safetensors.torch import load_file

            return load_file(safe)
        loaded: dict[str, Tensor] = torch.load(
            folder / "adapter_model.bin", map_location="cpu", weights_only=True
        )
        return loaded
    except Exception as error:  # the readers have errors of their own
        raise ModelError(
            f"the weights of the adapter {folder} cannot be read: {first_line(error)}",
            "the adapter copied again as a whole, or saved anew",
        ) from error


def _of_head(key: str) -> bool:
    return key.removeprefix(_KEY).startswith(_HEADS)


def _holder(model: Any, weights: Mapping[str, Tensor]) -> Any:
    """The model itself, or a module that has it where a model with a head would."""
    prefix = str(getattr(model, "base_model_prefix", ""))
    if not prefix or not all(key.startswith(f"{_KEY}{prefix}.") for key in weights):
        return model
    holder: Any = nn.Module()
    holder.config = model.config  # peft asks it what is saved
    setattr(holder, prefix, model)
    return holder


def _wrong_base(folder: Path, model: nn.Module, why: str) -> ModelError:
    return ModelError(
        f"the adapter {folder} does not fit its base, a {type(model).__name__}: {why}",
        "--base PATH of the model that it was trained on",
    )
