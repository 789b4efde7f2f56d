"""Which of the models on disk a table is about."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from angle_bench.errors import UsageError, did_you_mean, or_list
from angle_bench.results.collect import ResultFolder
from angle_bench.results.identity import is_commit

_WILD = set("*?[")


@dataclass(frozen=True)
class Model:
    """A model with the folders that its results may lie in.

    The revisions of a published model are one model; a revision that angle-bench measured is one of
    its own, and so is every set of settings.
    """

    folders: tuple[ResultFolder, ...]

    @property
    def settings(self) -> str | None:
        """The folder of its settings, where they are not its own."""
        return self.folders[0].settings

    @property
    def names(self) -> list[str]:
        """What it can be called: its labels, short name and full name."""
        labels = [folder.label for folder in self.folders if folder.label is not None]
        first = self.folders[0]
        return list(dict.fromkeys([*labels, first.short_name, first.name]))


@dataclass(frozen=True)
class Chosen:
    """What becomes one row.

    Attributes:
        label: What was typed before `=`.
        models: One, or under a label several: the runs of one recipe.
    """

    label: str | None
    models: tuple[Model, ...]


def models_of(folders: Sequence[ResultFolder]) -> list[Model]:
    """The models that some folders are of, in the order of the folders.

    Folders of one place are one model's revisions. Folders of several places are one model's where
    all of these say the same name and have a commit: without one, two trainings under one name
    look alike. Names that the user said count as they are.
    """
    with_commit = {folder.home for folder in folders if is_commit(folder.revision)}
    groups: dict[tuple[object, ...], list[ResultFolder]] = {}
    for folder in folders:
        known = folder.stated and folder.home in with_commit
        home = None if folder.own or folder.typed or known else folder.home
        joins = not folder.own and folder.settings is None
        revision = None if joins else folder.revision
        key = (folder.own, folder.name, home, revision, folder.settings)
        groups.setdefault(key, []).append(folder)
    return [Model(tuple(group)) for group in groups.values()]


def choose(models: Sequence[Model], typed: Sequence[str]) -> list[Chosen]:
    """The models that `-m` means, each once.

    Args:
        models: Those on disk.
        typed: `[LABEL=]NAME-OR-GLOB[@REVISION]`, several by commas; nothing means all. Names go by
            label, full or short name, whatever their case. A label for several models, by a glob
            or typed again before each, means that they are runs of one recipe.

    Raises:
        UsageError: A name fits no model; the nearest ones are named.
    """
    words = [word.strip() for text in typed for word in text.split(",") if word.strip()]
    if not words:
        return [Chosen(None, (model,)) for model in models]
    chosen: list[Chosen] = []
    taken: set[Model] = set()
    for word in words:
        label, found = _meant(word, models)
        if not found:
            raise _unknown(word, models)
        new = tuple(model for model in found if model not in taken)
        taken.update(new)
        if label is not None:
            before = next((each for each in chosen if each.label == label), None)
            new = (*(before.models if before else ()), *new)
            chosen = [each for each in chosen if each is not before]
            chosen += [Chosen(label, new)] if new else []
        else:
            chosen += [Chosen(None, (model,)) for model in new]
    return chosen


def _meant(word: str, models: Sequence[Model]) -> tuple[str | None, list[Model]]:
    whole = _called(word, models)
    if whole or "=" not in word:  # a folder may be called lr=1e-5
        before = word if len(whole) == 1 and not _fits(whole[0], word) else None
        return before, whole or _of_revision(word, models)
    label, _, name = word.partition("=")
    found = _called(name, models) or _of_revision(name, models)
    # the layers and sizes of a run are no further runs of its recipe
    return label, [model for model in found if model.settings is None] or found


def _called(pattern: str, models: Sequence[Model]) -> list[Model]:
    """The models of a pattern; those of a name under their own settings, others by their label."""
    found = [model for model in models if _fits(model, pattern)]
    labelled = [model for model in models if pattern.casefold() in _labels(model)]
    if not _WILD & set(pattern):
        found = [m for m in found if m.settings is None or m in labelled] or found
    return found or labelled


def _labels(model: Model) -> list[str]:
    """Whatever it was called when it was run."""
    return [label.casefold() for folder in model.folders for label in folder.labels]


def _fits(model: Model, pattern: str) -> bool:
    wanted = pattern.casefold()
    names = [name.casefold() for name in model.names]
    if _WILD & set(pattern):
        return any(fnmatchcase(name, wanted) for name in names)
    return wanted in names


def _of_revision(word: str, models: Sequence[Model]) -> list[Model]:
    """The models of `NAME@REVISION`, with the folders of that revision alone."""
    name, at, revision = word.rpartition("@")
    if not at or not revision:
        return []
    kept = []
    for model in models:
        folders = tuple(f for f in model.folders if _is_revision(f.revision, revision))
        if folders and _fits(model, name):
            kept.append(Model(folders))
    return kept


def _is_revision(folder: str, typed: str) -> bool:
    return folder.removeprefix("sha256-").startswith(typed.removeprefix("sha256-"))


def _unknown(word: str, models: Sequence[Model]) -> UsageError:
    names = list(dict.fromkeys(name for model in models for name in model.names))
    name = word.partition("=")[2] or word
    if near := did_you_mean(name, names):
        return UsageError(
            f"no model here fits {name}. Did you mean {or_list(near)}?",
            f"-m {shlex.quote(near[0])}",
        )
    some = ", ".join(sorted(names)[:5]) or "none"
    return UsageError(
        f"no model here fits {name}; there are {some}.",
        f"-m {shlex.quote(names[0])}" if names else "angle-bench run",
    )
