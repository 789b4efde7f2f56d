"""Where the package keeps and finds its files: shipped data, caches, working folders."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any


def package_folder() -> Path:
    """The folder of the package `angle_bench`."""
    return Path(__file__).resolve().parent.parent


def tasks_folder() -> Path:
    """The folder of suites and demo data.

    A wheel carries `tasks/` inside the package; a checkout has it beside the package.
    """
    package = package_folder()
    shipped = package / "tasks"
    return shipped if shipped.is_dir() else package.parent / "tasks"


@cache
def shipped_json(name: str) -> dict[str, Any]:
    """A JSON file of the shipped data, read once in a process."""
    read: dict[str, Any] = json.loads((tasks_folder() / name).read_text(encoding="utf-8"))
    return read


def cache_folder() -> Path:
    """The folder for what can be computed again: file hashes, staged data.

    `ANGLE_BENCH_CACHE` moves it; the default follows the XDG base directory specification.
    """
    if chosen := os.environ.get("ANGLE_BENCH_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "angle-bench"
