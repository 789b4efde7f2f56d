"""A suite in TOML, named after -t."""

import hashlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.files.toml import TomlFile, read_toml
from angle_bench.suites.names import known_names, known_task
from angle_bench.suites.shipped import reserved_names
from angle_bench.suites.task import Suite, Task
from angle_bench.suites.user_task_file import FIX, Row, own_task, read_tasks

_NARROWING = {"name", "short", "splits", "subsets"}
_SUITE_KEYS = ("name", "version", "description", "average")


def read_suite(place: Path) -> Suite:
    """The suite of a TOML file: known tasks, perhaps with fewer splits or subsets, and own ones.

    Without a version it is the digest of its tasks.

    Raises:
        UsageError: There is no such file, or it is invalid.
    """
    if not place.is_file():
        raise UsageError(f"there is no file {place}.", "-t FILE.toml of a suite, or -t NAME")
    file = read_toml(place, "task")
    rows = file.rows(_SUITE_KEYS, f"{', '.join(_SUITE_KEYS)}, then [[task]] before every task")
    if not rows:
        raise UsageError(f"{place} has no task.", FIX)
    tasks = read_tasks(file, rows, _of_suite)
    text = "\n".join(task.model_dump_json() for task in tasks)
    head = {"name": place.stem, "version": hashlib.sha256(text.encode()).hexdigest()[:8]}
    head |= {key: file.content[key] for key in _SUITE_KEYS if key in file.content}
    try:
        suite = Suite.model_validate({**head, "task": tasks})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{place}: {first['loc'][0]}: {first['msg'].lower()}.", "the corrected line"
        ) from error
    if suite.name.casefold() in reserved_names():
        raise UsageError(f"{place}: {suite.name} is taken.", "another name for the suite")
    return suite


def _of_suite(file: TomlFile, number: int, row: Row) -> Task:
    if "name" not in row or not set(row) <= _NARROWING:
        return own_task(file, number, row)
    name = str(row["name"])
    task = known_task(name)
    if task is None:
        near = did_you_mean(name, known_names())
        hint = f" (did you mean {or_list(near)}?)" if near else "; an own one needs type and path"
        raise file.refused(number, "name", f"no task is called {name}{hint}")
    for key in ("splits", "subsets"):
        if key in row:
            task = _narrowed(file, number, row[key], key, task)
    return task.model_copy(update={"short": str(row.get("short", task.short))})


def _narrowed(file: TomlFile, number: int, chosen: Any, key: str, task: Task) -> Task:
    there = getattr(task, key)
    if not isinstance(chosen, list) or not chosen:
        raise file.refused(number, key, f'{key} is no list, as {key} = ["{there[0]}"]')
    for name in chosen:
        if name not in there:
            raise file.refused(
                number, key, f"{task.name} has no {key.removesuffix('s')} {name}; {_are(there)}"
            )
    kept = tuple(name for name in there if name in chosen)
    if kept == there:
        return task
    return task.model_copy(update={key: kept, "samples": None, "characters": None})


def _are(names: tuple[str, ...]) -> str:
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
