"""Suites that come with the package, and what mteb has."""

import tomllib
from functools import cache
from typing import Any

from angle_bench.files.places import tasks_folder
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.private_tasks import public_name, public_names, public_part
from angle_bench.suites.task import Suite, Task


@cache
def suites() -> dict[str, Suite]:
    """The suites that the package ships, by name."""
    contents = [
        tomllib.loads(place.read_text(encoding="utf-8")) for place in tasks_folder().glob("*.toml")
    ]
    # a suite that is written by hand names tasks of mteb or of another suite and leaves the rest
    # to them
    rows = [row for content in contents for row in content["task"]]
    known = {row["name"]: row for row in rows if "dataset" in row} | catalogue()["tasks"]
    read = []
    for content in contents:
        content["task"] = [known.get(row["name"], {}) | row for row in content["task"]]
        read.append(Suite.model_validate(content))
    short_first = sorted(read, key=lambda suite: (len(suite.task), suite.name))
    return {suite.name: suite for suite in short_first}


def mteb_task(name: str) -> Task | None:
    """A text task of mteb by its exact name."""
    row = catalogue()["tasks"].get(name)
    return None if row is None else Task(name=name, **row)


def benchmark(name: str) -> Suite | None:
    """One of mteb's benchmarks as a suite, by name or alias, whatever case and spaces.

    `NAME(…, public)` are its public tasks, where it has private ones.
    """
    wanted = plain(name)
    for full, row in catalogue()["benchmarks"].items():
        names = (full, *row["aliases"])
        if wanted in map(plain, names):
            return _benchmark(full)
        if wanted in (plain(public_name(each)) for each in names):
            return public_part(_benchmark(full))
    return None


def _benchmark(full: str) -> Suite:
    row, version = catalogue()["benchmarks"][full], catalogue()["mteb_version"]
    return Suite(
        name=full,
        version=version,
        mteb_version=version,
        languages=tuple(row.get("languages", ())),
        task=tuple(_narrowed(entry) for entry in row["tasks"]),
    )


def plain(name: str) -> str:
    """A name without case and spaces, as names are compared."""
    return "".join(name.casefold().split())


def _narrowed(entry: dict[str, Any]) -> Task:
    task = mteb_task(entry["name"])
    if task is None:
        raise ValueError(f"the generated benchmarks name {entry['name']}, the tasks do not")
    return task.model_copy(
        update={key: tuple(entry[key]) for key in ("splits", "subsets") if key in entry}
        | {key: entry[key] for key in ("samples", "characters") if key in entry}
    )


def reserved_names() -> set[str]:
    """Names that no own task or suite may take, casefolded: mteb's, and those of this project."""
    mteb = catalogue()
    aliases = [alias for row in mteb["benchmarks"].values() for alias in row["aliases"]]
    theirs = [*mteb["tasks"], *mteb["other"], *mteb["benchmarks"], *aliases, *public_names()]
    ours = [task.name for suite in suites().values() for task in suite.task]
    return {name.casefold() for name in [*theirs, *ours, *suites()]}
