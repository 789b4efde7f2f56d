"""The models that a results folder has scores of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.results.folder import read_record
from angle_bench.results.layout import SIDE, ModelFolder


@dataclass(frozen=True)
class StoredModel:
    """One model folder and what its run records say of the model.

    Attributes:
        folder: Where its results are.
        record: The model part of a run record; empty for results of other tools.
        joined: Other folders of the same published model, which fill its gaps.
    """

    folder: ModelFolder
    record: Mapping[str, Any] = field(default_factory=dict)
    joined: tuple[ModelFolder, ...] = ()

    @property
    def label(self) -> str:
        """What it was called when it was scored, with layer and size where they were cut."""
        label = self.record.get("label") or self.folder.name.rpartition("/")[2]
        settings = self.record.get("settings") or {}
        cuts = [f"{key} {settings[key]}" for key in ("layer", "size") if settings.get(key)]
        return " ".join([str(label), *cuts])

    @property
    def checkpoint(self) -> Path | None:
        """The folder that its weights were read from, if it was one."""
        place = self.record.get("folder")
        return None if place is None else Path(place)

    @property
    def short_revision(self) -> str:
        """Eight digits of the revision."""
        return self.folder.revision.removeprefix("sha256-")[:8]

    def run_words(self) -> list[str]:
        """What names the model and its settings after `angle-bench run`."""
        if self.record.get("loader") == "transformers" and self.folder.name.startswith("local/"):
            where = str(self.checkpoint)
        else:
            where = f"{self.folder.name}@{self.folder.revision}"
        label = self.record.get("label")
        words = ["-m", f"{label}={where}" if label else where]
        settings = self.record.get("settings") or {}
        if self.folder.settings_id is not None:
            given = {key: settings.get(key) for key in ("pooling", "max_length", "dtype")}
            given |= {"layers": settings.get("layer"), "sizes": settings.get("size")}
            given["prompt"] = (settings.get("prompts") or {}).get("default") or None
            for key, value in given.items():
                words += [] if value is None else [f"--{key.replace('_', '-')}", str(value)]
        return words

    def holding(self, task: str) -> ModelFolder:
        """The folder that has a task's result; its own where none has."""
        places = [self.folder, *self.joined]
        return next((at for at in places if at.result(task).is_file()), self.folder)

    def tasks(self) -> list[str]:
        """The names of the tasks with results, sorted."""
        places = [place for at in (self.folder, *self.joined) for place in at.path.glob("*.json")]
        return sorted({place.stem for place in places if place != place.with_stem("model_meta")})


def stored_models(root: Path) -> list[StoredModel]:
    """Every model folder under a results folder that holds results.

    Revisions of one published model without records of ours are one model: a commit and what mteb
    calls external (CONTRACTS "Results on disk").
    """
    own: list[StoredModel] = []
    others: dict[str, list[ModelFolder]] = {}
    for revision in sorted(root.glob("*__*/*")):
        if not revision.is_dir():
            continue
        for folder in _folders(root, revision):
            if record := _model_record(folder):
                own.append(StoredModel(folder, record))
            elif folder.settings_id is None and any(revision.glob("*.json")):
                others.setdefault(folder.name, []).append(folder)
    return own + [_joined(folders) for folders in others.values()]


def _joined(folders: list[ModelFolder]) -> StoredModel:
    first, *rest = sorted(folders, key=lambda at: at.revision == "external")
    return StoredModel(first, joined=tuple(rest))


def _folders(root: Path, revision: Path) -> list[ModelFolder]:
    name = _name(revision)
    variants = sorted(revision.glob("experiments/settings_*"))
    ids = [None, *(place.name.removeprefix("settings_") for place in variants)]
    return [ModelFolder(root, name, revision.name, settings_id) for settings_id in ids]


def _name(revision: Path) -> str:
    """The model's name, as its description has it, else as the folder is called."""
    try:
        meta = json.loads((revision / "model_meta.json").read_text(encoding="utf-8"))
        return str(meta["name"])
    except (OSError, ValueError, KeyError, TypeError):  # the folder's name says nearly as much
        return revision.parent.name.replace("__", "/", 1)


def _model_record(folder: ModelFolder) -> dict[str, Any]:
    """The model part of the first run record that has one."""
    for place in sorted((folder.path / SIDE).glob("*.json")):
        if not place.name.endswith(".error.json"):
            model = read_record(folder, place.stem).get("model")
            if isinstance(model, dict) and "name" in model:
                return model
    return {}
