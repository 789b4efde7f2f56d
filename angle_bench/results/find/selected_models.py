"""Which folders are one model, and which models become one row."""

from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.identity import is_commit


@dataclass(frozen=True)
class SelectedModel:
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
class SelectedResults:
    """What becomes one row.

    Attributes:
        label: What was typed before `=`.
        models: One, or under a label several: the runs of one recipe.
    """

    label: str | None
    models: tuple[SelectedModel, ...]


def models_of(folders: Sequence[ResultFolder]) -> list[SelectedModel]:
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
    return [SelectedModel(tuple(group)) for group in groups.values()]


def every_model(models: Sequence[SelectedModel]) -> list[SelectedResults]:
    """Every model as a row of its own."""
    return [SelectedResults(None, (model,)) for model in models]
