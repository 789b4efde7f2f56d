"""What a user may write of an own task: the fields of `[[task]]`, and what each type has."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from angle_bench.errors import did_you_mean, or_list
from angle_bench.suites.task import LOCAL, VALIDATED, Protocol, Task

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
    instruction: str | dict[str, str] = ""
    encoding: str = ""
    skip_bad_rows: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> "OwnTask":
        if (self.path is None) == (not self.dataset):
            raise _about("dataset", f"{self.name} needs a path or a dataset, and only one of them")
        for key, (used, where) in self._uses().items():
            if key in self.model_fields_set and not used:
                raise _about(key, f"{key} is for {where}")
        learns = self.type == "Classification" and self.train in self.splits
        if learns and (self.protocol != "transfer" or len(self.splits) > 1):
            what = f'only protocol = "transfer" on one split learns from {self.train} and scores it'
            raise _about("train", what)
        if self.type == "Classification" and "sentence1" in self.columns and not self.protocol:
            what = 'a classification of pairs needs protocol = "transfer" or "snli"'
            raise _about("columns", what)
        if self.protocol in VALIDATED[1:] and not self.validation:
            what = f'protocol = "{self.protocol}" needs validation = "…", the split to tune on'
            raise _about("protocol", what)
        if self.protocol == "snli" and "sentence1" not in self.columns:
            what = 'protocol = "snli" is for pairs: columns = {sentence1 = "…", sentence2 = "…"}'
            raise _about("protocol", what)
        self._names_are_known()
        return self

    def _uses(self) -> dict[str, tuple[bool, str]]:
        """Keys that not every task uses: whether this one does, and which do."""
        classes, transfer = self.type == "Classification", self.protocol == "transfer"
        laid_out = self.type == "Retrieval" and self.path is None
        return {
            "revision": (self.path is None, "a dataset"),
            "subsets": (self.path is None, "a dataset"),
            "encoding": (self.path is not None, "files"),
            "skip_bad_rows": (self.path is not None, "files"),
            "columns": (not laid_out, "files; a retrieval data set is laid out as mteb's"),
            "protocol": (classes, "classification"),
            "train": (classes, "classification"),
            "validation": (self.protocol in VALIDATED, _any_of(VALIDATED)),
            "folds": (transfer and not self.validation, 'protocol = "transfer" without validation'),
        }

    def _names_are_known(self) -> None:
        if isinstance(self.instruction, dict):
            if self.type not in ("Retrieval", "Reranking"):
                raise _about("instruction", "instruction by role is for retrieval and reranking")
            _known("instruction", list(self.instruction), ("query", "document"))
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


def fields_of(task: Task, part: str = "") -> list[str]:
    """The fields that are read of a task's rows; of retrieval data those of a part, if named."""
    fields = FIELDS[task.type]
    if part:
        return [field for field in fields if field.startswith(f"{part}.")]
    if task.type == "Classification":  # of texts, or with a protocol of pairs
        pairs = any(field == "sentence1" for field, _ in task.columns)
        return ["label", *(("sentence1", "sentence2") if pairs else ("text",))]
    return list(fields)


def _any_of(protocols: Iterable[str]) -> str:
    return "protocol = " + or_list([f'"{name}"' for name in protocols])


def _about(key: str, what: str) -> PydanticCustomError:
    """What is wrong with a table as a whole, and the key on whose line that is told."""
    return PydanticCustomError("own_task", "{what}", {"key": key, "what": what})


def _known(key: str, names: list[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            hint = f"did you mean {or_list(near)}?" if near else f"there are {', '.join(known)}"
            raise _about(key, f"{key} has no {name}; {hint}")
