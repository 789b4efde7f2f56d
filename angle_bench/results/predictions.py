"""Per-item predictions beside a result (CONTRACTS "Predictions")."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from angle_bench.files.atomic import FileToWrite
from angle_bench.results.text_hash import SIZE, text_hash

if TYPE_CHECKING:
    import pyarrow as pa

    from angle_bench.suites.task import Task

TYPES = (
    "STS",
    "PairClassification",
    "Retrieval",
    "Reranking",
    "InstructionRetrieval",
    "Classification",
)
# types that earlier versions kept no predictions of: their results answer without
LATER_TYPES = (
    "Any2AnyRetrieval",
    "BitextMining",
    "Clustering",
    "InstructionReranking",
    "MultilabelClassification",
    "Summarization",
)
# no value of one item leads to it: it compares every text of an arrangement with every other
WHOLE_METRICS = ("alpha_auc",)
# larger bitext sets are scored without predictions: FLORES has 42 million pairs in 41,412 subsets
MOST_BITEXT_PAIRS = 5_000_000

TEXT_COLUMNS = ("text1", "text2", "text")

PART = {"subset": "string", "split": "string"}
PAIR_COLUMNS = PART | {
    "index": "int64",
    "text1": "string",
    "text2": "string",
    "gold": "float64",
    "score": "float64",
}
QUERY_COLUMNS = PART | {"query_id": "string", "metric": "string", "value": "float64"}
CLASS_COLUMNS = PART | {
    "experiment": "int64",
    "index": "int64",
    "text": "string",
    "gold": "string",
    "predicted": "string",
}
# of pairs that are classified, so that a pair is told from training texts as elsewhere
CLASS_PAIR_COLUMNS = CLASS_COLUMNS | {"text1": "string", "text2": "string"}


def has_predictions(task: "Task") -> bool:
    """Whether scoring this task keeps predictions; the mean of other tasks has those of its parts.

    Regression is without, and so are bitext sets of more than `MOST_BITEXT_PAIRS` pairs.
    """
    if task.type == "BitextMining" and (task.samples or 0) > MOST_BITEXT_PAIRS:
        return False
    kept = task.type in (*TYPES, *LATER_TYPES)
    return kept and task.metric not in WHOLE_METRICS and not task.parts


def needs_predictions(task: "Task") -> bool:
    """Whether a stored result of this task counts as incomplete without predictions."""
    return has_predictions(task) and task.type not in LATER_TYPES


class Predictions(Protocol):
    """The predictions of one split and subset."""

    def table(self) -> "pa.Table":
        """They as rows."""

    def __len__(self) -> int:
        """How many rows."""


@dataclass(frozen=True)
class PairPredictions:
    """The pairs of one split and subset, in the order of the data.

    Attributes:
        gold: What annotators say of each pair: a score on the data's own scale, or the label 0
            or 1.
        score: What the model gives each pair, larger for more alike: the values that the main
            score ranks.
    """

    subset: str
    split: str
    text1: Sequence[str]
    text2: Sequence[str]
    gold: Sequence[float]
    score: Sequence[float]

    def __len__(self) -> int:
        return len(self.score)

    def table(self) -> "pa.Table":
        """The pairs as rows."""
        items = [range(len(self)), self.text1, self.text2, self.gold, self.score]
        return as_table(PAIR_COLUMNS, self.subset, self.split, len(self), items)


@dataclass(frozen=True)
class QueryPredictions:
    """The queries of one split and subset.

    Attributes:
        metric: The main metric.
        values: By query what the metric gives it; their mean is the main score.
    """

    subset: str
    split: str
    metric: str
    values: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.values)

    def table(self) -> "pa.Table":
        """The queries as rows."""
        items = [list(self.values), [self.metric] * len(self), list(self.values.values())]
        return as_table(QUERY_COLUMNS, self.subset, self.split, len(self), items)


@dataclass(frozen=True)
class Experiment:
    """One classifier of several on the same vectors.

    Attributes:
        index: The rows that it was tested on.
        predicted: What it says of each.
    """

    index: Sequence[int]
    predicted: Sequence[str]


@dataclass(frozen=True)
class ClassPredictions:
    """What the classifiers of one split and subset say.

    Attributes:
        text: Every row of the data; of a pair both texts, on a line each.
        gold: The label of every row.
        experiments: The classifiers, in mteb's order; in cross-validation one for each fold.
        pairs: The first and the second texts of every row, where rows are pairs.
    """

    subset: str
    split: str
    text: Sequence[str]
    gold: Sequence[str]
    experiments: Sequence[Experiment]
    pairs: tuple[Sequence[str], Sequence[str]] | None = None

    def __len__(self) -> int:
        return sum(len(experiment.index) for experiment in self.experiments)

    def table(self) -> "pa.Table":
        """One row for each experiment and item."""
        import pyarrow as pa

        columns = CLASS_COLUMNS if self.pairs is None else CLASS_PAIR_COLUMNS
        said = [self.text, self.gold, *(self.pairs or ())]
        text, gold, *pairs = (pa.array(each, pa.string()) for each in said)
        parts = []
        for number, experiment in enumerate(self.experiments):
            count, index = len(experiment.index), pa.array(experiment.index, pa.int64())
            whole = experiment.index == range(len(text))  # then the texts are shared, not copied
            chosen = [each if whole else each.take(index) for each in (text, gold, *pairs)]
            items = [[number] * count, index, *chosen[:2], experiment.predicted, *chosen[2:]]
            parts.append(as_table(columns, self.subset, self.split, count, items))
        return pa.concat_tables(parts)


def as_table(
    columns: Mapping[str, Any], subset: str, split: str, count: int, items: Iterable[Any]
) -> "pa.Table":
    """Rows of one split and subset.

    Args:
        columns: The columns with their Arrow types, `subset` and `split` first.
        subset: What stands in all rows.
        split: Likewise.
        count: How many rows.
        items: The values of the other columns.
    """
    import pyarrow as pa

    schema = pa.schema(list(columns.items()))
    values = [[subset] * count, [split] * count, *items]
    arrays = [
        value if isinstance(value, pa.Array) else pa.array(value, type=field.type)
        for value, field in zip(values, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def predictions_file(place: Path, parts: Sequence[Predictions]) -> FileToWrite:
    """The predictions of a task as a file to write."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([part.table() for part in parts])

    def write(temporary: Path) -> None:
        # a text comes back in every experiment: with a dictionary that holds all texts of a row
        # group it is written once, a tenth of the file
        pq.write_table(table, temporary, compression="zstd", dictionary_pagesize_limit=1 << 30)

    return FileToWrite(place, write)


def without_texts(table: "pa.Table") -> "pa.Table":
    """Predictions that can be passed on where the texts of the data cannot.

    Each text gives way to its normalised hash (16 bytes), by which pairs are still clustered and
    told from training texts. Columns keep their names.
    """
    import pyarrow as pa

    for at, name in enumerate(table.column_names):
        if name in TEXT_COLUMNS and pa.types.is_string(table.schema.types[at]):
            texts = table[name].to_pylist()
            hashes = [None if text is None else text_hash(text) for text in texts]
            table = table.set_column(at, name, pa.array(hashes, pa.binary(SIZE)))
    return table


def read_predictions(place: Path) -> "pa.Table":
    """The predictions of a task as an Arrow table with the columns of its type."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(place) as file:  # `read_table` would import pyarrow.dataset
        return file.read()
