"""Suites and tasks as values, read from generated data, so that tables need no mteb."""

import hashlib
import json
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.places import tasks_folder

# data of own tasks without a hub commit is looked for in files alone
LOCAL = "local"

Protocol = Literal["", "transfer", "logistic regression"]


def _pairs(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, Mapping) else value


# mappings as pairs: a task is a key of dictionaries
Names = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
Paths = Annotated[tuple[tuple[str, Path], ...], BeforeValidator(_pairs)]


class Task(BaseModel):
    """One task as a suite asks for it.

    Attributes:
        name: mteb's name, or the name of a task of this project.
        short: The header of its column.
        type: mteb's task type, such as STS or Retrieval.
        dataset: The hub data set, or `angle-bench/<folder>` for data that the package ships.
        revision: The hub commit; `local` for data that is never taken from the hub, whose
            revision is its content.
        splits: The splits that count.
        subsets: The subsets that count.
        metric: The main score.
        samples: Pairs, queries and documents, or texts over these splits and subsets, if known.
        characters: Characters of text over these splits and subsets, if known.
        parts: The tasks that an aggregate is the mean of.
        path: Of an own task: its files by split, for retrieval by part; one file or folder is ("").
        columns: Of an own task: the column of its data for each field that is called otherwise.
        protocol: Of an own classification task: how it is scored where that is not mteb's way.
        train: The split that a classifier learns from; where it is the one that is scored, by
            cross-validation.
        validation: The split that the protocol `transfer` tunes on, if not by cross-validation.
        folds: Of that cross-validation.
        language: Of an own task, as mteb writes it.
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
    path: Paths = ()
    columns: Names = ()
    protocol: Protocol = ""
    train: str = "train"
    validation: str = ""
    folds: int = 10
    language: str = "eng-Latn"

    @property
    def header(self) -> str:
        """The header of the task's column."""
        return self.short or self.name

    @property
    def texts(self) -> int | None:
        """How many texts are encoded, if known: two a sample where samples are pairs."""
        pairs = self.type in ("STS", "PairClassification", "BitextMining")
        if self.samples is None or self.protocol:  # which also encodes what it learns from
            return None
        return self.samples * (2 if pairs else 1)

    @property
    def own(self) -> bool:
        """Whether mteb does not have it."""
        return mteb_task(self.name) is None

    @property
    def reads(self) -> tuple[str, ...]:
        """The splits that an own task reads, those that are scored first."""
        more = (self.train, self.validation) if self.type == "Classification" else ()
        return tuple(dict.fromkeys([*self.splits, *filter(None, more)]))

    @property
    def definition(self) -> str:
        """A digest of what gives an own task other scores on the same rows; empty for mteb's."""
        if not self.own:
            return ""
        keys = {"type", "metric", "columns", "protocol"}
        if self.type == "Classification":
            keys |= {"train", "validation", "folds"}
        text = json.dumps(self.model_dump(mode="json", include=keys), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


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
        content = tomllib.loads(place.read_text(encoding="utf-8"))
        # a suite that is written by hand names tasks of mteb and leaves the rest to mteb
        content["task"] = [_catalogue()["tasks"].get(r["name"], {}) | r for r in content["task"]]
        suite = Suite.model_validate(content)
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
    if wanted.endswith(".toml"):
        from angle_bench.results.task_file import read_suite  # which looks tasks up here

        return read_suite(Path(name).expanduser())
    for suite in suites().values():
        if suite.name.casefold() == wanted:
            return suite
    if (found := benchmark(name)) is not None:
        return found
    task = known_task(name)
    if task is not None:
        return Suite(name=task.name, version=_catalogue()["mteb_version"], task=(task,))
    raise _unknown(name)


def known_task(name: str) -> Task | None:
    """A task by its name or short name, whatever case: of a shipped suite, mteb's, the user's."""
    from angle_bench.results.task_file import users_tasks  # which looks tasks up here

    wanted = name.casefold()
    listed = (task for suite in suites().values() for task in suite.task)
    shipped = next((t for t in listed if wanted in (t.name.casefold(), t.short.casefold())), None)
    exact = next((n for n in _catalogue()["tasks"] if n.casefold() == wanted), None)
    known = shipped or (mteb_task(exact) if exact else None)
    return known or next((t for t in users_tasks() if t.name.casefold() == wanted), None)


def reserved_names() -> set[str]:
    """Names that no own task or suite may take, casefolded: mteb's, and those of this project."""
    catalogue = _catalogue()
    aliases = [alias for row in catalogue["benchmarks"].values() for alias in row["aliases"]]
    theirs = [*catalogue["tasks"], *catalogue["other"], *catalogue["benchmarks"], *aliases]
    ours = [task.name for suite in suites().values() for task in suite.task]
    return {name.casefold() for name in [*theirs, *ours, *suites()]}


def known_names() -> list[str]:
    """Every name that `-t` takes: suites, benchmarks and tasks."""
    from angle_bench.results.task_file import users_tasks  # which looks tasks up here

    own = [task.name for suite in suites().values() for task in suite.task]
    own += [task.name for task in users_tasks()]
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
