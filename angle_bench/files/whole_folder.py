"""Write a folder whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from angle_bench.errors import ResultsError
from angle_bench.files.atomic import clear_old_leftovers, sync


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
    temporary = None
    place = place.resolve()  # a link to a folder stays one
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}.tmp")
        temporary.mkdir()  # not mkdtemp, whose folders are private: the umask says who may read
        fill(temporary)
        sync_all(temporary)
        _put(temporary, place)
    except OSError as error:
        kept = "; what stood there before is untouched" if place.exists() else ""
        raise ResultsError(
            f"{place} cannot be written: {error.strerror or error}{kept}.", fix
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, place: Path) -> None:
    aside = temporary.with_suffix(".old")
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
