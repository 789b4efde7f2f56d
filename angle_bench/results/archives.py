"""Results folders that come packed as one file."""

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

from angle_bench.errors import first_line
from angle_bench.places import cache_folder
from angle_bench.results.whole_folder import write_folder

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")


class BrokenArchive(Exception):
    """A packed file that cannot be unpacked."""


def packed_stem(name: str) -> str | None:
    """The name of a packed file without its suffix; None where it is no packed file."""
    suffix = next((each for each in SUFFIXES if name.casefold().endswith(each)), None)
    return name[: -len(suffix)] if suffix is not None and len(name) > len(suffix) else None


def unpacked(place: Path) -> Path:
    """The folder that a packed file holds, unpacked into the cache once for each state of the file.

    Names that would lie outside of the folder are not written there.

    Raises:
        BrokenArchive: It cannot be read.
        ResultsError: The cache cannot be written.
    """
    try:
        status = place.stat()
    except OSError as error:
        raise BrokenArchive(first_line(error)) from error
    state = f"{place.resolve()} {status.st_size} {status.st_mtime_ns}"
    key = hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    folder = cache_folder() / "unpacked" / key
    if not folder.is_dir():
        write_folder(
            folder, lambda into: _unpack(place, into), "ANGLE_BENCH_CACHE=FOLDER with space"
        )
    inner = [*folder.iterdir()]
    named_twice = len(inner) == 1 and inner[0].name == packed_stem(place.name)
    return inner[0] if named_twice and inner[0].is_dir() else folder


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
