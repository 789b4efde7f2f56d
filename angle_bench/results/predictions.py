"""Per-item predictions beside a result (CONTRACTS "Predictions")."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.results.files import FileToWrite

PAIR_SCHEMA = pa.schema(
    [
        ("subset", pa.string()),
        ("split", pa.string()),
        ("index", pa.int64()),
        ("text1", pa.string()),
        ("text2", pa.string()),
        ("gold", pa.float64()),
        ("score", pa.float64()),
    ]
)


CLASS_SCHEMA = pa.schema(
    [
        ("subset", pa.string()),
        ("split", pa.string()),
        ("experiment", pa.int64()),
        ("index", pa.int64()),
        ("text", pa.string()),
        ("gold", pa.string()),
        ("predicted", pa.string()),
    ]
)


class Predictions(Protocol):
    """The predictions of one split and subset."""

    def table(self) -> pa.Table:
        """They as rows."""

    def __len__(self) -> int:
        """How many rows."""


@dataclass(frozen=True)
class PairPredictions:
    """The pairs of one split and subset, in the order of the data.

    Attributes:
        gold: The annotators' score of each pair, on the data's own scale.
        score: What the model gives each pair: the values that the main score ranks.
    """

    subset: str
    split: str
    text1: Sequence[str]
    text2: Sequence[str]
    gold: Sequence[float]
    score: Sequence[float]

    def __len__(self) -> int:
        return len(self.score)

    def table(self) -> pa.Table:
        """The pairs as rows."""
        count = len(self.score)
        columns = [
            [self.subset] * count,
            [self.split] * count,
            range(count),
            self.text1,
            self.text2,
            self.gold,
            self.score,
        ]
        return pa.table(
            [
                pa.array(column, type=field.type)
                for column, field in zip(columns, PAIR_SCHEMA, strict=True)
            ],
            schema=PAIR_SCHEMA,
        )


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
        text: Every row of the data.
        gold: The label of every row.
        experiments: The classifiers; in cross-validation one for each outer fold.
    """

    subset: str
    split: str
    text: Sequence[str]
    gold: Sequence[str]
    experiments: Sequence[Experiment]

    def __len__(self) -> int:
        return sum(len(experiment.index) for experiment in self.experiments)

    def table(self) -> pa.Table:
        """A row for each experiment and text."""
        rows = [
            (self.subset, self.split, number, row, self.text[row], self.gold[row], said)
            for number, experiment in enumerate(self.experiments)
            for row, said in zip(experiment.index, experiment.predicted, strict=True)
        ]
        names = CLASS_SCHEMA.names
        return pa.Table.from_pylist(
            [dict(zip(names, row, strict=True)) for row in rows], schema=CLASS_SCHEMA
        )


def predictions_file(place: Path, parts: Sequence[Predictions]) -> FileToWrite:
    """The predictions of a task as a file to write."""
    table = pa.concat_tables([part.table() for part in parts])
    return FileToWrite(place, lambda temporary: pq.write_table(table, temporary))


def read_predictions(place: Path) -> pa.Table:
    """The predictions of a task as an Arrow table of its type's schema."""
    return pq.read_table(place)
