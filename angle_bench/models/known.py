"""Names that mteb can load, from generated data, so that no command imports mteb to know them."""

import json
from functools import cache
from typing import Any

from angle_bench.models.registry import registry, users_entries
from angle_bench.places import tasks_folder


@cache
def _generated() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((tasks_folder() / "mteb-models.json").read_text())
    return read


def mteb_models() -> dict[str, str | None]:
    """The text encoders of mteb by name, each with the revision that mteb loads."""
    known: dict[str, str | None] = _generated()["models"]
    return known


def mteb_prompts() -> dict[str, dict[str, str]]:
    """The prompts that mteb's own loaders use, by model and by mteb's keys."""
    prompts: dict[str, dict[str, str]] = _generated()["prompts"]
    return prompts


def known_names() -> list[str]:
    """Every model name that can be typed: the user's own, the registry's, mteb's."""
    own = [entry.name for entry in users_entries()]
    return list(dict.fromkeys([*own, *registry(), *mteb_models()]))
