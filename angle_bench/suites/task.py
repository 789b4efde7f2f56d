"""Tasks and suites as values."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from angle_bench.suites.catalogue import catalogue

# data of own tasks without a hub commit is looked for in files alone
LOCAL = "local"

Protocol = Literal["", "transfer", "logistic regression", "snli", "senteval linear", "senteval mlp"]
# those that look at the split `validation`; `transfer` may do without
VALIDATED = ("transfer", "senteval linear", "senteval mlp")


def _pairs(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, Mapping) else value


_LANGUAGE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")

# mappings as pairs: a task is a key of dictionaries
Names = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
Paths = Annotated[tuple[tuple[str, Path], ...], BeforeValidator(_pairs)]


def named_languages(subset: str) -> tuple[str, ...]:
    """The languages that the name of a subset says, as of `deu_Latn-eng_Latn`; others say none.

    >>> named_languages("deu_Latn-eng_Latn"), named_languages("default")
    (('deu-Latn', 'eng-Latn'), ())
    """
    parts = subset.split("-")
    if not all(_LANGUAGE.fullmatch(part) for part in parts):
        return ()
    return tuple(part.replace("_", "-") for part in parts)


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
        validation: The split that a protocol tunes on; `transfer` without one by cross-validation.
        folds: Of that cross-validation.
        language: Of an own task, as mteb writes it.
        instruction: Of an own task: what `{instruction}` in a prompt stands for, a text or texts
            by role; empty is that of mteb for its type.
        encoding: Of an own task's text files; empty is UTF-8, or what their mark says.
        skip_bad_rows: Whether rows of its files that cannot be read are left out and counted.
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
    instruction: str | Names = ""
    encoding: str = ""
    skip_bad_rows: bool = False

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
        return self.name not in catalogue()["tasks"]

    @property
    def private(self) -> bool:
        """Whether mteb says that its data is not public."""
        return self.name in catalogue()["private"]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its subsets, as mteb writes them."""
        return tuple(sorted({each for name in self.subsets for each in self.languages_of(name)}))

    def languages_of(self, subset: str) -> tuple[str, ...]:
        """The languages of one subset, each as often as mteb names it.

        >>> Task(name="STS17", **catalogue()["tasks"]["STS17"]).languages_of("en-ar")
        ('eng-Latn', 'ara-Arab')
        """
        if self.own:
            return (self.language,)
        known = catalogue()["languages"].get(self.name, ["eng-Latn"])
        if isinstance(known, Mapping):
            return tuple(known.get(subset, ()))
        return named_languages(subset) or tuple(known)

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
        if self.instruction:
            keys.add("instruction")
        text = json.dumps(self.model_dump(mode="json", include=keys), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Suite(BaseModel):
    """A named list of tasks, and what is averaged over them.

    Attributes:
        aliases: Other names that it goes by.
        mteb_version: The mteb that its tasks were read off, if any.
        languages: Those that mteb's site shows means of; empty are all of its tasks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    average: Literal["tasks", "types"] = "tasks"
    mteb_version: str | None = None
    languages: tuple[str, ...] = ()
    task: tuple[Task, ...]

    @property
    def shown_languages(self) -> tuple[str, ...]:
        """The languages that a table has columns of."""
        if self.languages:
            return self.languages
        return tuple(sorted({each for task in self.task for each in task.languages}))

    @property
    def title(self) -> str:
        """The name that people know it by: mteb's own, where it is one of mteb's benchmarks."""
        return next((name for name in self.aliases if name.startswith("MTEB(")), self.name)

    @property
    def signature(self) -> str:
        """Name and version, for the line under a table."""
        return f"{self.name}/{self.version}"
