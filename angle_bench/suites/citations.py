"""BibTeX of mteb's tasks, models and benchmarks, from tasks/mteb-citations.json."""

from collections.abc import Iterable
from typing import Any

from angle_bench.files.places import shipped_json
from angle_bench.suites.task import Suite


def of_task(name: str) -> tuple[str, ...]:
    """The keys of a task's papers; none of an own task, or where mteb names none."""
    return tuple(_all()["tasks"].get(name, ()))


def of_model(name: str) -> tuple[str, ...]:
    """The keys of a model's papers."""
    return tuple(_all()["models"].get(name, ()))


def of_suite(suite: Suite) -> tuple[str, ...]:
    """The keys of the papers of mteb's benchmark that a suite is."""
    benchmarks = _all()["benchmarks"]
    return next((tuple(benchmarks[name]) for name in suite.aliases if name in benchmarks), ())


def of_mteb() -> tuple[str, ...]:
    """The keys of mteb's own papers."""
    return tuple(_all()["mteb"])


def bibtex(keys: Iterable[str]) -> str:
    """The entries of some keys, each once, in that order."""
    entries = _all()["entries"]
    return "\n\n".join(entries[key] for key in dict.fromkeys(keys))


def _all() -> dict[str, Any]:
    return shipped_json("mteb-citations.json")
