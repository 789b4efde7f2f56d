"""Results folders that come packed as one file."""

import hashlib
import lzma
import os
import shutil
import tarfile
import time
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

from angle_bench.errors import first_line
from angle_bench.files.places import cache_folder
from angle_bench.files.whole_folder import write_folder

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_UNUSED = 30 * 24 * 3600  # seconds after which what was unpacked goes


class BrokenArchive(Exception):
    """A packed file that cannot be unpacked."""


def packed_stem(name: str) -> str | None:
    """The name of a packed file without its suffix; None where it is no packed file."""
    suffix = next((each for each in SUFFIXES if name.casefold().endswith(each)), None)
    return name[: -len(suffix)] if suffix is not None and len(name) > len(suffix) else None


def unpacked(place: Path) -> Path:
    """The folder that a packed file holds, unpacked into the cache once for each state of the file.

    Names that would lie outside of the folder are not written there. Where something is unpacked,
    former states of the file go, and whatever nothing has asked for in a month.

    Raises:
        BrokenArchive: It cannot be read.
        ResultsError: The cache cannot be written.
    """
    try:
        status = place.stat()
    except OSError as error:
        raise BrokenArchive(first_line(error)) from error
    file, state = _digest(str(place.resolve())), f"{status.st_size} {status.st_mtime_ns}"
    folder = cache_folder() / "unpacked" / f"{file}-{_digest(state)}"
    if not folder.is_dir():
        _remove_unused(folder.parent, file)
        write_folder(
            folder, lambda into: _unpack(place, into), "ANGLE_BENCH_CACHE=FOLDER with space"
        )
    with suppress(OSError):  # a cache that cannot be written is read all the same
        os.utime(folder)
    inner = [*folder.iterdir()]
    named_twice = len(inner) == 1 and inner[0].name == packed_stem(place.name)
    return inner[0] if named_twice and inner[0].is_dir() else folder


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _remove_unused(unpacked: Path, file: str) -> None:
    before = time.time() - _UNUSED
    for folder in unpacked.glob("*"):
        with suppress(OSError):  # another command removed it
            if folder.name.startswith(f"{file}-") or folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)


def _unpack(place: Path, into: Path) -> None:
    try:
        if place.name.casefold().endswith(".zip"):
            with zipfile.ZipFile(place) as zipped:
                zipped.extractall(into)
        else:
            with tarfile.open(place) as packed:
                packed.extractall(into, filter="data")
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        RuntimeError,  # a password is needed
        NotImplementedError,  # a way of packing that Python does not know
    ) as error:
        raise BrokenArchive(first_line(error)) from error
