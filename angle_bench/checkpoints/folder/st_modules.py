"""The modules that a sentence-transformers folder lists, and what their files hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.config import read_json, read_keys
from angle_bench.checkpoints.folder.honoured import KINDS, POOLING_FLAGS, TRANSFORMER_CONFIGS
from angle_bench.errors import ModelError


@dataclass(frozen=True)
class Module:
    """A line of modules.json: its class in full, which of ours that is, and its folder.

    Attributes:
        kind: Transformer, Pooling, Dense or Normalize; None for every other class.
    """

    type: str
    kind: str | None
    folder: Path
    path: str
    entry: Mapping[str, Any]


def modules_of(folder: Path) -> list[Module]:
    """The modules of a folder, in order.

    Raises:
        ModelError: modules.json lists none.
    """
    place = folder / "modules.json"
    found = []
    for entry in read_json(place, list):
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str):
            raise ModelError(f"{place} lists no modules.", "the folder saved anew")
        type_ = str(entry.get("type", ""))
        found.append(Module(type_, KINDS.get(type_), folder / path, path, entry))
    return found


def transformer_config(folder: Path) -> tuple[str, dict[str, Any]]:
    """The file of the Transformer's settings, and what is in it; an empty one where none is."""
    for name in TRANSFORMER_CONFIGS:
        if config := read_keys(folder / name):
            return name, config
    return TRANSFORMER_CONFIGS[0], {}


def pooling_modes(config: Mapping[str, Any]) -> list[Any]:
    """The poolings that a Pooling's config switches on, as sentence-transformers reads it."""
    if "pooling_mode" in config:
        mode = config["pooling_mode"]
        return list(mode) if isinstance(mode, list) else [mode]
    return [mode for key, mode in POOLING_FLAGS.items() if config.get(key) is True] or ["mean"]
