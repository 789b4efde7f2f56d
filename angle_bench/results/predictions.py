"""Per-item predictions beside a result (CONTRACTS "Predictions")."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def predictions_file(place: Path, parts: Sequence[PairPredictions]) -> FileToWrite:
    """The predictions of a task as a file to write."""
    table = pa.concat_tables([part.table() for part in parts])
    return FileToWrite(place, lambda temporary: pq.write_table(table, temporary))


def read_predictions(place: Path) -> pa.Table:
    """The predictions of a task as an Arrow table of `PAIR_SCHEMA`."""
    with pq.ParquetFile(place) as file:  # `read_table` would import pyarrow.dataset
        return file.read()
