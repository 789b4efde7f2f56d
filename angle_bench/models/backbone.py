"""Load a checkpoint folder: the transformer without any head, and its tokenizer."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from angle_bench.errors import ModelError, first_line
from angle_bench.models.bidirectional import make_bidirectional
from angle_bench.models.folder import positions
from angle_bench.models.spec import Settings
from angle_bench.models.weights import unloadable

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Backbone:
    """A transformer in evaluation mode on its device, and its tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device

    @property
    def attention(self) -> str:
        """The attention that the architecture runs with."""
        return str(self.model.config._attn_implementation)

    @property
    def dimension(self) -> int:
        """The length of a token vector."""
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> int:
        """How many layers follow the embeddings."""
        return int(self.model.config.num_hidden_layers)

    @property
    def pad_id(self) -> int:
        """The token that fills a batch."""
        return int(self.tokenizer.pad_token_id)

    @property
    def parameters(self) -> int:
        """How many parameters the transformer has."""
        return sum(int(weight.numel()) for weight in self.model.parameters())


def accelerators() -> list[str]:
    """The accelerators that torch sees."""
    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []


def pick_device(name: str) -> torch.device:
    """The device of a name such as `cuda:1`; `auto` is the first accelerator, else the CPU.

    Raises:
        ModelError: torch does not know the device, or it is not here.
    """
    if name == "auto":
        return torch.device((accelerators() or ["cpu"])[0])
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ModelError(
            f"the device {name} cannot be used: {first_line(error)}", "-d auto, or -d cpu"
        ) from error
    return device


def load_backbone(folder: Path, settings: Settings, device: torch.device) -> Backbone:
    """Load a checkpoint folder with exactly these settings.

    Raises:
        ModelError: The files do not make a whole model of a known architecture.
    """
    if not os.environ.get("ANGLE_BENCH_VERBOSE"):  # what matters is checked below
        logging.getLogger("transformers").setLevel(logging.ERROR)
        disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(folder)
    try:
        model, report = _load_model(folder, settings)
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error
    _refuse_missing(folder, report["missing_keys"])
    _refuse_too_long(folder, positions(model.config.to_dict()), settings.max_length)
    model = model.eval().requires_grad_(False).to(device)
    if settings.bidirectional_start is not None:
        make_bidirectional(model, settings.bidirectional_start)
    if settings.compile:
        model.compile(dynamic=True)
    return Backbone(model, tokenizer, device)


def _load_model(folder: Path, settings: Settings) -> tuple[Any, Any]:
    attention = "sdpa" if settings.attention == "auto" else settings.attention
    try:
        return _from_pretrained(folder, settings, attention)
    except (ValueError, ImportError):
        if settings.attention != "auto":
            raise
        return _from_pretrained(folder, settings, "eager")  # the architecture knows no other


def _from_pretrained(folder: Path, settings: Settings, attention: str) -> tuple[Any, Any]:
    made: tuple[Any, Any] = AutoModel.from_pretrained(
        folder,
        dtype=DTYPES[settings.dtype],
        attn_implementation=attention,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    return made


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint folder, with a pad token.

    Raises:
        ModelError: It cannot be read, or has no pad token.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"the tokenizer of {folder} has no pad token.",
            "tokenizer.pad_token = tokenizer.eos_token, then tokenizer.save_pretrained(FOLDER)",
        )
    return tokenizer


def width_of(folder: Path) -> int:
    """The length of a token vector, from the config alone."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error
    return int(config.get_text_config().hidden_size)


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
