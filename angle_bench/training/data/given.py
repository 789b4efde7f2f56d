"""Rows that a caller from Python hands over, in whatever holds them, as a table."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.errors import DataError, UsageError
from angle_bench.files.atomic import FileToWrite, write_together
from angle_bench.training.data.sources import raw_rows
from angle_bench.training.recipe.data_sections import DataSource

VALIDATION_SPLITS = ("validation", "valid", "dev")
_KINDS = "a list of dicts, a datasets.Dataset, a pandas or polars frame, or the path of a file"


def parts_of(given: Any) -> tuple[Any, Any]:
    """The training and the validation rows of a DatasetDict; of anything else itself and None.

    Raises:
        DataError: A DatasetDict without `train`.
    """
    if not isinstance(given, Mapping):
        return given, None
    if "train" not in given:
        raise DataError(
            f"train_ds has no train (there: {', '.join(map(str, given)) or 'nothing'}).",
            'the split that is meant, such as data["train"]',
        )
    valid = next((given[name] for name in VALIDATION_SPLITS if name in given), None)
    return given["train"], valid


def table_of(given: Any, name: str, most: int | None = None) -> pa.Table:
    """The rows as a table.

    Args:
        given: What holds them.
        name: What messages call it.
        most: Rows that are needed of one that is read as it goes.

    Raises:
        DataError: They are no rows, or a column holds values that do not go together.
    """
    if isinstance(given, str | Path):
        source = DataSource(path=str(Path(given).expanduser().absolute()))
        return _of_dicts([row.values for row in raw_rows(source, None, streaming=False)], name)
    if hasattr(given, "with_format") and hasattr(given, "features"):
        if not hasattr(given, "__len__"):  # an IterableDataset
            return _of_dicts(list(itertools.islice(iter(given), most)), name)
        table: pa.Table = given.with_format("arrow")[:]
        return table.replace_schema_metadata(None)
    if hasattr(given, "to_arrow"):  # polars
        return given.to_arrow()
    if hasattr(given, "iloc") and hasattr(given, "columns"):
        return pa.Table.from_pandas(given, preserve_index=False).replace_schema_metadata(None)
    if isinstance(given, list | tuple):
        return _of_dicts(given, name)
    raise DataError(f"{name} is a {type(given).__name__}, which has no rows.", _KINDS)


def _of_dicts(rows: Iterable[Any], name: str) -> pa.Table:
    """Rows with the columns of all of them, whichever the first one has."""
    every = list(rows)
    for number, row in enumerate(every):
        if not isinstance(row, Mapping):
            raise DataError(
                f"row {number} of {name} is a {type(row).__name__}, not a dict.",
                'rows such as {"query": …, "positive": …}',
            )
    columns = dict.fromkeys(column for row in every for column in row)
    return pa.table({column: _column(every, column, name) for column in columns})


def _column(rows: list[Mapping[str, Any]], column: str, name: str) -> pa.Array:
    values = [row.get(column) for row in rows]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        kinds = {type(value): number for number, value in reversed(list(enumerate(values)))}
        kinds.pop(type(None), None)
        found = ", ".join(
            f"{kind.__name__} in row {number}"
            for kind, number in sorted(kinds.items(), key=lambda each: each[1])
        )
        raise DataError(
            f"{column} of {name} holds values that do not go together: {found}.",
            f"one kind of values in {column}",
        ) from error


def keep(place: Path, table: pa.Table, name: str, checkpoint: Path | None) -> None:
    """Rows as a file beside the checkpoints; with a checkpoint they must be those that are there.

    Args:
        place: The file.
        table: The rows.
        name: What messages call them.
        checkpoint: The last one, where training goes on.

    Raises:
        UsageError: The checkpoint was trained with other rows.
        ResultsError: The file cannot be written.
    """
    if checkpoint is None:
        write_together(
            [FileToWrite(place, lambda temporary: pq.write_table(table, temporary))],
            fix="output=FOLDER that can be written and has space",
        )
        return
    if not place.is_file():
        raise UsageError(
            f"{checkpoint.name} was made without {name}.", "output=FOLDER of a new name"
        )
    there = pq.read_table(place)
    if there.equals(table):
        return
    if there.num_rows != table.num_rows:
        differ = f"{table.num_rows:,} rows instead of {there.num_rows:,}"
    elif (row := first_unlike(there, table)) is not None:
        differ = f"row {row} is another"
    else:
        return
    raise UsageError(
        f"{name} is not what {checkpoint.name} was made with: {differ}.",
        "output=FOLDER of a new name",
    )


def leave_out(place: Path, name: str, checkpoint: Path | None) -> None:
    """See that rows which are not given are not there, either.

    Raises:
        UsageError: A checkpoint was made with them.
    """
    if checkpoint is None:
        place.unlink(missing_ok=True)
    elif place.is_file():
        raise UsageError(
            f"{checkpoint.name} was made with {name}.",
            f"{name} as it was, or output=FOLDER of a new name",
        )


def first_unlike(one: pa.Table, other: pa.Table) -> int | None:
    """The number of the first row that differs; None where none does, whatever the types say."""
    names = sorted(one.column_names)
    if names != sorted(other.column_names):
        return 0
    batches = zip(_rows(one, names), _rows(other, names), strict=False)
    return next((at for at, (mine, its) in enumerate(batches) if mine != its), None)


def _rows(table: pa.Table, names: list[str]) -> Iterable[str]:
    """Each row as text: not a number is itself there."""
    for batch in table.select(names).to_batches(max_chunksize=10_000):
        yield from map(repr, batch.to_pylist())
