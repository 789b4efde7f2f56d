"""SentEval's data folder, written as the mirror that tasks read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError, UsageError, shell_word
from angle_bench.evaluation.reader.select_files import find_files
from angle_bench.evaluation.senteval.senteval_files import DATASETS, Rows, Splits
from angle_bench.evaluation.user_tasks.file_read import digest_of, rows_of
from angle_bench.files.atomic import FileToWrite, write_together
from angle_bench.suites.select import select
from angle_bench.suites.task import Task

SUITES = ("SentEval", "SICKRelatedness", "Probing")
FIX = "--to DIR that can be written and has space"
EMPTY = "."  # what SentEval's examples encode where a line has no word


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not SentEval's.

    Raises:
        UsageError: The folder is not there, or has neither `downstream` nor `probing`.
    """
    if _is_senteval(folder):
        return
    inner = folder / "data"
    hint = f"; did you mean {inner}?" if _is_senteval(inner) else "."
    where = "has neither downstream nor probing" if folder.is_dir() else "is no folder"
    typed = inner if _is_senteval(inner) else "DIR"
    raise UsageError(
        f"{folder} {where}, as SentEval's data folder has{hint}",
        f"--from-senteval {shell_word(typed)}",
    )


def _is_senteval(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in ("downstream", "probing"))


def tasks_of(folder: Path, say: Callable[[str], None]) -> list[Task]:
    """SentEval's tasks whose data is in a folder; `say` is told which are not."""
    found = []
    for task in select(SUITES).task:
        home = folder / DATASETS[task.dataset][0]
        if home.exists():
            found.append(task)
        else:
            say(f"{task.name}  left out: there is no {home}")
    return found


def bring(dataset: str, folder: Path, to: Path) -> str:
    """Write a data set of SentEval's folder into a mirror.

    Args:
        dataset: As tasks name it, such as `senteval/mr`.
        folder: SentEval's data folder.
        to: The mirror.

    Returns:
        What came of it, in words.

    Raises:
        DataError: A file is absent, a line is odd, or the mirror holds other rows of it.
        ResultsError: The mirror cannot be written.
    """
    home, read = DATASETS[dataset]
    splits, empty = _filled(read(folder / home))
    target = to / dataset
    if files := find_files(target):
        if rows_of(files) == {f"default/{name}": digest_of(rows) for name, rows in splits.items()}:
            return "there already"
        raise DataError(
            f"{target} holds other rows than {folder / home}.",
            "--to DIR of another folder, or that folder moved away",
        )
    write_together(
        [FileToWrite(target / f"{name}.parquet", _writer(rows)) for name, rows in splits.items()],
        fix=FIX,
    )
    count = sum(map(len, splits.values()))
    noted = f", {empty} empty texts of them as {EMPTY!r}" if empty else ""
    return f"{count} rows in {target}{noted}"


def _filled(splits: Splits) -> tuple[Splits, int]:
    """The rows with a text in every place, and how many had none."""
    empty = 0
    for rows in splits.values():
        for row in rows:
            for name, value in row.items():
                if value == "":
                    row[name], empty = EMPTY, empty + 1
    return splits, empty


def _writer(rows: Rows) -> Callable[[Path], None]:
    def write(temporary: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table: Any = pa.Table.from_pylist(rows)
        pq.write_table(table, temporary)

    return write
