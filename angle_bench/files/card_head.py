"""The head of a model card: YAML between two lines of dashes, which people write by hand."""

import re
from typing import Any

from angle_bench.errors import ModelError, first_line

_HEAD = re.compile(r"---\n(?:(.*?)\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIX = "the head corrected, or the README.md removed"


def split_card(card: str) -> tuple[dict[str, Any] | None, str]:
    """The keys of a card's head, None where it has no head, and the words behind it.

    Raises:
        ModelError: The head is no YAML, or holds no keys.
    """
    import yaml

    found = _HEAD.match(card)
    if found is None:
        return None, card
    try:
        values = yaml.safe_load(found[1] or "")
    except yaml.YAMLError as error:
        raise ModelError(
            f"the head of the checkpoint's README.md is no YAML ({first_line(error)}).", _FIX
        ) from error
    if not isinstance(values, dict | None):
        raise ModelError("the head of the checkpoint's README.md holds no keys.", _FIX)
    return values or {}, card[found.end() :]
