"""Adapters of peft on a transformer without its vocabulary head.

An adapter that was trained on a model with a head names its layers with that model's prefix
(`model.layers.0…`), one that was trained without has none (`layers.0…`). Both are loaded here on
the headless transformer, and weights that find no place are an error rather than a warning.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from angle_bench.checkpoints.folder.adapter_config import refuse_kind, refuse_unknown_keys
from angle_bench.checkpoints.folder.adapter_patterns import refuse_slow_patterns
from angle_bench.checkpoints.loading.adapter_vocabulary import fit_vocabulary, saved_embedding
from angle_bench.checkpoints.loading.base_state import State, free, state_of
from angle_bench.errors import ModelError, first_line

_KEY = "base_model.model."
_HEADS = ("lm_head.", "score.", "classifier.", "cls.")


class Adapted:
    """A transformer with an adapter in its layers.

    Attributes:
        model: The transformer, to be called as without an adapter.
        wrapped: peft's model around it, which knows how the adapter is saved.
        own_embedding: Whether the adapter brings word embeddings that replace those of the base.
    """

    def __init__(self, model: nn.Module, wrapped: Any, base: State, own_embedding: bool) -> None:
        self.model = model
        self.wrapped = wrapped
        self.own_embedding = own_embedding
        self._base = base

    def merge(self) -> None:
        """Add the adapter's weights to those of the base, so that it costs no time any more.

        Raises:
            ModelError: Its kind cannot be merged.
        """
        config = self.wrapped.peft_config["default"]
        if getattr(config, "layer_replication", None) is not None:
            raise _unmergeable(
                "with layer_replication", "its copies of a layer share their weights"
            )
        try:
            self.wrapped.merge_and_unload(safe_merge=True)
        except Exception as error:  # each kind has its own way to say that it cannot
            raise _unmergeable(
                f"of the kind {config.peft_type.value}", first_line(error)
            ) from error

    def detach(self) -> bool:
        """Take the adapter out of the layers.

        Returns:
            Whether the transformer is its base again. It is not where the adapter has replaced
            or changed layers of the base: saved modules, biases, embeddings. Its memory is given
            back then, and the base has to be read anew.
        """
        self.wrapped.unload()
        if state_of(self.model) == self._base:
            return True
        free(self.model)
        return False


def attach(model: nn.Module, folder: Path, *, pickle: bool = False) -> Adapted:
    """Put an adapter into the layers of a transformer, in place.

    Args:
        model: The base without its head, such as `LlamaModel`.
        folder: The adapter, as peft saved it.
        pickle: Whether weights may be read that are no safetensors.

    Raises:
        ModelError: It is no adapter of layers, has a key that is not honoured or a pattern that
            takes too long, or belongs to another base.
    """
    from peft import PeftModel
    from peft.utils import set_peft_model_state_dict

    config = _config(folder)
    refuse_slow_patterns(folder, config, [name for name, _ in model.named_modules()])
    weights = {key: value for key, value in _weights(folder, pickle).items() if not _of_head(key)}
    base = state_of(model)
    holder = _holder(model, weights)
    fit_vocabulary(model, folder, weights, config)
    own_embedding = saved_embedding(model, weights) is not None
    try:
        wrapped = PeftModel(holder, config, autocast_adapter_dtype=False)
        loaded: Any = set_peft_model_state_dict(wrapped, weights)
    except Exception as error:  # peft and torch raise whatever a key or a shape makes them raise
        raise _wrong_base(folder, model, first_line(error, 300)) from error
    if loaded.unexpected_keys:
        lost = f"{len(loaded.unexpected_keys)} of its weights find no place, such as "
        raise _wrong_base(folder, model, lost + loaded.unexpected_keys[0])
    if lacking := _lacking(wrapped, config, set(loaded.missing_keys)):
        raise _wrong_base(folder, model, f"it lacks weights, such as {min(lacking)}")
    wrapped.eval().requires_grad_(False)
    return Adapted(model, wrapped, base, own_embedding)


def last_hidden_state(model: nn.Module, ids: Tensor) -> Tensor:
    """The token vectors of a text, (1, tokens, width).

    Args:
        model: The transformer.
        ids: The token ids of the text, (1, tokens).
    """
    with torch.inference_mode():
        found: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return found


def _config(folder: Path) -> Any:
    """The adapter's config as peft reads it, once every key of it is known to be honoured."""
    from peft import PeftConfig
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    refuse_kind(folder)
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # its reader raises whatever the keys make it raise
        raise ModelError(
            f"the adapter {folder} has a config that peft does not read: {first_line(error)}",
            "the adapter saved anew, or the peft that wrote it",
        ) from error
    refuse_unknown_keys(folder, PEFT_TYPE_TO_CONFIG_MAPPING[config.peft_type])
    config.inference_mode = True
    return config


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


def _lacking(wrapped: nn.Module, config: Any, missing: set[str]) -> set[str]:
    """Parameters of the adapter that its file does not have, under any of their names.

    Some kinds share one parameter among layers, and it is saved once. Others have parameters
    that follow from the config and are never saved: these lack the prefix of the kind.
    """
    from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

    prefix = PEFT_TYPE_TO_PREFIX_MAPPING[config.peft_type]
    names: dict[int, set[str]] = {}
    for name, parameter in wrapped.named_parameters(remove_duplicate=False):
        if prefix in name or ".modules_to_save." in name:
            names.setdefault(id(parameter), set()).add(name)
    return {min(each) for each in names.values() if each <= missing}


def _unmergeable(which: str, why: str) -> ModelError:
    return ModelError(
        f"an adapter {which} cannot be merged into its base: {why}",
        "the adapter as it is: without merge_adapter, or --to adapter",
    )


def _wrong_base(folder: Path, model: nn.Module, why: str) -> ModelError:
    return ModelError(
        f"the adapter {folder} does not fit its base, a {type(model).__name__}: {why}",
        "--base PATH of the model that it was trained on",
    )
