"""Parquet and Arrow files, whose columns have types."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from angle_bench.evaluation.reader.batch import ArrowBatch, RowBatch
from angle_bench.evaluation.reader.blocks import opened
from angle_bench.evaluation.reader.kinds import FileKind
from angle_bench.evaluation.reader.problems import Problems
from angle_bench.files.reading_pace import paced

_ROWS = 16_384


class Columnar:
    """A parquet file, or an Arrow file or stream."""

    def __init__(self, kind: FileKind, problems: Problems) -> None:
        self._kind = kind
        self._problems = problems

    def columns(self) -> tuple[str, ...]:
        """Those of its schema."""
        with self._file() as (schema, _):
            return tuple(schema.names)

    def batches(self, column: str | None) -> Iterator[RowBatch]:
        """The rows; with a column, at least that one."""
        with self._file() as (schema, read):
            known = column is not None and column in schema.names
            first = 1
            batches, rows = read([column] if known else None)
            doing = f"reading {self._problems.place}"
            for batch in paced(batches, doing, "rows", lambda each: each.num_rows, rows):
                batch.validate(full=True)  # strings are UTF-8: no reader of Arrow looks
                table = pa.Table.from_batches([batch], batch.schema)
                yield ArrowBatch(range(first, first + table.num_rows), table)
                first += table.num_rows

    @contextmanager
    def _file(self) -> Iterator[tuple[pa.Schema, Any]]:
        """The schema, and what gives batches of some columns and how many rows these have."""
        with whole(self._problems.place, self._kind.compression) as place:
            if self._kind.kind == "parquet":
                import pyarrow.parquet as pq

                with pq.ParquetFile(place) as file:
                    rows = file.metadata.num_rows
                    yield file.schema_arrow, lambda c: (file.iter_batches(_ROWS, columns=c), rows)
            else:
                with pa.memory_map(str(place)) as source:
                    yield _arrow(source)


def _arrow(source: pa.NativeFile) -> tuple[pa.Schema, Any]:
    try:
        file = pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        stream = pa.ipc.open_stream(source)
        return stream.schema, lambda _: (iter(stream), None)
    batches = range(file.num_record_batches)
    return file.schema, lambda _: (map(file.get_batch, batches), None)


@contextmanager
def whole(place: Path, compression: str | None) -> Iterator[Path]:
    """A file uncompressed, in a temporary file where it has to be."""
    if compression is None:
        yield place
        return
    with tempfile.NamedTemporaryFile() as target:
        with opened(place, compression) as stream:
            shutil.copyfileobj(stream, target)
        target.flush()
        yield Path(target.name)
