"""Suites and tasks as values, read from generated data, so that tables need no mteb."""

import fnmatch
import hashlib
import json
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.places import tasks_folder

MANY = 8  # names of joined suites that are all said
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
    def as_scored(self) -> "Task":
        """The task without what changes no score: two tasks are one column if these are equal."""
        return self.model_copy(update={"short": "", "samples": None, "characters": None})

    @property
    def texts(self) -> int | None:
        """How many texts are encoded, if known: two a sample where samples are pairs."""
        pairs = self.type in ("STS", "PairClassification", "BitextMining")
        if self.samples is None or self.protocol:  # which also encodes what it learns from
            return None
        return self.samples * (2 if pairs else 1)

    def texts_of(self, limit: int | None) -> int | None:
        """How many texts a run encodes, if known; with a limit only those of a few samples."""
        if limit is None or not self.samples or not self.texts:
            return self.texts
        return min(limit, self.samples) * self.texts // self.samples

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
    """A named list of tasks, and what is averaged over them.

    Attributes:
        aliases: Other names that it goes by.
        mteb_version: The mteb that its tasks were read off, if any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    description: str = ""
    aliases: tuple[str, ...] = ()
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
    read = []
    for place in tasks_folder().glob("*.toml"):
        content = tomllib.loads(place.read_text(encoding="utf-8"))
        # a suite that is written by hand names tasks of mteb and leaves the rest to mteb
        content["task"] = [_catalogue()["tasks"].get(r["name"], {}) | r for r in content["task"]]
        read.append(Suite.model_validate(content))
    short_first = sorted(read, key=lambda suite: (len(suite.task), suite.name))
    return {suite.name: suite for suite in short_first}


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


def select(texts: Sequence[str]) -> Suite:
    """The suite that `-t` values mean: one suite as it is, or several joined without repeats.

    Raises:
        UsageError: A name is unknown, with the nearest ones; or two suites ask for the same task
            in different splits or subsets.
    """
    return joined(find_all(texts))


def find_all(texts: Sequence[str]) -> list[Suite]:
    """The suites that `-t` values name, each once; a task is a suite of its own.

    Raises:
        UsageError: A name is unknown, with the nearest ones, or a pattern matches nothing.
    """
    names = split_names(texts)
    if not names:
        raise UsageError("no task is named.", "-t STS")
    found = [suite for name in names for suite in (_matching(name) or [_find(name)])]
    return list(dict.fromkeys(found))


def tables_of(found: Sequence[Suite]) -> list[Suite]:
    """What is shown together: a suite by itself, single tasks side by side."""
    single = [suite for suite in found if len(suite.task) == 1]
    groups: list[Suite] = []
    for suite in found:
        if suite not in single:
            groups.append(suite)
        elif suite is single[0]:
            groups.append(joined(single))
    return groups


def joined(found: Sequence[Suite]) -> Suite:
    """Several suites as one, each task once.

    Raises:
        UsageError: Two of them ask for the same task in different splits or subsets.
    """
    if len(found) == 1:
        return found[0]
    tasks: dict[str, Task] = {}
    for suite in found:
        for task in suite.task:
            if tasks.setdefault(task.name, task).model_copy(update={"short": task.short}) != task:
                raise UsageError(
                    f"{suite.name} asks for other splits or subsets of {task.name} than the "
                    "suites before it.",
                    f"one command for each of {or_list([suite.name for suite in found])}",
                )
    versions = list(dict.fromkeys(suite.version for suite in found))
    names = [suite.name for suite in found]
    if len(names) > MANY:
        names = [*names[: MANY - 1], f"{len(names) - MANY + 1} more"]
    return Suite(
        name="+".join(names),
        version="+".join(versions),
        task=tuple(tasks.values()),
    )


def _matching(name: str) -> list[Suite]:
    """The tasks that a pattern such as `STS1*` matches; none where it is no pattern."""
    if not any(sign in name for sign in "*?["):
        return []
    wanted = name.casefold()
    found = [known for known in _task_names() if fnmatch.fnmatchcase(known.casefold(), wanted)]
    if not found:
        raise UsageError(f"no task matches {name}.", "angle-bench tasks list --all")
    return [_find(known) for known in found]


def _find(name: str) -> Suite:
    if name.casefold().endswith(".toml"):
        from angle_bench.results.task_file import read_suite  # which looks tasks up here

        return read_suite(Path(name).expanduser())
    wanted = _plain(name)
    for suite in suites().values():
        if wanted in map(_plain, (suite.name, *suite.aliases)):
            return suite
    if (found := benchmark(name)) is not None:
        return found
    if (task := known_task(name)) is not None:
        return Suite(name=task.name, version=_version(task), task=(task,))
    raise _unknown(name)


def _version(task: Task) -> str:
    """Of a task by itself: mteb's, or of a user's own the digest of its definition."""
    from angle_bench.results.task_file import users_tasks  # which looks tasks up here

    return task.definition[:8] if task in users_tasks() else str(_catalogue()["mteb_version"])


def known_task(name: str) -> Task | None:
    """A task by its name, whatever case: mteb's as mteb defines it, of our suites, the user's.

    One of our suites is also found by the header of its column.
    """
    from angle_bench.results.task_file import users_tasks  # which looks tasks up here

    wanted = _plain(name)
    exact = next((name for name in _catalogue()["tasks"] if _plain(name) == wanted), None)
    if exact is not None:
        return mteb_task(exact)
    listed = [task for suite in suites().values() for task in suite.task]
    shipped = next((t for t in listed if wanted in (_plain(t.name), _plain(t.header))), None)
    return shipped or next((t for t in users_tasks() if _plain(t.name) == wanted), None)


def reserved_names() -> set[str]:
    """Names that no own task or suite may take, casefolded: mteb's, and those of this project."""
    catalogue = _catalogue()
    aliases = [alias for row in catalogue["benchmarks"].values() for alias in row["aliases"]]
    theirs = [*catalogue["tasks"], *catalogue["other"], *catalogue["benchmarks"], *aliases]
    ours = [task.name for suite in suites().values() for task in suite.task]
    return {name.casefold() for name in [*theirs, *ours, *suites()]}


def _task_names() -> list[str]:
    from angle_bench.results.task_file import users_tasks  # which looks tasks up here

    own = [task.name for suite in suites().values() for task in suite.task]
    own += [task.name for task in users_tasks()]
    return list(dict.fromkeys([*own, *_catalogue()["tasks"]]))


def known_names() -> list[str]:
    """Every name that `-t` takes: suites, benchmarks and tasks."""
    return list(dict.fromkeys([*suites(), *_catalogue()["benchmarks"], *_task_names()]))


def refuse_as_model(word: str) -> None:
    """Refuse a suite or task where a model or a folder is expected.

    Raises:
        UsageError: It is the name of one.
    """
    if word.casefold() in {name.casefold() for name in known_names()}:
        raise UsageError(
            f"{word} is a name of tasks, which go after -t.", f"-t {shlex.quote(word)}"
        )


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
    return UsageError(
        f"no suite or task is called {name}.", "-t STS, or one of: angle-bench tasks list"
    )
