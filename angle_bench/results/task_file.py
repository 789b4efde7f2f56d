"""Tasks and suites in TOML that users write.

`[[task]]` in angle-bench.toml beside `[[model]]`, or in a suite file that is named after -t.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.results.suites import (
    LOCAL,
    Protocol,
    Suite,
    Task,
    known_names,
    known_task,
    reserved_names,
)
from angle_bench.toml_file import TABLES, TomlFile, read_toml, user_files

Type = Literal[
    "STS", "PairClassification", "Classification", "Clustering", "Reranking", "Retrieval"
]
PARTS = ("corpus", "queries", "qrels")
# the fields of each type; a field is the column of that name unless `columns` says otherwise
FIELDS: Mapping[str, tuple[str, ...]] = {
    "STS": ("sentence1", "sentence2", "score"),
    "PairClassification": ("sentence1", "sentence2", "label"),
    "Classification": ("text", "label", "sentence1", "sentence2"),
    "Clustering": ("text", "label"),
    "Reranking": ("query", "positive", "negative"),
    "Retrieval": (
        *("corpus.id", "corpus.text", "corpus.title", "queries.id", "queries.text"),
        *("qrels.query-id", "qrels.corpus-id", "qrels.score"),
    ),
}
_RANKED = tuple(
    f"{metric}_at_{k}"
    for metric in ("ndcg", "map", "recall", "precision", "mrr")
    for k in (1, 3, 5, 10, 20, 100, 1000)
)
_BY_DISTANCE = ("cosine", "manhattan", "euclidean")
# the main scores of each type, mteb's usual one first
METRICS: Mapping[str, tuple[str, ...]] = {
    "STS": tuple(f"{by}_{rank}" for rank in ("spearman", "pearson") for by in _BY_DISTANCE),
    "PairClassification": ("max_ap", "max_f1", "max_accuracy", "cosine_ap", "cosine_accuracy"),
    "Classification": ("accuracy", "f1", "f1_weighted"),
    "Clustering": ("v_measure", "ami"),
    "Reranking": ("map_at_1000", *_RANKED),
    "Retrieval": ("ndcg_at_10", *_RANKED),
}
_NARROWING = {"name", "short", "splits", "subsets"}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SUITE_KEYS = ("name", "version", "description", "average")
_FIX = '[[task]] before the lines of every task, such as name, type = "STS" and path'


def _plain_type(value: Any) -> Any:
    """`pair classification` is PairClassification."""
    plain = re.sub(r"[\s_-]", "", str(value)).casefold()
    return next((name for name in FIELDS if name.casefold() == plain), value)


def _flat(value: Any) -> Any:
    """`corpus.id = "_id"` in TOML is a table in a table."""
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= {f"{key}.{part}": name for part, name in inner.items()}
        else:
            flat[key] = inner
    return flat


class OwnTask(BaseModel):
    """A `[[task]]` that defines a task; the fields are those of `Task`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Annotated[Type, BeforeValidator(_plain_type)]
    short: str = ""
    path: Path | dict[str, Path] | None = None
    dataset: str = ""
    revision: str = LOCAL
    splits: tuple[str, ...] = Field(("test",), min_length=1)
    subsets: tuple[str, ...] = Field(("default",), min_length=1)
    metric: str = ""
    columns: Annotated[dict[str, str], BeforeValidator(_flat)] = {}
    protocol: Protocol = ""
    train: str = "train"
    validation: str = ""
    folds: int = Field(10, ge=2)
    language: str = "eng-Latn"

    @model_validator(mode="after")
    def _is_whole(self) -> "OwnTask":
        if (self.path is None) == (not self.dataset):
            raise _about("dataset", f"{self.name} needs a path or a dataset, and only one of them")
        for key, (used, where) in self._uses().items():
            if key in self.model_fields_set and not used:
                raise _about(key, f"{key} is for {where}")
        if self.train in self.splits and (self.protocol != "transfer" or len(self.splits) > 1):
            what = f'only protocol = "transfer" on one split learns from {self.train} and scores it'
            raise _about("train", what)
        if self.type == "Classification" and "sentence1" in self.columns and not self.protocol:
            raise _about("columns", 'a classification of pairs needs protocol = "transfer"')
        self._names_are_known()
        return self

    def _uses(self) -> dict[str, tuple[bool, str]]:
        """Keys that not every task uses: whether this one does, and which do."""
        classes, transfer = self.type == "Classification", self.protocol == "transfer"
        laid_out = self.type == "Retrieval" and self.path is None
        return {
            "revision": (self.path is None, "a dataset"),
            "subsets": (self.path is None, "a dataset"),
            "columns": (not laid_out, "files; a retrieval data set is laid out as mteb's"),
            "protocol": (classes, "classification"),
            "train": (classes, "classification"),
            "validation": (transfer, 'protocol = "transfer"'),
            "folds": (transfer and not self.validation, 'protocol = "transfer" without validation'),
        }

    def _names_are_known(self) -> None:
        _known("columns", list(self.columns), FIELDS[self.type])
        _known("metric", [self.metric] if self.metric else [], METRICS[self.type])
        if isinstance(self.path, dict):
            parts = PARTS if self.type == "Retrieval" else self.task().reads
            _known("path", list(self.path), parts)
            if absent := [part for part in parts if part not in self.path]:
                raise _about("path", f"path has no {or_list(absent)}")

    def task(self) -> Task:
        """The task, its paths as they were written."""
        values = self.model_dump(exclude={"path"})
        if self.path is not None:
            files = self.path if isinstance(self.path, dict) else {"": self.path}
            values |= {"path": files, "dataset": f"{LOCAL}/{self.name}"}
        return Task.model_validate(values | {"metric": self.metric or METRICS[self.type][0]})


