"""Names that mteb can load, from generated data, so that no command imports mteb to know them."""

import json
from functools import cache
from typing import Any

from angle_bench.models.mteb_protocol import Protocol
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


def mteb_name(name: str) -> str | None:
    """Mteb's spelling of a name, None where it has no such text encoder."""
    wanted = name.casefold()
    return next((known for known in mteb_models() if known.casefold() == wanted), None)


def mteb_protocol(name: str) -> Protocol | None:
    """What mteb's own loader of a name of its puts around texts; None where that is code."""
    if name in _generated()["by_code"]:
        return None
    same = _generated()["protocol"].get(name)
    return Protocol() if same is None else Protocol.model_validate(_generated()["protocols"][same])


def is_instructed(name: str) -> bool:
    """Whether mteb says that a model of its is given prompts or instructions."""
    return name in _generated()["instructed"]


def known_names() -> list[str]:
    """Every model name that can be typed: the user's own, the registry's, mteb's."""
    own = [entry.name for entry in users_entries()]
    return list(dict.fromkeys([*own, *registry(), *mteb_models()]))
