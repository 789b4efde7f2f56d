"""Folders of result files under the paths that a user names, whatever their layout.

`<org>__<model>/<revision>/[experiments/<settings>/]<Task>.json` as angle-bench and mteb write it,
the same below other folders, as in a clone of mteb's results repository, `<model>/<Task>.json` and
`<org>/<model>/<Task>.json` of mteb before it knew revisions, packed files of these, a mix of all.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from angle_bench.errors import UsageError, did_you_mean, some
from angle_bench.results.find.archives import BrokenArchive, packed_stem, unpacked
from angle_bench.results.find.identity import EXPERIMENTS, RESULTS, identity
from angle_bench.results.find.walk import META, FolderListing, Walk, count_results
from angle_bench.results.layout import results_root
from angle_bench.results.result_file import read_object
from angle_bench.suites.select import refuse_as_model


@dataclass(frozen=True)
class ResultFolder:
    """A folder of result files: one model, revision and settings.

    Attributes:
        name: The model's name, with its organisation where that is known.
        revision: The name of the revision's folder; `no_revision_available` where there is none.
        settings: The name of the folder below `experiments`, if it is in one.
        path: The folder.
        files: The names of its result files, without `.json`.
        own: Whether angle-bench wrote it, so that it has run records.
        labels: What the model was called when it was run, as far as is known, the last one last.
        packed: Those of its files that end in `.json.gz`.
        place: The folder of the model, in which its revisions are.
        stated: Whether the files, or a folder's name as mteb writes it, say the model's name.
        typed: Whether the user said the model's name.
    """

    name: str
    revision: str
    settings: str | None
    path: Path
    files: frozenset[str]
    own: bool
    labels: tuple[str, ...] = ()
    packed: frozenset[str] = frozenset()
    place: Path | None = None
    stated: bool = True
    typed: bool = False

    @property
    def label(self) -> str | None:
        """What it was last called, if that is known."""
        return self.labels[-1] if self.labels else None

    @property
    def short_name(self) -> str:
        """The name without its organisation."""
        return self.name.rpartition("/")[2]

    @property
    def home(self) -> Path:
        """The folder of the model."""
        return self.place or self.path.parent

    def file(self, task: str) -> Path:
        """The result file of a task."""
        return self.path / (f"{task}.json.gz" if task in self.packed else f"{task}.json")


@dataclass
class Collected:
    """What lies under the paths.

    Attributes:
        folders: Those with result files, in the order of the paths and then by name.
        warnings: What was left out, a line each.
        nameless: Folders of results that say no model.
    """

    folders: list[ResultFolder] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    nameless: list[Path] = field(default_factory=list)


def collect(paths: Sequence[Path], names: Sequence[str] = ()) -> Collected:
    """Find the result folders under some paths; no result file of a known task is opened.

    Args:
        paths: Results folders, their parents, folders of one model, or folders of one revision;
            packed files of these.
        names: `[FOLDER=]NAME`: the model that the results in a folder are of, or those that say
            none.

    Raises:
        UsageError: A path is no folder, or a name is of no results.
    """
    found, walk = Collected(), Walk()
    typed = _Typed.parse(names)
    for path in paths:
        top, shown = _top(path)
        found.warnings += _left_beside(path, top, paths)
        labels = _labels(top)
        listings = list(walk.under(top))
        holds_models = any(each.parts for each in listings)
        for listing in listings:
            folder = _folder(shown, listing, typed, holds_models)
            if folder is None:
                found.nameless.append(listing.path)
                found.warnings.append(_nameless(listing))
            else:
                called = labels.get(_key(folder.path), ())
                found.folders.append(replace(folder, labels=called))
    typed.refuse_unused()
    found.warnings += walk.warnings
    if walk.others:
        kind = "file is" if len(walk.others) == 1 else "files are"
        others = some([str(place) for place in walk.others])
        found.warnings.append(f"{len(walk.others)} JSON {kind} no result: {others}")
    return found


def _top(typed: Path) -> tuple[Path, Path]:
    """The folder that a path means, and the path that says what it is of."""
    path = Path(os.path.expanduser(typed))
    if not path.exists():
        refuse_as_model(str(typed))
        near = did_you_mean(typed.name, _names_beside(path))
        hint = f" Did you mean {typed.parent / near[0]}?" if near else ""
        raise UsageError(
            f"there is no folder {typed}.{hint}",
            "angle-bench leaderboard RESULTS, or first angle-bench run",
        )
    if (stem := packed_stem(path.name)) is not None and path.is_file():
        try:
            return unpacked(path), path.absolute().with_name(stem)
        except BrokenArchive as error:
            raise UsageError(f"{path} cannot be unpacked ({error}).", "-r FOLDER") from error
    root = results_root(typed, write=False)
    return root, root.absolute()


def _left_beside(typed: Path, top: Path, paths: Sequence[Path]) -> list[str]:
    """A line for results beside the folder `results` of a path, which alone is read of it."""
    parent = Path(os.path.expanduser(typed))
    if top != parent / RESULTS:
        return []
    read = {top, *(Path(os.path.expanduser(path)).resolve() for path in paths)}
    beside = [place for place in sorted(parent.iterdir()) if not place.name.startswith(".")]
    counts = {
        place: count_results(place) for place in beside if not {place, place.resolve()} & read
    }
    found = {place: count for place, count in counts.items() if count}
    if not found:
        return []
    results = "1 result" if sum(found.values()) == 1 else f"{sum(found.values())} results"
    return [
        f"{results} beside {top} left out: {some([str(place) for place in found])}; "
        f"a path of its own, such as {next(iter(found))}, reads them"
    ]


def _names_beside(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []


def _folder(
    top: Path, listing: FolderListing, typed: "_Typed", holds_models: bool
) -> ResultFolder | None:
    """A folder with its model; None where nothing says that."""
    meta = read_object(listing.path / META) if listing.meta else {}
    found = identity(top, listing.parts, meta, own=listing.own)
    # what lies beside the folders of models is of none of them
    beside = not listing.parts and holds_models and not found.stated and found.place == top
    said = typed.name_of(listing.path)
    if said is None and (beside or found.name is None):
        said = typed.take_rest(listing.path)
    name = said or (None if beside else found.name)
    if name is None:
        return None
    return ResultFolder(
        name,
        found.revision,
        found.settings,
        listing.path,
        listing.files,
        listing.own,
        packed=listing.packed,
        place=found.place,
        stated=found.stated,
        typed=said is not None,
    )


def _nameless(listing: FolderListing) -> str:
    count = len(listing.files)
    files = "1 result" if count == 1 else f"{count} results"
    said = some([f"{name}.json" for name in sorted(listing.files)])
    return (
        f"{files} in {listing.path} say no model, and so does the path: {said}; left out. "
        f"--model-name {listing.path}=NAME says it"
    )


@dataclass
class _Typed:
    """The names of models that the user said, by folder."""

    by_folder: dict[Path, str]
    rest: str | None
    used: set[Path | None] = field(default_factory=set)
    of_rest: Path | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> "_Typed":
        by_folder: dict[Path, str] = {}
        rest = None
        for word in words:
            folder, equals, name = word.rpartition("=")
            if equals and folder and name:
                by_folder[Path(os.path.expanduser(folder)).resolve()] = name
            elif rest is None and word and not equals:
                rest = word
            else:
                raise UsageError(
                    f"--model-name {word} names no folder.", "--model-name FOLDER=NAME"
                )
        return cls(by_folder, rest)

    def name_of(self, path: Path) -> str | None:
        """What was said of a folder, or of one around it, the nearest first."""
        place = path.resolve() if self.by_folder else path
        for around in (place, *place.parents) if self.by_folder else ():
            if around in self.by_folder:
                self.used.add(around)
                return self.by_folder[around]
        return None

    def take_rest(self, path: Path) -> str | None:
        """The name that was said without a folder; of one folder alone."""
        if self.rest is None:
            return None
        if self.of_rest is not None:
            raise UsageError(
                f"--model-name {self.rest} may be of {self.of_rest} or of {path}.",
                f"--model-name {self.of_rest}={self.rest}",
            )
        self.of_rest = path
        return self.rest

    def refuse_unused(self) -> None:
        """A name that is of no results would be a name not understood."""
        for folder in self.by_folder.keys() - self.used:
            raise UsageError(
                f"--model-name {folder}={self.by_folder[folder]} is of a folder without results "
                "under the paths that were typed.",
                "--model-name FOLDER=NAME with such a folder",
            )
        if self.rest is not None and self.of_rest is None:
            raise UsageError(
                f"--model-name {self.rest} says no folder, and all results say their model.",
                f"--model-name FOLDER={self.rest}",
            )


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
