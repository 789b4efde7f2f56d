"""Load a checkpoint: the transformer without any head, its adapter, and its tokenizer."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig
from transformers.utils.logging import disable_progress_bar

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import (
    T5_FAMILY,
    positions,
    read_config,
    refuse_architecture,
)
from angle_bench.checkpoints.folder.weights import unloadable
from angle_bench.checkpoints.loading.adapter_vocabulary import rows_of
from angle_bench.checkpoints.loading.bidirectional import make_bidirectional
from angle_bench.checkpoints.loading.dense import load_dense
from angle_bench.checkpoints.loading.peft_adapter import Adapted, attach, last_hidden_state
from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
from angle_bench.checkpoints.loading.torch_internals import attention_of
from angle_bench.checkpoints.spec import Settings, Trust
from angle_bench.errors import ModelError

PROBE = "The cat sits on the mat."

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Backbone:
    """A transformer in evaluation mode on its device, and its tokenizer.

    Attributes:
        dense: What follows the pooling.
        adapted: The adapter in its layers, if it can be taken out again.
        warnings: What the user should know of it.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    dense: tuple[nn.Module, ...] = ()
    adapted: Adapted | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def attention(self) -> str:
        """The attention that the architecture runs with."""
        return attention_of(self.model)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        if self.dense:
            return int(self.dense[-1][0].out_features)  # type: ignore[index]
        return token_width(self.model.config)

    @property
    def layers(self) -> int:
        """How many layers follow the embeddings."""
        text = self.model.config.get_text_config()
        return int(getattr(text, "num_hidden_layers", None) or text.num_transformer_layers)

    @property
    def pad_id(self) -> int:
        """The token that fills a batch."""
        return int(self.tokenizer.pad_token_id)

    @property
    def parameters(self) -> int:
        """How many parameters the transformer has."""
        return sum(int(weight.numel()) for weight in self.model.parameters())


def load_backbone(
    place: CheckpointPaths, settings: Settings, device: torch.device, base: Any = None
) -> Backbone:
    """Load a checkpoint with exactly these settings.

    Args:
        place: Where it is.
        settings: What is used of it.
        device: Where it goes.
        base: The base of an adapter, loaded before with the same settings.

    Raises:
        ModelError: The files do not make a whole model of a known architecture.
    """
    if not os.environ.get("ANGLE_BENCH_VERBOSE"):  # what matters is checked below
        logging.getLogger("transformers").setLevel(logging.ERROR)
        disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(place)
    model = base
    if model is None:
        model = load_base(place.whole, place.trust, settings, device)
        if settings.bidirectional_start is not None:
            make_bidirectional(model, settings.bidirectional_start)
    bare = None if place.base is None else _probed(model, tokenizer)
    adapted = attach_adapter(model, place, device)
    dense = tuple(load_dense(place.folder, path).to(device) for path in settings.dense)
    warnings = []
    if adapted is not None:
        adapted_probe = _probed(model, tokenizer)
        if bare is not None and adapted_probe is not None and torch.equal(bare, adapted_probe):
            warnings.append(
                f"the adapter {place.folder} changes nothing: a sentence has the same vector with "
                "and without it."
            )
        if settings.merge_adapter:
            adapted.merge()
    if settings.compile:
        model.compile(dynamic=True)
    kept = None if settings.merge_adapter or settings.compile else adapted
    return Backbone(model, tokenizer, device, dense, kept, warnings)


def _probed(model: Any, tokenizer: Any) -> torch.Tensor | None:
    """Token vectors of a short text; None where the tokenizer has ids that the model lacks."""
    ids = tokenizer(PROBE, return_tensors="pt")["input_ids"]
    rows = rows_of(model)
    if rows is not None and int(ids.max()) >= rows:
        return None
    return last_hidden_state(model, ids.to(model.device))


def load_base(folder: Path, trust: Trust, settings: Settings, device: torch.device) -> Any:
    """The transformer of a folder, whole, without its head and without an adapter.

    Raises:
        ModelError: The files do not make a whole model of a known architecture.
    """
    refuse_architecture(folder)
    try:
        model, report = _load_model(folder, trust, settings, device)
    except ModelError:
        raise
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error
    _refuse_missing(folder, report["missing_keys"])
    _refuse_too_long(folder, positions(model.config.to_dict()), settings.max_length)
    model = model.eval().requires_grad_(False)
    return model if settings.quantization else model.to(device)


