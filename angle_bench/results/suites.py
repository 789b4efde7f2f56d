"""Suites and tasks as values, read from generated data, so that tables need no mteb."""

import json
import shlex
import tomllib
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.places import tasks_folder


class Task(BaseModel):
    """One task as a suite asks for it.

    Attributes:
        name: mteb's name, or the name of a task of this project.
        short: The header of its column.
        type: mteb's task type, such as STS or Retrieval.
        dataset: The hub data set, or `angle-bench/<folder>` for data that the package ships.
        revision: The hub commit; `local` for shipped data, whose revision is its content.
        splits: The splits that count.
        subsets: The subsets that count.
        metric: The main score.
        samples: Pairs, queries and documents, or texts over these splits and subsets, if known.
        characters: Characters of text over these splits and subsets, if known.
        parts: The tasks that an aggregate is the mean of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    dataset: str
    revision: str
    splits: tuple[str, ...]
    subsets: tuple[str, ...] = ("default",)
    metric: str
    short: str = ""
    samples: int | None = None
    characters: int | None = None
    parts: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        """The header of the task's column."""
        return self.short or self.name

    @property
    def protocol(self) -> "Task":
        """The task without what changes no score: two tasks are one column if these are equal."""
        return self.model_copy(update={"short": "", "samples": None, "characters": None})

    @property
    def texts(self) -> int | None:
        """How many texts are encoded: two a sample where samples are pairs."""
        pairs = self.type in ("STS", "PairClassification", "BitextMining")
        return None if self.samples is None else self.samples * (2 if pairs else 1)


class Suite(BaseModel):
    """A named list of tasks, and what is averaged over them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    description: str = ""
    average: Literal["tasks", "types"] = "tasks"
    mteb_version: str | None = None
    task: tuple[Task, ...]

    @property
    def signature(self) -> str:
        """Name and version, for the line under a table."""
        return f"{self.name}/{self.version}"


@cache
def suites() -> dict[str, Suite]:
    """The suites that the package ships, by name."""
    found = {}
    for place in sorted(tasks_folder().glob("*.toml")):
        suite = Suite.model_validate(tomllib.loads(place.read_text(encoding="utf-8")))
        found[suite.name] = suite
    return found


@cache
def _catalogue() -> dict[str, Any]:
    catalogue: dict[str, Any] = json.loads((tasks_folder() / "mteb-tasks.json").read_text())
    return catalogue


def mteb_task(name: str) -> Task | None:
    """A text task of mteb by its exact name."""
    row = _catalogue()["tasks"].get(name)
    return None if row is None else Task(name=name, **row)


def benchmark(name: str) -> Suite | None:
    """One of mteb's benchmarks as a suite, by name or alias, whatever case and spaces."""
    wanted = _plain(name)
    for full, row in _catalogue()["benchmarks"].items():
        if wanted in (_plain(full), *(_plain(alias) for alias in row["aliases"])):
            tasks = [_narrowed(entry) for entry in row["tasks"]]
            return Suite(
                name=full,
                version=_catalogue()["mteb_version"],
                mteb_version=_catalogue()["mteb_version"],
                task=tuple(tasks),
            )
    return None


def _plain(name: str) -> str:
    return "".join(name.casefold().split())


def _narrowed(entry: dict[str, Any]) -> Task:
    task = mteb_task(entry["name"])
    if task is None:
        raise ValueError(f"the generated benchmarks name {entry['name']}, the tasks do not")
    return task.model_copy(
        update={key: tuple(entry[key]) for key in ("splits", "subsets") if key in entry}
        | {key: entry[key] for key in ("samples", "characters") if key in entry}
    )


def split_names(texts: Iterable[str]) -> list[str]:
    """Take `-t` values apart at commas outside parentheses.

    >>> split_names(["STS12,MTEB(eng, v1)", "demo"])
    ['STS12', 'MTEB(eng, v1)', 'demo']
    """
    names: list[str] = []
    for text in texts:
        depth, start = 0, 0
        for place, sign in enumerate(text):
            depth += (sign == "(") - (sign == ")")
            if sign == "," and depth <= 0:
                names.append(text[start:place])
                start = place + 1
        names.append(text[start:])
    return [name.strip() for name in names if name.strip()]


def select(texts: list[str]) -> Suite:
    """The suite that `-t` values mean: one suite as it is, or several joined without repeats.

    Raises:
        UsageError: A name is unknown, with the nearest ones; or two suites ask for the same task
            in different splits or subsets.
    """
    names = split_names(texts)
    if not names:
        raise UsageError("no task is named.", "-t STS")
    found = list(dict.fromkeys(_find(name) for name in names))
    if len(found) == 1:
        return found[0]
    tasks: dict[str, Task] = {}
    for suite in found:
        for task in suite.task:
            if tasks.setdefault(task.name, task).model_copy(update={"short": task.short}) != task:
                raise UsageError(
                    f"{suite.name} asks for other splits or subsets of {task.name} than the "
                    "suites before it.",
                    f"one command for each of {or_list(names)}",
                )
    versions = [suite.version for suite in found]
    return Suite(
        name="+".join(suite.name for suite in found),
        version="+".join(versions if len(set(versions)) > 1 else versions[:1]),
        task=tuple(tasks.values()),
    )


def _find(name: str) -> Suite:
    wanted = name.casefold()
    for suite in suites().values():
        if suite.name.casefold() == wanted:
            return suite
    if (found := benchmark(name)) is not None:
        return found
    listed = (task for suite in suites().values() for task in suite.task)
    own = next((t for t in listed if wanted in (t.name.casefold(), t.short.casefold())), None)
    exact = next((n for n in _catalogue()["tasks"] if n.casefold() == wanted), None)
    task = own or (mteb_task(exact) if exact else None)
    if task is not None:
        return Suite(name=task.name, version=_catalogue()["mteb_version"], task=(task,))
    raise _unknown(name)


def known_names() -> list[str]:
    """Every name that `-t` takes: suites, benchmarks and tasks."""
    own = [task.name for suite in suites().values() for task in suite.task]
    names = [*suites(), *_catalogue()["benchmarks"], *own, *_catalogue()["tasks"]]
    return list(dict.fromkeys(names))


def _unknown(name: str) -> UsageError:
    others = {other.casefold() for other in _catalogue()["other"]}
    if name.casefold() in others:
        return UsageError(
            f"{name} is a task of mteb with images, audio or video; text is evaluated here.",
            "-t STS, or another text task",
        )
    near = did_you_mean(name, known_names())
    if near:
        return UsageError(
            f"no suite or task is called {name}. Did you mean {or_list(near)}?",
            f"-t {shlex.quote(near[0])}",
        )
    return UsageError(f"no suite or task is called {name}.", f"-t {or_list(list(suites()))}")
