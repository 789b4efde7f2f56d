"""Remember what was computed from a file, as long as the file system says it is the same file.

Hashing gigabytes at every command would be slow. A fact is kept by device, inode, size,
modification and change time. The change time cannot be set from a program, so a rewrite that
restores the modification time is still seen.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from angle_bench.files.cached_json import read_cached, write_cached
from angle_bench.files.places import cache_folder


class FileFacts:
    """Facts about files, of one kind, kept in one JSON file of the cache folder."""

    def __init__(self, place: Path, known: dict[str, str]) -> None:
        self._place = place
        self._known = known
        self._changed = False

    def get(self, file: Path, compute: Callable[[Path], str]) -> str:
        """The fact about a file, computed if the file is new or has changed."""
        stat = file.stat()
        key = f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
        if key not in self._known:
            self._known[key] = compute(file)
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        """Keep what is new; without a writable cache it is computed again next time."""
        if self._changed:
            write_cached(self._place, self._known)


@contextmanager
def file_facts(kind: str) -> Iterator[FileFacts]:
    """The remembered facts of a kind, saved at the end."""
    place = cache_folder() / f"{kind}.json"
    facts = FileFacts(place, read_cached(place))
    try:
        yield facts
    finally:
        facts.save()
