"""Write files whole or not at all."""

import glob
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.errors import ResultsError

Write = Callable[[Path], None]

OLD_SECONDS = 86_400.0  # no writing takes so long: what is left is of a process that was killed


@dataclass(frozen=True)
class FileToWrite:
    """A file's place, and what fills the temporary file that will become it."""

    place: Path
    write: Write


def write_together(
    files: Sequence[FileToWrite],
    before_renaming: Callable[[], None] = lambda: None,
    fix: str = "-r FOLDER that can be written and has space",
) -> None:
    """Write several files so that a full disk changes nothing that stood there.

    All are written and synced under temporary names first, the last one first, so that a file can
    say what is in those behind it; then `before_renaming` runs, and the files are renamed into
    place in their order. A reader sees an old file or a new one, never
    half of one, also after a power cut: files are synced before the rename, folders after it.
    The price is two syncs a file. A link stays, and what it leads to is replaced. Temporary names
    start with a dot and do not end in .json, so that nobody reads them.

    Args:
        files: In the order in which they are renamed.
        before_renaming: Runs once all are written.
        fix: What to type where one cannot be written.

    Raises:
        ResultsError: The disk is full or a folder cannot be written.
    """
    temporaries: list[Path] = []
    files = [FileToWrite(_followed(file.place), file.write) for file in files]
    place = files[0].place
    try:
        for file in reversed(files):
            place = file.place
            place.parent.mkdir(parents=True, exist_ok=True)
            temporaries.append(_temporary(place))
            file.write(temporaries[-1])
            sync(temporaries[-1])
        before_renaming()
        for file, temporary in zip(files, reversed(temporaries), strict=True):
            place = file.place
            temporary.replace(place)
            sync(place.parent)
            clear_old_leftovers(place.parent, place.name)
    except OSError as error:
        raise ResultsError(
            f"{place} cannot be written: {error.strerror or error}.",
            fix,
        ) from error
    finally:
        for temporary in temporaries:
            with suppress(OSError):  # it is cleared later; what is in place counts
                temporary.unlink(missing_ok=True)


def put_in_cache(place: Path, make: Callable[[Path], object]) -> None:
    """Make one file or link of a cache whole or not at all, without waiting for the disk.

    Others may make the same one meanwhile. A link that stands there is replaced, not followed.

    Args:
        place: Where it will be; its parents are made.
        make: Makes it at a path where nothing is yet.

    Raises:
        OSError: The cache cannot be written.
    """
    temporary = temporary_place(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        make(temporary)
        temporary.replace(place)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    clear_old_leftovers(place.parent, place.name)


def clear_leftovers(places: Iterable[Path]) -> None:
    """Remove temporary files of killed processes; nobody else may be writing these places."""
    for place in places:
        for leftover in _leftovers(place.parent, place.name):
            leftover.unlink(missing_ok=True)


def clear_old_leftovers(folder: Path, name: str = "") -> None:
    """Remove temporary files and folders that a killed process left a day ago or longer.

    Args:
        folder: Where they are.
        name: What they were to become; empty is anything, in a folder that is ours alone.
    """
    for leftover in _leftovers(folder, name):
        with suppress(OSError):  # somebody else removes it, or owns it
            if leftover.lstat().st_mtime > time.time() - OLD_SECONDS:
                continue
            _remove(leftover)


def clear_own_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder in which nobody else is writing."""
    for leftover in folder.glob(".*.tmp"):
        with suppress(OSError):  # what is in place counts
            _remove(leftover)


def only_leftovers(folder: Path, name: str) -> bool:
    """Whether a folder holds nothing but what was to become a file of a name."""
    return set(folder.iterdir()) <= set(_leftovers(folder, name))


def _remove(leftover: Path) -> None:
    if leftover.is_dir() and not leftover.is_symlink():
        shutil.rmtree(leftover)
    else:
        leftover.unlink()


def _leftovers(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f".{glob.escape(name) or '*'}.*.tmp"))


def write_json(place: Path, value: Any) -> None:
    """Write one JSON file whole or not at all."""
    write_together([json_file(place, value)])


def json_file(place: Path, value: Any) -> FileToWrite:
    """A JSON file to write, indented."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
    # a lone surrogate becomes JSON's \udXXX
    return bytes_file(place, text.encode("utf-8", errors="backslashreplace"))


def text_file(place: Path, text: str) -> FileToWrite:
    """A text file to write, in UTF-8."""
    return bytes_file(place, text.encode("utf-8"))


def bytes_file(place: Path, data: bytes) -> FileToWrite:
    """A file to write of bytes that are there."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(data)

    return FileToWrite(place, write)


def _followed(place: Path) -> Path:
    """Where a link leads to; a place that is none as it is."""
    return Path(os.path.realpath(place)) if place.is_symlink() else place


def temporary_place(place: Path) -> Path:
    """A path beside a place that nobody has: what is made there is to be renamed to it."""
    return place.with_name(f".{place.name}.{secrets.token_hex(8)}.tmp")


def _temporary(place: Path) -> Path:
    temporary = temporary_place(place)
    # not mkstemp, whose files are private: the umask says who may read results
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


def sync(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
