"""The documents that retrieval found for each query: a run, in the words of TREC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.errors import ResultsError, first_line
from angle_bench.files.atomic import FileToWrite
from angle_bench.results.predictions import PART, as_table

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 100  # documents of a query: what rerankers take, and metrics at up to 100 look at
RANKED_COLUMNS = PART | {
    "query_id": "string",
    "corpus_id": "string",
    "rank": "int32",
    "score": "float64",
}


@dataclass(frozen=True)
class RankedDocuments:
    """What was found for the queries of one split and subset.

    Attributes:
        documents: Ids and similarities by query, the most similar first.
    """

    subset: str
    split: str
    documents: Mapping[str, Sequence[tuple[str, float]]]

    @classmethod
    def of(
        cls, subset: str, split: str, found: Mapping[str, Mapping[str, float]]
    ) -> "RankedDocuments":
        """The first of all that was found, in the order in which trec_eval ranks.

        Args:
            subset: Of the data.
            split: Likewise.
            found: The similarity of documents by query.
        """
        return cls(
            subset,
            split,
            {
                query: sorted(some.items(), key=lambda one: (one[1], one[0]), reverse=True)[:KEPT]
                for query, some in found.items()
            },
        )

    def table(self) -> "pa.Table":
        """A row for each query and document; ranks begin with 1."""
        rows = [
            (query, name, rank, score)
            for query, some in self.documents.items()
            for rank, (name, score) in enumerate(some, start=1)
        ]
        columns = zip(*rows, strict=True) if rows else [()] * 4
        items: list[Any] = list(columns)
        return as_table(RANKED_COLUMNS, self.subset, self.split, len(rows), items)


def read_ranked(place: Path) -> dict[tuple[str, str], dict[str, list[str]]]:
    """The ids of documents by subset and split and then by query, the most similar first.

    Raises:
        ResultsError: The file cannot be read.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(place, columns=["subset", "split", "query_id", "corpus_id", "rank"])
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are of these
        raise ResultsError(
            f"{place} cannot be read: {first_line(error)}.",
            "the task scored again with --overwrite",
        ) from error
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for subset, split, query, name in zip(
        *(table[column].to_pylist() for column in table.column_names[:4]), strict=True
    ):
        found.setdefault((subset, split), {}).setdefault(query, []).append(name)
    return found


def ranked_file(place: Path, parts: Sequence[RankedDocuments]) -> FileToWrite:
    """The run of a task as a file to write."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([part.table() for part in parts])
    return FileToWrite(
        place, lambda temporary: pq.write_table(table, temporary, compression="zstd")
    )
