"""A leaderboard as parquet: the columns of its frame, with what made it in the file's metadata."""

import io
import json
from typing import TYPE_CHECKING, Any

from angle_bench.reporting.formats.board_frame import data_columns
from angle_bench.reporting.formats.json_csv import MADE_BY
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.tidy import UNIT

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = {"str": "string", "float64": "double", "Int64": "int64"}  # as pyarrow calls them


def as_parquet(board: Board) -> bytes:
    """The whole file."""
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(_table(board), target)
    return target.getvalue()


def as_text(board: Board) -> str:
    """What such a file holds, as JSON: two files say the same where these are equal."""
    return _said(_table(board))


def text_of(data: bytes) -> str:
    """The same of a file; empty of what is no parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _said(pq.read_table(io.BytesIO(data)))
    except (pa.ArrowException, OSError):
        return ""


def _table(board: Board) -> "pa.Table":
    import pyarrow as pa

    columns = data_columns(board)
    said = {
        "made_by": MADE_BY,
        "command": board.command,
        "unit": UNIT,
        "suite": board.suite.signature,
        "warnings": json.dumps(board.warnings, ensure_ascii=False),
    }
    return pa.table(
        [pa.array(column.values, pa.type_for_alias(_KINDS[column.kind])) for column in columns],
        names=[column.name for column in columns],
        metadata=said,
    )


def _said(table: "pa.Table") -> str:
    metadata = table.schema.metadata or {}
    said: dict[str, Any] = {key.decode(): value.decode() for key, value in metadata.items()}
    rows = table.to_pylist()
    for row in rows:
        row["model"] = row.get("label", row.get("model"))  # what a difference is called by
    return json.dumps(said | {"rows": rows}, indent=1, ensure_ascii=False) + "\n"
