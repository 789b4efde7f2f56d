"""JSON that saves time and nothing else: what cannot be read is empty, and need not be kept."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from angle_bench.files.atomic import put_in_cache


def read_cached(place: Path) -> dict[str, Any]:
    """What was kept; empty where it is absent, cut off or something else."""
    try:
        known = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write_cached(place: Path, known: dict[str, Any]) -> None:
    """Keep it where that is possible; a read-only home costs time, nothing else."""
    text = json.dumps(known)
    with suppress(OSError):
        put_in_cache(place, lambda temporary: temporary.write_text(text))