def attach_adapter(model: Any, place: CheckpointPaths, device: torch.device) -> Adapted | None:
    """Put the adapter of a checkpoint into its base; None for a whole checkpoint."""
    if place.base is None:
        return None
    adapted = attach(model, place.folder, pickle=place.trust.pickle)
    if not getattr(model, "is_quantized", False):
        adapted.model.to(device)
    return adapted


def _load_model(
    folder: Path, trust: Trust, settings: Settings, device: torch.device
) -> tuple[Any, Any]:
    attention = "sdpa" if settings.attention == "auto" else settings.attention
    quantized = _quantized(settings, device)
    try:
        return _from_pretrained(folder, trust, settings, attention, quantized)
    except (ValueError, ImportError):
        if settings.attention != "auto":
            raise
        # the architecture knows no other
        return _from_pretrained(folder, trust, settings, "eager", quantized)


def _from_pretrained(
    folder: Path, trust: Trust, settings: Settings, attention: str, quantized: dict[str, Any]
) -> tuple[Any, Any]:
    loader: Any = getattr(transformers, _class_of(read_config(folder)))
    model, report = loader.from_pretrained(
        folder,
        dtype=DTYPES[settings.dtype],
        attn_implementation=attention,
        use_safetensors=None if trust.pickle else True,
        trust_remote_code=trust.remote_code,
        local_files_only=True,
        output_loading_info=True,
        **quantized,
    )
    if loader is transformers.AutoModelForCausalLM:
        model = _without_head(model)
    return model, report


def _without_head(model: Any) -> Any:
    """The transformer of a language model, under the name that its class says or under another."""
    return model.get_decoder() if model.base_model is model else model.base_model


def _class_of(config: Mapping[str, Any]) -> str:
    """The class of transformers that loads a transformer without its head, or with it."""
    own_code = config.get("auto_map") or {}
    if "AutoModelForCausalLM" in own_code and "AutoModel" not in own_code:  # as OpenELM's
        return "AutoModelForCausalLM"
    return T5_FAMILY.get(str(config.get("model_type")), "AutoModel")


def _quantized(settings: Settings, device: torch.device) -> dict[str, Any]:
    """What makes transformers quantise a model while it loads it."""
    if settings.quantization is None:
        return {}
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            f"{settings.quantization} needs bitsandbytes, which is not installed.",
            "pip install 'angle-bench[kbit]'",
        )
    if device.type == "mps":
        raise ModelError(
            f"{settings.quantization} has no kernels for {device}.", "-d cuda, or no quantization"
        )
    from transformers import BitsAndBytesConfig

    if settings.quantization == "8bit":
        config = BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
    else:  # as in the authors' training (nf4, double quantisation)
        config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=DTYPES[settings.dtype],
        )
    return {"quantization_config": config, "device_map": {"": device}}


def refuse_gradient_checkpointing(folder: Path, trust: Trust) -> None:
    """Refuse to recompute activations in an architecture that cannot, before it is loaded.

    Raises:
        ModelError: The architecture has no gradient checkpointing, or its config cannot be read.
    """
    config = _config_of(folder, trust)
    kind: Any = transformers.MODEL_MAPPING.get(type(config), None)
    if kind is not None and not getattr(kind, "supports_gradient_checkpointing", True):
        raise ModelError(
            f"model.gradient_checkpointing: {kind.__name__} of {folder} has none.",
            "--set model.gradient_checkpointing=false",
        )


def token_width(config: Any) -> int:
    """The length of a token vector after the last layer."""
    text = config.get_text_config()
    projected = getattr(text, "word_embed_proj_dim", None)  # OPT projects its last layer
    return int(projected or getattr(text, "hidden_size", None) or text.model_dim)


def width_of(folder: Path, trust: Trust) -> int:
    """The length of a token vector, from the config alone."""
    return token_width(_config_of(folder, trust))


def _config_of(folder: Path, trust: Trust) -> Any:
    try:
        return AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust.remote_code
        )
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error


def _refuse_too_long(folder: Path, limit: int | None, max_length: int) -> None:
    if limit is not None and 0 < limit < max_length:
        raise ModelError(
            f"{folder} has positions for {limit} tokens, fewer than max_length {max_length}.",
            f"--max-length {limit}",
        )


def _refuse_missing(folder: Path, missing: Any) -> None:
    # a pooler is a head that no pooling here reads; anything else would stay random
    absent = sorted(str(key) for key in missing if not str(key).startswith("pooler."))
    if absent:
        raise ModelError(
            f"{folder} lacks {len(absent)} of its weights, such as {absent[0]}: "
            "they would stay random.",
            "a folder whose weights belong to its config.json",
        )
