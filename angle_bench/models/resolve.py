"""From what a person types after -m to a ModelSpec, without torch and without mteb."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from angle_bench.errors import ModelError, UsageError, did_you_mean, or_list
from angle_bench.models import hub
from angle_bench.models.content import content_hash
from angle_bench.models.folder import looks_like_checkpoint, read_folder
from angle_bench.models.known import known_names, mteb_models
from angle_bench.models.prompts import PromptPolicy, typed_template
from angle_bench.models.registry import Entry, find
from angle_bench.models.spec import POOLING_ALIASES, ModelSpec, Settings

_LABEL = re.compile(r"([^/\\=@]+)=(.+)", re.DOTALL)
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def _expand(name: str) -> Path:
    return Path(os.path.expanduser(name))  # leaves a home that does not exist as it is


def _exists(name: str) -> bool:
    return _expand(name).exists()


@dataclass(frozen=True)
class ModelRef:
    """`[LABEL=]NAME-OR-PATH[@REVISION]`, taken apart."""

    name: str
    label: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Take a reference apart; a folder whose own name holds `=` or `@` stays whole."""
        label = None
        if not _exists(text) and (labelled := _LABEL.fullmatch(text)):
            label, text = labelled[1].strip(), labelled[2]
        name, at, revision = text.rpartition("@")
        if _exists(text) or not at or not name:
            return cls(text, label)
        return cls(name, label, revision)


@dataclass(frozen=True)
class Overrides:
    """Settings typed for one run; None leaves the checkpoint's own."""

    pooling: str | None = None
    max_length: int | None = None
    dtype: str | None = None
    attention: str | None = None
    compile: bool | None = None
    bidirectional_start: int | None = None
    prompt: str | None = None

    def given(self) -> dict[str, Any]:
        """Only what was typed."""
        return {key: value for key, value in vars(self).items() if value is not None}

    def apply(self, settings: Settings) -> Settings:
        """The settings with these changes.

        Raises:
            UsageError: A value is not one of the allowed ones.
        """
        changes = self.given()
        if "prompt" in changes:
            changes["prompts"] = _one_prompt(changes.pop("prompt"))
        if "pooling" in changes:
            changes["pooling"] = POOLING_ALIASES.get(changes["pooling"], changes["pooling"])
        try:
            return settings.with_changes(**changes)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).replace("_", "-")
            raise UsageError(
                f"--{name} {first['input']} is not possible: {first['msg'].lower()}.",
                f"--{name} with one of the values in angle-bench run --help",
            ) from error


def _one_prompt(typed: str) -> PromptPolicy:
    """One template around every text, whatever its task and role."""
    try:
        return PromptPolicy(default=typed_template(typed))
    except ValueError as error:
        raise UsageError(
            f"--prompt {typed!r} cannot be used: {error}.",
            "--prompt A, B, C, none or a template such as 'query: {text}'",
        ) from error


def resolve(text: str, overrides: Overrides | None = None) -> ModelSpec:
    """The checkpoint that a reference means.

    A path, then the registry, then the names that mteb knows, then the hub.

    Raises:
        UsageError: Nothing of that name is known; the nearest names are given.
        ModelError: It is known, but cannot be read.
    """
    return _resolve(ModelRef.parse(text), overrides or Overrides())


def _resolve(ref: ModelRef, overrides: Overrides) -> ModelSpec:
    if _is_path(ref.name):
        return _from_folder(ref, overrides)
    if (entry := find(ref.name)) is not None:
        return _from_registry(ref, entry, overrides)
    if (known := _mteb_name(ref.name)) is not None:
        return _from_mteb(ref, known, overrides)
    if _HUB_ID.fullmatch(ref.name):
        return _from_hub(ref, overrides)
    raise _unknown(ref.name)


def resolve_all(texts: list[str], overrides: Overrides | None = None) -> list[ModelSpec]:
    """Several checkpoints, each once and under a label of its own.

    Folders of one name are shown with their parent's, unless they were given labels.

    Raises:
        UsageError: One label for two checkpoints.
    """
    found: list[tuple[ModelRef, ModelSpec]] = []
    for ref in map(ModelRef.parse, texts):
        spec = _resolve(ref, overrides or Overrides())
        if all(spec.model_copy(update={"label": other.label}) != other for _, other in found):
            found.append((ref, spec))
    times = Counter(spec.label for _, spec in found)
    specs = [
        _with_parent(spec) if times[spec.label] > 1 and ref.label is None else spec
        for ref, spec in found
    ]
    for label, count in Counter(spec.label for spec in specs).items():
        if count > 1:
            raise UsageError(
                f"{count} models would be shown as {label}.",
                "-m first=PATH -m second=PATH, with a label before each",
            )
    return specs


