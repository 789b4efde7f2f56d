"""Folders of result files under the paths that a user names, whatever their layout.

Three layouts, alone or mixed: `<org>__<model>/<revision>/[experiments/<settings>/]<Task>.json` as
angle-bench and mteb write it, the same below a folder `results` as in a clone of mteb's results
repository, and `<model>/<Task>.json` as mteb wrote it before it knew revisions.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from angle_bench.errors import UsageError, did_you_mean
from angle_bench.results.layout import SIDE, results_root
from angle_bench.results.stored import read_object
from angle_bench.results.suites import refuse_as_model

EXPERIMENTS = "experiments"
NO_REVISION = "no_revision_available"


@dataclass(frozen=True)
class ResultFolder:
    """A folder of result files: one model, revision and settings.

    Attributes:
        name: The model's name, with its organisation where the folder has one.
        revision: The name of the revision's folder; `no_revision_available` in the old layout.
        settings: The name of the folder below `experiments`, if it is in one.
        path: The folder.
        files: The names of its JSON files, without `.json`.
        own: Whether angle-bench wrote it, so that it has run records.
        labels: What the model was called when it was run, as far as is known, the last one last.
    """

    name: str
    revision: str
    settings: str | None
    path: Path
    files: frozenset[str]
    own: bool
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str | None:
        """What it was last called, if that is known."""
        return self.labels[-1] if self.labels else None

    @property
    def short_name(self) -> str:
        """The name without its organisation."""
        return self.name.rpartition("/")[2]

    def file(self, task: str) -> Path:
        """The result file of a task."""
        return self.path / f"{task}.json"


@dataclass
class Collected:
    """What lies under the paths.

    Attributes:
        folders: Those with JSON files in them, in the order of the paths and then by name.
        warnings: What could not be looked at, a line each.
    """

    folders: list[ResultFolder] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def collect(paths: Sequence[Path]) -> Collected:
    """Find the result folders under some paths; no result file is opened.

    Every folder is looked at once, so that links that lead back end nowhere.

    Args:
        paths: Results folders, their parents, folders of one model, or folders of one revision.

    Raises:
        UsageError: A path is no folder.
    """
    walk = _Walk(Collected())
    for path in paths:
        top = _top(path)
        labels = _labels(top)
        for folder in walk.under(top):
            called = labels.get(_key(folder.path), ())
            walk.found.folders.append(replace(folder, labels=called))
    return walk.found


def _top(typed: Path) -> Path:
    if not typed.expanduser().exists():
        refuse_as_model(str(typed))
        near = did_you_mean(typed.name, _names_beside(typed))
        hint = f" Did you mean {typed.parent / near[0]}?" if near else ""
        raise UsageError(
            f"there is no folder {typed}.{hint}",
            "angle-bench leaderboard RESULTS, or first angle-bench run",
        )
    return results_root(typed, write=False)


def _names_beside(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []


@dataclass
class _Listing:
    """What a folder holds."""

    files: frozenset[str]
    folders: list[Path]
    own: bool


class _Walk:
    """A look at folders, each once."""

    def __init__(self, found: Collected) -> None:
        self.found = found
        self._seen: dict[tuple[int, int], Path] = {}

    def under(self, top: Path) -> Iterator[ResultFolder]:
        listing = self._list(top)
        if listing is None:
            return
        absolute = top.absolute()
        holds_models = any("__" in path.name for path in listing.folders)
        alone = bool(listing.files) and not listing.folders
        if "__" in absolute.parent.name and listing.files:  # a revision's folder was typed
            yield from self._revision(_name(absolute.parent.name), absolute.name, top, listing)
        elif not holds_models and ("__" in absolute.name or alone):
            yield from self._model(_name(absolute.name), top, listing)
        else:
            for path in listing.folders:
                if (inner := self._list(path)) is not None:
                    yield from self._model(_name(path.name), path, inner)

    def _model(self, name: str, path: Path, listing: _Listing) -> Iterator[ResultFolder]:
        if listing.files:
            yield ResultFolder(name, NO_REVISION, None, path, listing.files, listing.own)
        for below in listing.folders:
            if (inner := self._list(below)) is not None:
                yield from self._revision(name, below.name, below, inner)

    def _revision(
        self, name: str, revision: str, path: Path, listing: _Listing
    ) -> Iterator[ResultFolder]:
        if listing.files:
            yield ResultFolder(name, revision, None, path, listing.files, listing.own)
        experiments = path / EXPERIMENTS
        if experiments not in listing.folders or (inner := self._list(experiments)) is None:
            return
        for below in inner.folders:
            found = self._list(below)
            if found is not None and found.files:
                yield ResultFolder(name, revision, below.name, below, found.files, found.own)

    def _list(self, path: Path) -> _Listing | None:
        """What a folder holds; None, with a warning, where it cannot be read or was read before."""
        try:
            status = path.stat()
            before = self._seen.setdefault((status.st_dev, status.st_ino), path)
            if before is not path:
                if path.is_symlink():
                    self.found.warnings.append(f"{path} leads back to {before}; left out")
                return None
            with os.scandir(path) as entries:
                return self._listing(path, sorted(entries, key=lambda entry: entry.name))
        except OSError as error:
            self._warn(path, error)
            return None

    def _listing(self, path: Path, entries: Iterable["os.DirEntry[str]"]) -> _Listing:
        listing = _Listing(frozenset(), [], False)
        files = []
        for entry in entries:
            try:
                if entry.is_dir():
                    listing.own |= entry.name == SIDE
                    if not entry.name.startswith(".") or "__" in entry.name:
                        listing.folders.append(path / entry.name)
                elif entry.name.endswith(".json") and entry.name != "model_meta.json":
                    if entry.is_file():
                        files.append(entry.name.removesuffix(".json"))
                    elif entry.is_symlink():
                        self.found.warnings.append(f"{path / entry.name} leads nowhere; left out")
            except OSError as error:  # a link that leads to itself
                self._warn(path / entry.name, error)
        listing.files = frozenset(files)
        return listing

    def _warn(self, path: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        self.found.warnings.append(f"{path} cannot be read ({reason}); left out")


def _name(folder: str) -> str:
    """`org/model` for the folder `org__model`."""
    return folder.replace("__", "/", 1)


def _labels(root: Path) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """What models were called when they were run, by the end of their folder's path.

    Read off the records of commands: each label once, the one that was used last at the end.
    """
    labels: dict[tuple[str, ...], dict[str, None]] = {}
    for place in sorted((root / ".runs").glob("*.json")):
        outcome = read_object(place).get("outcome")
        for label, said in outcome.items() if isinstance(outcome, dict) else ():
            if isinstance(said, dict) and isinstance(said.get("folder"), str):
                known = labels.setdefault(_key(Path(said["folder"])), {})
                known.pop(label, None)
                known[label] = None
    return {key: tuple(known) for key, known in labels.items()}


def _key(path: Path) -> tuple[str, ...]:
    depth = 4 if path.parent.name == EXPERIMENTS else 2
    return path.absolute().parts[-depth:]