def _about(key: str, what: str) -> PydanticCustomError:
    """What is wrong with a table as a whole, and the key on whose line that is told."""
    return PydanticCustomError("own_task", "{what}", {"key": key, "what": what})


def _known(key: str, names: list[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            hint = f"did you mean {or_list(near)}?" if near else f"there are {', '.join(known)}"
            raise _about(key, f"{key} has no {name}; {hint}")


def users_tasks() -> list[Task]:
    """The tasks of the user's files; where two have one name, the nearest file's counts.

    Raises:
        UsageError: A file cannot be meant; the line and the nearest key are named.
    """
    found: dict[str, Task] = {}
    for place in reversed(user_files()):
        file = read_toml(place, "task")
        rows = file.rows(TABLES, _FIX)
        found |= {task.name: task for task in _tasks(file, rows, _defined)}
    return list(found.values())


def read_suite(place: Path) -> Suite:
    """The suite of a TOML file: known tasks, perhaps with fewer splits or subsets, and own ones.

    Without a version it is the digest of its tasks.

    Raises:
        UsageError: There is no such file, or it cannot be meant.
    """
    if not place.is_file():
        raise UsageError(
            f"there is no file {place}.", "-t with a suite file, or the name of a suite"
        )
    file = read_toml(place, "task")
    rows = file.rows(_SUITE_KEYS, f"{', '.join(_SUITE_KEYS)}, then [[task]] before every task")
    if not rows:
        raise UsageError(f"{place} has no task.", _FIX)
    tasks = _tasks(file, rows, _of_suite)
    text = "\n".join(task.model_dump_json() for task in tasks)
    head = {"name": place.stem, "version": hashlib.sha256(text.encode()).hexdigest()[:8]}
    head |= {key: file.content[key] for key in _SUITE_KEYS if key in file.content}
    try:
        suite = Suite.model_validate({**head, "task": tasks})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{place}: {first['loc'][0]}: {first['msg'].lower()}.", "the line mended"
        ) from error
    if suite.name.casefold() in reserved_names():
        raise UsageError(f"{place}: {suite.name} is taken.", "another name for the suite")
    return suite


Row = dict[str, Any]


def _tasks(
    file: TomlFile, rows: list[Row], read: Callable[[TomlFile, int, Row], Task]
) -> list[Task]:
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows):
        task = read(file, number, row)
        if task.name.casefold() in tasks:
            raise file.refused(number, "name", f"there are two tasks {task.name}")
        tasks[task.name.casefold()] = task
    return list(tasks.values())


def _of_suite(file: TomlFile, number: int, row: Row) -> Task:
    if "name" not in row or not set(row) <= _NARROWING:
        return _defined(file, number, row)
    name = str(row["name"])
    task = known_task(name)
    if task is None:
        near = did_you_mean(name, known_names())
        hint = f"; did you mean {or_list(near)}?" if near else "; an own one needs type and path"
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


def _defined(file: TomlFile, number: int, row: Row) -> Task:
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
