"""The folders under a path that hold result files, each looked at once."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from angle_bench.results.find.archives import BrokenArchive, packed_stem, unpacked
from angle_bench.results.find.identity import shown
from angle_bench.results.layout import SIDE
from angle_bench.results.old_schema import RENAMED
from angle_bench.results.result_file import is_result
from angle_bench.suites.catalogue import catalogue

META = "model_meta.json"
_DEEPEST = 12  # folders below what was typed
_DEEPEST_COUNTED = 6  # folders: below an organisation, model, revision, settings
_LARGEST = 50_000_000  # bytes of a file that is opened to see whether it is a result


@dataclass
class FolderListing:
    """What a folder holds.

    Attributes:
        path: The folder.
        parts: The way to it from what was typed.
        files: The names of its result files, without `.json`.
        packed: Those of them that end in `.json.gz`.
        own: Whether angle-bench wrote it, so that it has run records.
        meta: Whether it has mteb's description of the model.
    """

    path: Path
    parts: tuple[str, ...]
    files: frozenset[str] = frozenset()
    packed: frozenset[str] = frozenset()
    own: bool = False
    meta: bool = False


@dataclass
class Walk:
    """A look at folders, each once; links that lead back end nowhere.

    Attributes:
        warnings: What could not be looked at, a line each.
        others: JSON files that are no results.
    """

    warnings: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    _seen: dict[tuple[int, int], Path] = field(default_factory=dict)

    def under(self, top: Path, parts: tuple[str, ...] = ()) -> Iterator[FolderListing]:
        """The folders with result files at and below a folder, by name."""
        listing, inner = FolderListing(top, parts), []
        try:
            status = top.stat()
            before = self._seen.setdefault((status.st_dev, status.st_ino), top)
            if before is not top:
                if top.is_symlink():
                    self.warnings.append(f"{shown(str(top))} leads back to {before}; left out")
                return
            with os.scandir(top) as entries:
                inner = self._sorted_out(listing, sorted(entries, key=lambda entry: entry.name))
        except OSError as error:
            self._warn(top, error)
            return
        if listing.files:
            yield listing
        for place, name in inner:
            if len(parts) == _DEEPEST:
                self.warnings.append(f"{shown(str(place))} is {_DEEPEST} folders deep; left out")
                continue
            yield from self.under(place, (*parts, name))

    def _sorted_out(
        self, listing: FolderListing, entries: Iterable["os.DirEntry[str]"]
    ) -> list[tuple[Path, str]]:
        """Fill in a folder's files; what else there is to look into, with its name."""
        inner: list[tuple[Path, str]] = []
        files: list[str] = []
        packed: list[str] = []
        for entry in entries:
            place = listing.path / entry.name
            try:
                if entry.is_dir():
                    listing.own |= entry.name == SIDE
                    if not entry.name.startswith(".") or "__" in entry.name:
                        inner.append((place, entry.name))
                elif entry.name.endswith((".json", ".json.gz")):
                    if entry.is_file():
                        (packed if entry.name.endswith(".gz") else files).append(entry.name)
                    elif entry.is_symlink():
                        self.warnings.append(f"{shown(str(place))} leads nowhere; left out")
                elif (stem := packed_stem(entry.name)) is not None and entry.is_file():
                    inner += self._unpacked(place, stem)
            except OSError as error:  # a link that leads to itself
                self._warn(place, error)
        listing.meta = META in files
        self._keep_results(listing, files, packed)
        return inner

    def _unpacked(self, place: Path, stem: str) -> list[tuple[Path, str]]:
        try:
            return [(unpacked(place), stem)]
        except BrokenArchive as error:
            self.warnings.append(f"{shown(str(place))} cannot be unpacked ({error}); left out")
            return []

    def _keep_results(self, listing: FolderListing, files: list[str], packed: list[str]) -> None:
        plain = {
            name.removesuffix(".json")
            for name in files
            if name != META and self._is_result(listing, name)
        }
        zipped = set()
        for name in packed:
            stem = name.removesuffix(".json.gz")
            if stem in plain:
                self.warnings.append(
                    f"{shown(str(listing.path / name))} stands beside {stem}.json; left out"
                )
            elif self._is_result(listing, name):
                zipped.add(stem)
        listing.files = frozenset(plain | zipped)
        listing.packed = frozenset(zipped)

    def _is_result(self, listing: FolderListing, name: str) -> bool:
        """By its name, where mteb has a task of it or the folder is ours; else by what it holds."""
        if listing.own or name.partition(".json")[0] in _task_names():
            return True
        place = listing.path / name
        if place.stat().st_size <= _LARGEST and is_result(place):
            return True
        self.others.append(place)
        return False

    def _warn(self, path: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        self.warnings.append(f"{shown(str(path))} cannot be read ({reason}); left out")


def count_results(folder: Path) -> int:
    """How many results a folder holds, or 1 for one itself: by names alone, none is opened."""
    if folder.is_file():
        return int(_is_called_result(folder.name, own=False))
    count = 0
    for place, folders, files in os.walk(folder):
        own = SIDE in folders
        deep = len(Path(place).relative_to(folder).parts) >= _DEEPEST_COUNTED
        folders[:] = [] if deep else [name for name in folders if not name.startswith(".")]
        count += sum(_is_called_result(name, own=own) for name in files)
    return count


def _is_called_result(name: str, *, own: bool) -> bool:
    """Whether a file is called as a task of mteb is, or in a folder of ours as any task may be."""
    known = name.partition(".json")[0] in _task_names() or (own and name != META)
    return known and name.endswith((".json", ".json.gz"))


@cache
def _task_names() -> frozenset[str]:
    return frozenset(catalogue()["tasks"]).union(catalogue()["other"], RENAMED)
