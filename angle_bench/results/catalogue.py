"""The tasks and benchmarks of mteb, from generated data, so that tables need no mteb."""

import json
from functools import cache
from typing import Any

from angle_bench.places import tasks_folder


@cache
def catalogue() -> dict[str, Any]:
    """`mteb_version`; `tasks` and `benchmarks` by name; `other`, names of tasks without text."""
    read: dict[str, Any] = json.loads((tasks_folder() / "mteb-tasks.json").read_text())
    return read
