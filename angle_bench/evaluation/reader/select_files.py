"""Which files are meant: splits of a folder, a user's own files, globs."""

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from angle_bench.errors import DataError, UsageError
from angle_bench.evaluation.reader.kinds import KINDS, SHOWN, ReadOptions, kind_of
from angle_bench.evaluation.reader.row_file import RowFile, open_rows
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import PARTS

# of a mirror, as mteb's loader takes them, the best first
MIRROR_SUFFIXES = ("parquet", "jsonl")

Files = dict[tuple[str, str], Path]


def find_files(folder: Path) -> Files:
    """The files of a mirror, `<folder>/[<config>/]<split>.<suffix>`, by config and split."""
    files: Files = {}
    for suffix in reversed(MIRROR_SUFFIXES):  # parquet wins where both are there
        for place in sorted(folder.glob(f"*.{suffix}")):
            files["default", place.stem] = place
        for place in sorted(folder.glob(f"*/*.{suffix}")):
            files[place.parent.name, place.stem] = place
    return files


def split_files(folder: Path, wanted: Sequence[str]) -> dict[str, Path]:
    """The files of a user's folder, `<folder>/<split>.<suffix>` of any kind, by split.

    Raises:
        DataError: Two files hold a split that is wanted.
    """
    found: dict[str, Path] = {}
    for place in sorted(folder.iterdir()):
        kind = kind_of(place)
        if kind is None or place.name.startswith(".") or not place.is_file():
            continue
        if kind.stem in found and kind.stem in wanted:
            raise DataError(
                f"{folder} has {found[kind.stem].name} and {place.name} for {kind.stem}.",
                f"{folder} with one of them",
            )
        found[kind.stem] = place
    return found


def is_glob(place: Path) -> bool:
    """Whether a path is a pattern, and not the name of a file."""
    return glob.has_magic(str(place)) and not place.exists()


def expanded(place: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """The files of a path, a folder or a glob, in the order of their names.

    Args:
        place: What was typed.
        wanted: Which files of a folder hold rows.

    Raises:
        UsageError: No file with rows is there.
    """
    place = place.expanduser()
    if is_glob(place):
        found = [Path(each) for each in sorted(glob.glob(str(place), recursive=True))]
        files = [each for each in found if each.is_file()]
    elif place.is_dir():
        files = [
            each
            for each in sorted(place.iterdir())
            if each.is_file() and not each.name.startswith(".") and wanted(each)
        ]
    else:
        files = [place] if place.is_file() else []
    if not files:
        raise UsageError(f"there is no file {place}.", f"a file that ends in {SHOWN}")
    return files


def opened_all(place: Path, options: ReadOptions) -> list[RowFile]:
    """The files of a path or glob, opened."""
    if not is_glob(place):
        return [open_rows(place, options)]
    return [open_rows(each, options) for each in expanded(place, lambda _: True)]


def read_rows(place: Path, options: ReadOptions | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a file or glob, in order.

    Raises:
        DataError: A file, or one of its rows, cannot be read.
    """
    for file in opened_all(place, options or ReadOptions()):
        for _, row in file.rows():
            yield row


def users_files(task: Task) -> Files:
    """The files of a task that names files, by config and split, or part of retrieval data.

    Raises:
        DataError: One is not there, or of no kind that can be read.
    """
    parts = PARTS if task.type == "Retrieval" else task.reads
    named = dict(task.path)
    if (only := named.get("")) is not None:
        if only.is_dir():
            return _of_folder(task, only, parts)
        if len(parts) > 1:
            what = "is a file" if only.exists() else "is not there"
            table = ", ".join(f'{part} = "{part}.csv"' for part in parts)
            raise DataError(
                f"{only} {what}, and {task.name} reads {', '.join(parts)}.",
                f"path = {{{table}}}, or a folder with such files",
            )
        named = {parts[0]: only}
    for place in named.values():
        if is_glob(place):  # each of its files is looked at as it is opened
            continue
        if not place.is_file():
            raise DataError(
                f"there is no file {place} for {task.name}.",
                f"the path of {task.name} corrected; it is relative to the TOML file",
            )
        if kind_of(place) is None:
            raise DataError(
                f"{place} is of no kind that can be read.", f"a file that ends in {SHOWN}"
            )
    return {("default", part): named[part] for part in parts}


def _of_folder(task: Task, folder: Path, parts: Sequence[str]) -> Files:
    there = split_files(folder, parts)
    if "qrels" in parts and "qrels" not in there and (folder / "qrels").is_dir():
        there["qrels"] = _judged_split(task, folder / "qrels")
    for part in parts:
        if part not in there:
            names = ", ".join(sorted(place.name for place in there.values())) or "nothing"
            suffixes = [each[0] for each in KINDS.values()]
            as_one = f'path = "{folder}/*" for all of its files, or ' if len(parts) == 1 else ""
            raise DataError(
                f"{folder} has no {part} for {task.name} (there: {names}).",
                f"{as_one}a file {part}.csv put there, or {', '.join(suffixes)}",
            )
    return {("default", part): there[part] for part in parts}


def _judged_split(task: Task, folder: Path) -> Path:
    """The judgements of the one split that is scored: a folder of BEIR's has qrels/test.tsv."""
    by_split = split_files(folder, task.splits)
    (split, *more) = task.splits
    if more or split not in by_split:
        names = ", ".join(sorted(place.name for place in by_split.values())) or "nothing"
        raise DataError(
            f"{folder} has no one file of {' and '.join(task.splits)} for {task.name} "
            f"(there: {names}).",
            f'splits = ["{min(by_split, default=split)}"] in the [[task]] of {task.name}',
        )
    return by_split[split]
