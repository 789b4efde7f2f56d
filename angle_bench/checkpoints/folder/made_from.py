"""What a checkpoint was made from, as its own files name it: a hub id, or a folder."""

from pathlib import Path
from typing import Any

from angle_bench.checkpoints.folder.adapter_config import is_adapter, recorded_base
from angle_bench.errors import ModelError
from angle_bench.files.card_head import split_card

CARD = "README.md"


def made_from(folder: Path) -> str | None:
    """The base of an adapter by its config, of a whole checkpoint by its card (`base_model`).

    Returns:
        None where they say none, or several; a card that cannot be read says none.
    """
    if is_adapter(folder):
        return recorded_base(folder)
    said = _card(folder / CARD).get("base_model")
    if isinstance(said, list) and len(said) == 1:
        (said,) = said
    return said if isinstance(said, str) and said else None


def _card(place: Path) -> dict[str, Any]:
    try:
        return split_card(place.read_text(encoding="utf-8"))[0] or {}
    except (OSError, UnicodeDecodeError, ModelError):
        return {}
