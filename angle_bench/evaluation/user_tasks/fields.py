"""The rows of own tasks: which column is which field, and each value checked."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from angle_bench.errors import DataError, did_you_mean, first_line
from angle_bench.evaluation.reader import RowFile
from angle_bench.evaluation.reader.problems import cell_text, columns_text, reads_like_a_row, short
from angle_bench.evaluation.reader.select_files import opened_all
from angle_bench.evaluation.task_data import Located, options_of
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import fields_of


def part_of(task: Task, located: Located, subset: str, part: str) -> "TaskPart":
    """The rows of a split, or of a part of retrieval data.

    Raises:
        DataError: They cannot be fetched from the hub.
    """
    if located.files:
        place = located.files[subset, part]
        files = opened_all(place, options_of(task, part))
        rows, places = [], []
        for file in files:
            for number, row in file.rows():
                rows.append(row)
                places.append((file, number))
        columns = dict.fromkeys(name for file in files for name in file.met)
        return TaskPart(task, str(place), rows, list(columns), places)
    import datasets

    name = None if subset == "default" else subset
    try:
        rows = datasets.load_dataset(task.dataset, name, split=part, revision=located.revision)
    except Exception as error:  # transport, parser and builder errors share no base
        raise DataError(
            f"the data set {task.dataset} could not be fetched from the hub: {first_line(error)}",
            f"--mirror DIR with DIR/{task.dataset}/{'' if name is None else f'{name}/'}"
            f"{part}.parquet, or the same command with a network",
        ) from error
    return TaskPart(task, f"{task.dataset} {subset}/{part}", rows.to_list())


def unused_columns(task: Task, located: Located) -> list[str]:
    """The columns of a user's files that nothing is read of; of retrieval with their part."""
    found: dict[str, None] = {}
    for key, read in located.read.items():
        part = key.rpartition("/")[2] if task.type == "Retrieval" else ""
        used = {column_of(field, task.columns, read.columns) for field in fields_of(task, part)}
        unused = [name for name in read.columns if name not in used]
        found |= dict.fromkeys(f"{part}.{name}" if part else name for name in unused)
    return list(found)


def column_of(field: str, columns: Iterable[tuple[str, str]], there: Sequence[str]) -> str:
    """The column of a field; of retrieval data the field has its part, as in `corpus.id`."""
    name = dict(columns).get(field, field.rpartition(".")[2])
    # BEIR's files say _id
    return "_id" if name == "id" and "id" not in there and "_id" in there else name


class TaskPart:
    """Rows, and where they are from; every check names the place and the line or row, from 1."""

    def __init__(
        self,
        task: Task,
        where: str,
        rows: Sequence[Mapping[str, Any]],
        columns: Sequence[str] = (),
        places: Sequence[tuple[RowFile, int]] = (),
    ) -> None:
        if not rows:
            raise DataError(f"{where} has no rows.", "a file with the rows of this split")
        self.where = where
        self._task = task
        self._rows = rows
        self._there = list(columns) or list(rows[0])
        self._places = places

    def __len__(self) -> int:
        return len(self._rows)

    def has(self, field: str) -> bool:
        """Whether the data has a column for a field."""
        return self._column(field) in self._there

    def values(self, field: str, check: Callable[[Any], Any], what: str) -> list[Any]:
        """The values of a field.

        Args:
            field: Its name; of retrieval data with its part, as in `corpus.id`.
            check: Gives the value to use, or raises ValueError.
            what: What a value has to be, for the user.

        Raises:
            DataError: There is no such column, or a value is something else.
        """
        column = self._column(field)
        if not self.has(field):
            raise self._no_column(field, column)
        found = []
        for index, row in enumerate(self._rows):
            value = row.get(column)
            try:
                found.append(check(value))
            except (ValueError, TypeError) as error:
                where, row_name = self._named(index)
                raise DataError(
                    f"{where} {row_name} has {cell_text(value)} in {column}, which is {what}.",
                    f"the {row_name} corrected or left out",
                ) from error
        return found

    def _named(self, index: int) -> tuple[str, str]:
        """The file of a row, and what the row is called in it."""
        if not self._places:
            return self.where, f"row {index + 1}"
        file, number = self._places[index]
        return str(file.place), f"{file.unit} {number}"

    def _column(self, field: str) -> str:
        return column_of(field, self._task.columns, self._there)

    def _no_column(self, field: str, column: str) -> DataError:
        there = [str(name) for name in self._there]
        if field.startswith("qrels.") and len(there) == 4 and there[3].lstrip("-").isdigit():
            what = "has no header: its first line is a judgement, as in qrels of TREC"
            return self.refused(what, "a first line query-id, iteration, corpus-id, score")
        near = [] if reads_like_a_row(there) else did_you_mean(column, there)
        name = short(near[0]) if near else "NAME"
        return DataError(
            f"{self.where} has no column {column}; {columns_text(there)}.",
            f'columns = {{"{field}" = "{name}"}} in the [[task]] of {self._task.name}'
            + (", if that is the one" if near else ", or a first line with the columns' names"),
        )

    def refused(self, what: str, fix: str) -> DataError:
        """An error about these rows."""
        return DataError(f"{self.where} {what}.", fix)


def text(value: Any) -> str:
    """A text as it is."""
    if not isinstance(value, str):
        raise ValueError
    return value


def identifier(value: Any) -> str:
    """An id: text, or a whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError
    return str(value)


def number(value: Any) -> float:
    """A finite number, also as text."""
    if isinstance(value, bool):
        raise ValueError
    found = float(value)
    if not math.isfinite(found):
        raise ValueError
    return found


def binary(value: Any) -> int:
    """0 or 1, also as text."""
    found = float(value)
    if found not in (0, 1):
        raise ValueError
    return int(found)


def whole(value: Any) -> int:
    """A whole number, also as text."""
    found = number(value)
    if not found.is_integer():
        raise ValueError
    return int(found)


def label(value: Any) -> str | int:
    """A label: text, or a whole number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str | int) or value == "":
        raise ValueError
    return int(value) if isinstance(value, bool) else value


def texts(value: Any) -> list[str]:
    """A list of texts."""
    if not isinstance(value, list):
        raise ValueError
    return [text(each) for each in value]
