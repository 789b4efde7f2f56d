"""Write a folder whole or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from angle_bench.errors import ResultsError
from angle_bench.files.atomic import clear_old_leftovers, sync, temporary_place


def write_folder(place: Path, fill: Callable[[Path], None], fix: str) -> None:
    """Fill a folder so that a full disk, or any other end, leaves what stood there before.

    It is filled and synced under a temporary name beside its place, then renamed. A folder that
    stands there is moved away first and removed at last: a process killed between the two renames
    leaves it as `.<name>.<random>.old`, whole.

    Args:
        place: The folder; its parents are made.
        fill: Writes the files into an empty folder.
        fix: What to type where it cannot be written.

    Raises:
        ResultsError: The disk is full, or the folder cannot be written.
    """
    place = place.resolve()  # a link to a folder stays one
    try:
        _write(place, fill, temporary_place(place))
    except OSError as error:
        kept = "; what stood there before is untouched" if place.exists() else ""
        raise ResultsError(
            f"{place} cannot be written: {error.strerror or error}{kept}.", fix
        ) from error


def write_own_folder(place: Path, fill: Callable[[Path], None]) -> None:
    """The same where nobody else writes: what a killed process left of it is removed first.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    temporary = place.with_name(f".{place.name}.tmp")
    for left in (temporary, _aside(temporary)):
        shutil.rmtree(left, ignore_errors=True)
    _write(place, fill, temporary)


def write_into_own_folder(place: Path, fill: Callable[[Path], None], last: str) -> None:
    """Put files into a folder that holds others, where nobody else writes.

    They are filled and synced under a temporary name first. As long as `last` is there, the folder
    counts as whole: that file goes first and comes last.

    Args:
        place: The folder, which is there.
        fill: Writes the files into an empty folder.
        last: The name of one of them.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    temporary = place / f".{last}.tmp"
    try:
        shutil.rmtree(temporary, ignore_errors=True)  # of a killed process
        temporary.mkdir()
        fill(temporary)
        sync_all(temporary)
        (place / last).unlink(missing_ok=True)
        for name in sorted(os.listdir(temporary), key=lambda name: name == last):
            target = place / name
            if target.is_dir():
                shutil.rmtree(target)
            (temporary / name).replace(target)
        sync(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(place: Path, fill: Callable[[Path], None], temporary: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()  # not mkdtemp, whose folders are private: the umask says who may read
        fill(temporary)
        sync_all(temporary)
        _put(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _aside(temporary: Path) -> Path:
    return temporary.with_suffix(".old")


def _put(temporary: Path, place: Path) -> None:
    aside = _aside(temporary)
    if not place.exists():
        temporary.rename(place)
    else:
        place.rename(aside)
        try:
            temporary.rename(place)
        except OSError:
            aside.rename(place)
            raise
    sync(place.parent)
    shutil.rmtree(aside, ignore_errors=True)
    clear_old_leftovers(place.parent, place.name)


def sync_all(folder: Path) -> None:
    """Wait until all files of a folder are on the disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            sync(Path(root, name))
        sync(Path(root))
