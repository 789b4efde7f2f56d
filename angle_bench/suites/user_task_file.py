"""Own tasks in TOML: `[[task]]` in angle-bench.toml beside `[[model]]`, or in a suite file."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from angle_bench.files.toml import TABLES, TomlFile, read_toml, user_files
from angle_bench.suites.shipped import reserved_names
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import OwnTask

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FIX = '[[task]] before the lines of every task, such as name, type = "STS" and path'
Row = dict[str, Any]


def users_tasks() -> list[Task]:
    """The tasks of the user's files; where two have one name, the nearest file's counts.

    Raises:
        UsageError: A file is invalid; the line and the nearest key are named.
    """
    found: dict[str, Task] = {}
    for place in reversed(user_files()):
        file = read_toml(place, "task")
        rows = file.rows(TABLES, FIX)
        found |= {task.name: task for task in read_tasks(file, rows, own_task)}
    return list(found.values())


def read_tasks(
    file: TomlFile, rows: list[Row], read: Callable[[TomlFile, int, Row], Task]
) -> list[Task]:
    """The tasks of a file, each read by `read`.

    Raises:
        UsageError: Two have one name.
    """
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows):
        task = read(file, number, row)
        if task.name.casefold() in tasks:
            raise file.refused(number, "name", f"there are two tasks {task.name}")
        tasks[task.name.casefold()] = task
    return list(tasks.values())


def own_task(file: TomlFile, number: int, row: Row) -> Task:
    """The task of a row that defines one.

    Raises:
        UsageError: It is invalid; the line and the nearest key are named.
    """
    try:
        own = OwnTask.model_validate(row)
    except ValidationError as error:
        raise file.invalid(number, error, OwnTask.model_fields) from error
    if not _SAFE.fullmatch(own.name):
        raise file.refused(
            number, "name", f"{own.name!r} names files: letters, digits, dots, _ and - are possible"
        )
    if own.name.casefold() in reserved_names():
        raise file.refused(
            number, "name", f"{own.name} is a task or suite of mteb or angle-bench; take another"
        )
    task = own.task()
    files = tuple((part, file.place.parent / path.expanduser()) for part, path in task.path)
    return task.model_copy(update={"path": files})