def _with_parent(spec: ModelSpec) -> ModelSpec:
    if spec.folder is None or not spec.name.startswith("local/"):
        return spec
    label = f"{spec.folder.parent.name}/{spec.folder.name}"
    return spec.model_copy(update={"label": label})


def _is_path(name: str) -> bool:
    if name.startswith((".", "/", "~")) or name.endswith("/"):
        return True
    return Path(name).is_dir() and find(name) is None


def _from_folder(ref: ModelRef, overrides: Overrides) -> ModelSpec:
    folder = _expand(ref.name)
    if folder.is_file():
        raise UsageError(f"{ref.name} is a file, not a checkpoint folder.", f"-m {folder.parent}")
    if not folder.is_dir():
        near = did_you_mean(folder.name, _neighbours(folder))
        hint = f" Did you mean {or_list([str(folder.parent / n) for n in near])}?" if near else ""
        raise UsageError(
            f"there is no folder {ref.name}.{hint}", "-m PATH of a checkpoint folder, or a name"
        )
    if ref.revision is not None:
        raise UsageError(
            f"{ref.name} is a folder: its content is its revision, @{ref.revision} means nothing.",
            f"-m {ref.name}",
        )
    folder = folder.resolve()
    facts = read_folder(folder)
    settings = overrides.apply(facts.settings)
    return ModelSpec(
        name=f"local/{folder.name}",
        label=ref.label or folder.name,
        revision=f"sha256-{content_hash(folder)[:16]}",
        folder=folder,
        settings=settings,
        defaults=facts.settings,
        shape=facts.shape,
        note=None if overrides.pooling else facts.note,
    )


def _neighbours(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.parent.iterdir() if entry.is_dir()]
    except OSError:  # no such parent either: nothing to suggest
        return []


def _from_registry(ref: ModelRef, entry: Entry, overrides: Overrides) -> ModelSpec:
    folder = entry.package.locate() if entry.package and ref.revision is None else None
    if folder is not None:
        content = content_hash(folder)
        revision = entry.contents.get(content, f"sha256-{content[:16]}")
    else:
        revision = hub.commit_of(entry.name, ref.revision or entry.revision)
    defaults = entry.settings()
    return ModelSpec(
        name=entry.name,
        label=ref.label or entry.short_name,
        revision=revision,
        folder=folder,
        settings=overrides.apply(defaults),
        defaults=defaults,
        shape=entry.shape,
        note=_shadowed(ref.name),
    )


def _shadowed(name: str) -> str | None:
    if not looks_like_checkpoint(Path(name)):
        return None
    return f"a folder {name} is here too; -m ./{name} is that one"


def _mteb_name(name: str) -> str | None:
    wanted = name.casefold()
    return next((known for known in mteb_models() if known.casefold() == wanted), None)


def _from_mteb(ref: ModelRef, name: str, overrides: Overrides) -> ModelSpec:
    if overrides.given():
        options = or_list([f"--{key.replace('_', '-')}" for key in overrides.given()])
        raise UsageError(
            f"{name} is loaded by mteb with its own settings; {options} cannot change them.",
            f"angle-bench run -m {name} without {options}",
        )
    revision = ref.revision or mteb_models()[name] or "no_revision_available"
    return ModelSpec(
        name=name,
        label=ref.label or name.rpartition("/")[2],
        revision=revision,
        loader="mteb",
    )


def _from_hub(ref: ModelRef, overrides: Overrides) -> ModelSpec:
    try:
        commit = hub.commit_of(ref.name, ref.revision)
        folder = hub.fetch(ref.name, commit)
    except ModelError as error:
        near = did_you_mean(ref.name, known_names())
        if not near or "gated" in error.what:
            raise
        raise UsageError(f"{error.what} Did you mean {or_list(near)}?", f"-m {near[0]}") from error
    facts = read_folder(folder)
    return ModelSpec(
        name=ref.name,
        label=ref.label or ref.name.rpartition("/")[2],
        revision=commit,
        folder=folder,
        settings=overrides.apply(facts.settings),
        defaults=facts.settings,
        shape=facts.shape,
        note=None if overrides.pooling else facts.note,
    )


def _unknown(name: str) -> UsageError:
    here = [f"./{folder}" for folder in _neighbours(Path("x"))]
    near = did_you_mean(name, [*here, *known_names()])
    if near:
        return UsageError(
            f"no model is called {name}. Did you mean {or_list(near)}?", f"-m {near[0]}"
        )
    return UsageError(
        f"no model is called {name}, and nothing is close to it.",
        "-m ./FOLDER of a checkpoint, or ORG/NAME of the hub",
    )
