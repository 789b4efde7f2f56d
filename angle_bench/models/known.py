"""Names that mteb can load, from generated data, so that no command imports mteb to know them."""

import json
from functools import cache

from angle_bench.models.registry import registry
from angle_bench.places import tasks_folder


@cache
def mteb_models() -> dict[str, str | None]:
    """The text encoders of mteb by name, each with the revision that mteb loads."""
    known: dict[str, str | None] = json.loads((tasks_folder() / "mteb-models.json").read_text())[
        "models"
    ]
    return known


def known_names() -> list[str]:
    """Every model name that can be typed, the registry's first."""
    return [*registry(), *(name for name in mteb_models() if name not in registry())]
