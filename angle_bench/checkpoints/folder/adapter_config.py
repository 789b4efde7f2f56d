"""What adapter_config.json says, and which of its kinds and keys are honoured. No torch.

peft gives an adapter its meaning: every key of its own config class is handed to it. A kind is on
the list here once a test has compared its vectors with peft's; a key that peft does not know, or
that asks for more than a text's tokens, is refused by name.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.config import read_json
from angle_bench.errors import ModelError, some

CONFIG = "adapter_config.json"

# kinds that change layers, and compute from a text's tokens alone
KINDS = {
    "LORA",
    "ADALORA",
    "ADAMSS",
    "BEFT",
    "BOFT",
    "C3A",
    "DEFT",
    "DELORA",
    "FOURIERFT",
    "FROD",
    "GLORA",
    "GRALORA",
    "HIRA",
    "HRA",
    "IA3",
    "LILY",
    "LN_TUNING",
    "LOHA",
    "LOKR",
    "MISS",
    "OFT",
    "OSF",
    "PEANUT",
    "PSOFT",
    "PVERA",
    "RANDLORA",
    "ROAD",
    "SHIRA",
    "SUPERTUNING",
    "TINYLORA",
    "TRAINABLE_TOKENS",
    "UNILORA",
    "VBLORA",
    "VERA",
    "WAVEFT",
}

# what peft reads outside of the layers, so that a transformer alone would not be told of it
_NOT_OF_LAYERS = {
    "alora_invocation_tokens": "the adapter works from certain tokens of a text on",
    "arrow_config": "several adapters are mixed for each token",
    "megatron_config": "its layers are Megatron's",
}


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter of peft, which needs a base."""
    return (folder / CONFIG).is_file()


def recorded_base(folder: Path) -> str | None:
    """The base that an adapter was trained on, as its config names it: a hub id or a path."""
    return _text(folder, "base_model_name_or_path")


def recorded_revision(folder: Path, base: str) -> str | None:
    """The revision of a base that an adapter's config records; None where it names another base."""
    return _text(folder, "revision") if base == recorded_base(folder) else None


def refuse_kind(folder: Path) -> None:
    """Refuse an adapter that is more than layers, before anything is loaded.

    Raises:
        ModelError: Its kind is not known, or a key asks for what we do not give it.
    """
    config = read_json(folder / CONFIG)
    kind = config.get("peft_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ModelError(
            f"{folder / CONFIG} has the peft_type {kind}, which is none that we compute: its "
            "vectors need more than changed layers, or are untested.",
            "a LoRA adapter or the like; or one merged by peft: "
            "model.merge_and_unload().save_pretrained(FOLDER)",
        )
    for key, why in _NOT_OF_LAYERS.items():
        if config.get(key) is not None:
            raise ModelError(
                f"{folder / CONFIG} has {key}, which is not honoured here: {why}.",
                "an adapter without it, or the base alone",
            )


def refuse_unknown_keys(folder: Path, config_class: Any) -> None:
    """Refuse a key that peft's class of the adapter's kind would drop with a warning.

    A key without a value says nothing, whatever it means.

    Args:
        folder: The adapter.
        config_class: peft's dataclass, such as `LoraConfig`.

    Raises:
        ModelError: The config has a key that peft's dataclass lacks.
    """
    known = {field.name for field in fields(config_class)} - {"runtime_config"}
    config = read_json(folder / CONFIG)
    unknown = sorted(key for key in config if key not in known and config[key] is not None)
    if unknown:
        raise ModelError(
            f"{folder / CONFIG} has {some(unknown)}, which the peft that is installed does not "
            "know and would leave out.",
            "pip install -U peft, or the adapter saved without it",
        )


def _text(folder: Path, key: str) -> str | None:
    value = read_json(folder / CONFIG).get(key)
    return value if isinstance(value, str) and value else None
