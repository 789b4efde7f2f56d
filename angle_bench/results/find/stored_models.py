"""The models that a results folder has scores of, and what their run records say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.results.find.answers import StoredScore, incomplete_line, merge_revisions
from angle_bench.results.find.collect import ResultFolder, collect
from angle_bench.results.find.selected_models import SelectedModel, models_of
from angle_bench.results.layout import SIDE
from angle_bench.results.run_record import read_run_record
from angle_bench.suites.task import Task

PLACES = ("--mirror", "--base")  # options that say where things are


@dataclass(frozen=True)
class StoredModel:
    """One model with scores.

    Attributes:
        folders: Where its results are; of a published model several revisions' folders.
        record: The model part of a run record; empty for results of other tools.
        command: What was typed for it, by the same record.
    """

    folders: tuple[ResultFolder, ...]
    record: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: SelectedModel) -> "StoredModel":
        """A model on disk with its record."""
        record = _record(model.folders[0])
        command = tuple(map(str, record.get("command") or ()))
        return cls(model.folders, record.get("model") or {}, command)

    @property
    def name(self) -> str:
        """The full name."""
        return str(self.record.get("name") or self.folders[0].name)

    @property
    def revision(self) -> str:
        """The revision; of a published model's several, the first folder's."""
        return self.folders[0].revision

    @property
    def settings_id(self) -> str | None:
        """Eight hex digits where settings differ from the model's own, else None."""
        settings = self.folders[0].settings
        return None if settings is None else settings.removeprefix("settings_")

    @property
    def label(self) -> str:
        """What it was last called, with layer and size where they were cut, and precision."""
        return self.labels[-1]

    @property
    def labels(self) -> tuple[str, ...]:
        """Everything that it was called when it was run, the last label last."""
        label = self.record.get("label") or self.name.rpartition("/")[2]
        known = self.folders[0].labels
        recorded = f"{label}{self._cuts}"
        return known if recorded in known else (recorded, *known)

    @property
    def endpoint(self) -> Mapping[str, Any]:
        """Which server computed it, as its record says; empty where none did."""
        return self.record.get("endpoint") or {}

    @property
    def served_as(self) -> str | None:
        """What stands after -m for the server that computed it; None where none did."""
        known = self.endpoint
        return f"openai:{known['model']}@{known['url']}" if known else None

    @property
    def _used(self) -> Mapping[str, Any]:
        """What was asked of it: settings, or of a server prompts and size."""
        known = self.endpoint
        asked = {"size": known["dimensions"], "prompts": known["prompts"]} if known else {}
        return self.record.get("settings") or asked

    @property
    def _cuts(self) -> str:
        settings = self._used
        cut = [f" {key} {settings[key]}" for key in ("layer", "size") if settings.get(key)]
        if precision := settings.get("precision"):  # said where it is not float32
            cut.append(f" {precision}")
        if self.first_stage:
            cut.append(f" on {self.first_stage.get('label')}")
        return "".join(cut)

    @property
    def first_stage(self) -> Mapping[str, Any]:
        """Whose documents it ranked, as recorded; empty where it searched the whole corpus."""
        said = self.record.get("first_stage")
        return said if isinstance(said, dict) else {}

    @property
    def checkpoint(self) -> Path | None:
        """The folder that its weights were read from, if it was one."""
        place = self.record.get("folder")
        return None if place is None else Path(place)

    @property
    def made_from(self) -> str | None:
        """What its checkpoint was made from, as its files name it, else the base that it used."""
        said = self.record.get("made_from") or self.record.get("base")
        return None if said is None else str(said)

    @property
    def short_revision(self) -> str:
        """Eight digits of the revision."""
        return self.revision.removeprefix("sha256-")[:8]

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What makes two models one: content says it whatever a folder is called."""
        digest = self.record.get("settings_digest")
        name = None if self.revision.startswith("sha256-") else self.name
        return name, self.revision, self.settings_id, None if digest is None else str(digest)

    def run_words(self) -> list[str]:
        """What names the model, its settings and where things are after `angle-bench run`."""
        if self.record.get("loader") == "transformers" and self.name.startswith("local/"):
            where = str(self.checkpoint)
        elif self.served_as is not None:
            where = self.served_as
        else:
            where = f"{self.name}@{self.revision}"
        label = self.label.removesuffix(self._cuts) if self.record else None
        words = ["-m", f"{label}={where}" if label else where]
        settings = self._used
        if self.settings_id is not None:
            given = {key: settings.get(key) for key in ("pooling", "max_length", "dtype")}
            given |= {"layers": settings.get("layer"), "sizes": settings.get("size")}
            given["precisions"] = settings.get("precision")
            given["prompt"] = (settings.get("prompts") or {}).get("default") or None
            given["first_stage"] = self.first_stage.get("label")
            for key, value in given.items():
                words += [] if value is None else [f"--{key.replace('_', '-')}", str(value)]
        return [*words, *_repeated(self.command), *self._root_words]

    @property
    def _root_words(self) -> list[str]:
        root, here = self.folders[0].home.parent.absolute(), Path.cwd()
        shown = root.relative_to(here) if root.is_relative_to(here) else root
        return ["-r", str(shown)] if self.record and shown != Path("results") else []

    def answers(self, tasks: Sequence[Task], warnings: list[str]) -> Mapping[str, StoredScore]:
        """The stored score of each task that has one, by its name.

        Args:
            tasks: What is asked.
            warnings: Takes a line for each file that is left out.
        """
        found = merge_revisions(self.folders, tasks, warnings)
        if found.incomplete:
            warnings.append(incomplete_line(found.incomplete))
        return found.answers


def stored_models(
    root: Path, warnings: list[str] | None = None, names: Sequence[str] = ()
) -> list[StoredModel]:
    """Every model with scores under a results folder; none where there is no folder.

    Args:
        root: The folder.
        warnings: Takes a line for whatever is left out.
        names: `[FOLDER=]NAME` of results that say no model.
    """
    if not root.exists():
        return []
    found = collect([root], names)
    if warnings is not None:
        warnings += found.warnings
    return [StoredModel.of(model) for model in models_of(found.folders)]


def _record(folder: ResultFolder) -> dict[str, Any]:
    """The first run record that names a model; empty where there is none."""
    for task in sorted(folder.files) if folder.own else ():
        # what is odd in one is said where its score is read
        record = read_run_record(folder.path / SIDE / f"{task}.json", [])
        if record.get("model", {}).get("name"):
            return dict(record)
    return {}


def _repeated(command: Sequence[str]) -> list[str]:
    """What a command said of places, which a repetition needs as well."""
    words: list[str] = []
    for at, word in enumerate(command):
        option, given, value = word.partition("=")
        if option in PLACES:
            value = value if given else "".join(command[at + 1 : at + 2])
            words += [option, value] if value else []
    return words
