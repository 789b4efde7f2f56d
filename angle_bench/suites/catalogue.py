"""The tasks and benchmarks of mteb, from generated data, so that tables need no mteb."""

from typing import Any

from angle_bench.files.places import shipped_json


def catalogue() -> dict[str, Any]:
    """`mteb_version`; `tasks` and `benchmarks` by name; `other`, names of tasks without text.

    `languages` has those of tasks that are not in English alone, `private` the names of tasks whose
    data is not public.
    """
    return shipped_json("mteb-tasks.json")
