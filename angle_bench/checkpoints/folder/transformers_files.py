"""Keys of transformers' own files that sentence-transformers reads otherwise than this package.

transformers reads its config and its tokenizer's files for both, so that every other key means
the same in both.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Rule = Callable[[Any], bool]

# sentence-transformers looks for a processor before it looks for a tokenizer
PROCESSOR_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)


def _is_switch(value: Any) -> bool:
    return value is None or type(value) is bool


def _is_off(value: Any) -> bool:
    return value is None or value is False


def _is_part(value: Any) -> bool:
    """The config of the part of a larger model that reads texts."""
    return isinstance(value, dict) and isinstance(value.get("model_type"), str)


def _is_limit(value: Any) -> bool:
    return type(value) in (int, float) and value == value


def _is_name(value: Any) -> bool:
    return value is None or type(value) is str


def _never(_: Any) -> bool:
    return False


# the keys whose other values are handed over, by file
KEYS: Mapping[str, Mapping[str, Rule]] = {
    "config.json": {
        "text_config": _is_part,
        # transformers makes an encoder causal by it, but not in a batch with pads
        "is_causal": _is_off,
        "output_hidden_states": _is_switch,
        "chunk_size_feed_forward": lambda value: value == 0,  # fails by the length of a batch
        "processor_class": _never,
        "attn_implementation": _is_name,
        "_attn_implementation": _is_name,
    },
    "tokenizer_config.json": {"model_max_length": _is_limit, "processor_class": _never},
}


def processor_files(folder: Path) -> list[str]:
    """The files of a folder that describe a processor of more than texts."""
    return [name for name in PROCESSOR_FILES if (folder / name).is_file()]
