"""The rows of a recipe in memory, and the draws from their lists."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from angle_bench.errors import DataError
from angle_bench.training.data.columns import TEXT_COLUMNS, Format
from angle_bench.training.data.rows import (
    Checker,
    RowCounts,
    TrainingRow,
    require_active_objective,
)
from angle_bench.training.data.sources import SourceRow, columns_of, name_of, raw_rows
from angle_bench.training.recipe.data_sections import Data, DataSource
from angle_bench.training.recipe.recipe import Recipe

CHUNK = 10_000  # rows that are Python objects at a time
DUPLICATE = "stands twice"


@dataclass(frozen=True)
class Example:
    """A row with its texts drawn.

    Attributes:
        row: Its number in the data set.
        texts: Two or three.
        label: In format A alone.
        epoch: In which it is drawn.
    """

    row: int
    texts: tuple[str, ...]
    label: float | None
    epoch: int = 0


def draw(seed: int, epoch: int, row: int, column: int, count: int) -> int:
    """Which of `count` texts is used: a hash, so that no order of asking changes it."""
    key = f"{seed} {epoch} {row} {column}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % count


def drawn(row: TrainingRow, number: int, seed: int, epoch: int) -> Example:
    """A row with one text of each column."""
    texts = [
        listed[draw(seed, epoch, number, column, len(listed))] if len(listed) > 1 else listed[0]
        for column, listed in enumerate(row.texts)
    ]
    return Example(number, tuple(texts), row.label, epoch)


def encoded(text: str) -> bytes:
    """A text as bytes, a lone surrogate too."""
    return text.encode("utf-8", "surrogatepass")


def decoded(data: bytes) -> str:
    """The text of `encoded`."""
    return data.decode("utf-8", "surrogatepass")


class TrainingRows:
    """Checked rows, kept in Arrow: workers share them, and 500,000 take what their text takes.

    A map-style dataset. The index says the epoch, too: `epoch * len(rows) + row`, so that workers
    that were started in an earlier epoch draw as any other.

    Attributes:
        format: Of all rows.
        counts: What became of the rows of each source, by its name in messages.
        sizes: How many rows each source has here; they stand in the order of the sources.
        labels: float32 of every row, in format A alone.
    """

    def __init__(
        self,
        format: Format,
        columns: Sequence[pa.ChunkedArray],
        labels: NDArray[np.float32] | None,
        sizes: Sequence[int],
        counts: Sequence[tuple[str, RowCounts]],
        seed: int,
    ) -> None:
        self.format = format
        self.labels = labels
        self.sizes = tuple(sizes)
        self.counts = tuple(counts)
        self._columns = tuple(columns)
        self._seed = seed

    def __len__(self) -> int:
        return sum(self.sizes)

    @cached_property
    def digest(self) -> str:
        """Of all texts and labels in their order."""
        whole = hashlib.blake2b(digest_size=16)
        for column in self._columns:
            lists, texts, data = (hashlib.blake2b(digest_size=16) for _ in range(3))
            for chunk in column.chunks:
                flat = chunk.flatten()
                lists.update(_lengths(chunk))
                texts.update(_lengths(flat))
                data.update(_bytes(flat))
            for part in (lists, texts, data):
                whole.update(part.digest())
        if self.labels is not None:
            whole.update(self.labels.tobytes())
        return whole.hexdigest()

    def row(self, number: int) -> TrainingRow:
        """A row with its lists."""
        texts = tuple(tuple(map(decoded, column[number].as_py())) for column in self._columns)
        return TrainingRow(texts, None if self.labels is None else float(self.labels[number]))

    def texts_of(self, index: int) -> tuple[str, ...]:
        """The texts of an index, as they are drawn."""
        return self[index].texts

    def __getitem__(self, index: int) -> Example:
        epoch, number = divmod(index, len(self))
        return drawn(self.row(number), number, self._seed, epoch)


def _offsets(array: Any) -> NDArray[np.int64]:
    """Where each entry of a large list or large binary array begins and ends."""
    whole = np.frombuffer(array.buffers()[1], np.int64)
    return whole[array.offset : array.offset + len(array) + 1]


def _lengths(array: Any) -> bytes:
    return np.diff(_offsets(array)).tobytes() if len(array) else b""


def _bytes(array: Any) -> memoryview:
    """The data of a large binary array, without what lies around it."""
    if not len(array) or array.buffers()[2] is None:
        return memoryview(b"")
    at = _offsets(array)
    return memoryview(array.buffers()[2])[int(at[0]) : int(at[-1])]


def load_rows(recipe: Recipe, mirror: Path | None = None) -> TrainingRows:
    """Read and check all rows of a recipe.

    Raises:
        DataError: They cannot be read, are of several formats, are empty or all equal, or have
            labels that the objectives cannot use.
    """
    parts = [_read(source, recipe.data, mirror) for source in recipe.data.train]
    format = parts[0].format
    for part, source in zip(parts, recipe.data.train, strict=True):
        if part.format != format:
            raise DataError(
                f"{name_of(source)} has format {part.format}, {parts[0].name} has {format}; "
                "a batch has one.",
                "one recipe for each format",
            )
    tables = pa.concat_tables([part.table for part in parts])
    if recipe.data.drop_duplicates and len(parts) > 1:
        tables, parts = _without_repeats(parts)
    labels = tables["label"].to_numpy().astype(np.float32) if format == "A" else None
    columns = [tables[name] for name in TEXT_COLUMNS[format]]
    require_active_objective(format, recipe.loss, recipe.prompts, recipe.train.batch_size)
    counts = [(part.name, part.counts) for part in parts]
    sizes = [part.table.num_rows for part in parts]
    rows = TrainingRows(format, columns, labels, sizes, counts, recipe.train.seed)
    _refuse_all_equal(rows, recipe)
    return rows


@dataclass(frozen=True)
class _Part:
    name: str
    format: Format
    table: pa.Table
    counts: RowCounts


def _read(source: DataSource, data: Data, mirror: Path | None) -> _Part:
    checker, numbered = checked(source, mirror, streaming=False)
    names = TEXT_COLUMNS[checker.format]
    # texts as bytes: a lone surrogate is text, and no Arrow string
    kinds = [(name, pa.large_list(pa.large_binary())) for name in names]
    schema = pa.schema([*kinds, *([("label", pa.float64())] if checker.format == "A" else [])])
    seen: set[bytes] = set()
    batches, chunk = [], []
    for _, row in numbered:
        if data.drop_duplicates and _repeats(row, seen):
            checker.counts.dropped[DUPLICATE] += 1
            continue
        chunk.append(row)
        if len(chunk) == CHUNK:
            batches.append(_batch(chunk, schema))
            chunk = []
    batches.append(_batch(chunk, schema))
    table = pa.Table.from_batches(batches, schema)
    if not table.num_rows:
        reasons = ", ".join(f"{count} {why}" for why, count in checker.counts.dropped.items())
        raise DataError(
            f"{name_of(source)} has no row that can be trained on ({reasons or 'it is empty'}).",
            "data with texts in every column",
        )
    return _Part(name_of(source), checker.format, table, checker.counts)


def checked(
    source: DataSource,
    mirror: Path | None,
    *,
    streaming: bool,
    columns: Sequence[str] | None = None,
) -> tuple[Checker, Iterator[tuple[int, TrainingRow]]]:
    """The checker of a source, and its rows with their numbers.

    Args:
        source: Where the rows are.
        mirror: A folder with hub data sets.
        streaming: Whether hub data is read as it is needed.
        columns: Of the source, where they are known already.

    Raises:
        DataError: It has no rows, or columns of no format.
    """
    there = columns_of(source, mirror) if columns is None else columns
    skipped: list[str] = []
    rows = raw_rows(source, mirror, streaming, skipped)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{name_of(source)} has no rows.", "a source with rows")
    if not isinstance(first.values, dict):
        raise DataError(
            f"{name_of(source)} has {first.values!r} for a row, not columns.",
            "rows with named columns",
        )
    checker = Checker(first.values if there is None else there, source)
    checker.counts.skipped = skipped

    def whole() -> Iterator[SourceRow]:
        yield first
        yield from rows

    return checker, checker.rows(whole())


def _batch(rows: Sequence[TrainingRow], schema: pa.Schema) -> pa.RecordBatch:
    texts = list(zip(*(row.texts for row in rows), strict=True)) or [()] * len(
        [name for name in schema.names if name != "label"]
    )
    arrays: list[Any] = [
        pa.array([[encoded(text) for text in each] for each in column], schema.field(place).type)
        for place, column in enumerate(texts)
    ]
    if "label" in schema.names:
        arrays.append(pa.array([row.label for row in rows], pa.float64()))
    return pa.record_batch(arrays, schema=schema)


def _repeats(row: TrainingRow, seen: set[bytes]) -> bool:
    key = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    if key in seen:
        return True
    seen.add(key)
    return False


def _without_repeats(parts: Sequence[_Part]) -> tuple[pa.Table, list[_Part]]:
    """Rows of a later source that an earlier one has are dropped, too."""
    seen: set[bytes] = set()
    kept = []
    for part in parts:
        mask = []
        for row in part.table.to_pylist():
            texts = tuple(tuple(map(decoded, row[name])) for name in TEXT_COLUMNS[part.format])
            mask.append(not _repeats(TrainingRow(texts, row.get("label")), seen))
        part.counts.dropped[DUPLICATE] += mask.count(False)
        table = part.table.filter(pa.array(mask, pa.bool_()))
        if not table.num_rows:
            raise DataError(
                f"every row of {part.name} stands in the sources before it.",
                f"the recipe without {part.name}, or without drop_duplicates",
            )
        kept.append(_Part(part.name, part.format, table, part.counts))
    return pa.concat_tables([part.table for part in kept]), kept


def _refuse_all_equal(rows: TrainingRows, recipe: Recipe) -> None:
    names = ", ".join(name for name, _ in rows.counts)
    first = rows.row(0).texts
    if all(rows.row(number).texts == first for number in range(len(rows))):
        raise DataError(
            f"{names} has the same texts in all of its {len(rows)} rows.",
            "data with rows that differ",
        )
    if rows.labels is None:
        return
    if (rows.labels == rows.labels[0]).all():
        raise DataError(
            f"{names} has the label {rows.labels[0]:g} in all of its {len(rows)} rows, so nothing "
            "can be ranked.",
            "labels that differ; pairs that are all positive as query and positive",
        )
    if recipe.loss.ibn_w > 0 and not (rows.labels == 1).any():
        raise DataError(
            f"no label of {names} is 1, and ibn takes pairs of label 1 as positives: it would do "
            "nothing.",
            "--set loss.ibn_w=0, or label_range with the label that means equal as its end",
        )


def positives(rows: TrainingRows) -> int | None:
    """The pairs that ibn takes as positives, as angle-emb does: those of label 1 exactly."""
    return None if rows.labels is None else int((rows.labels == 1).sum())
