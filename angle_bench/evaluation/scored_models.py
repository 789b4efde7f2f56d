"""From what is typed to models that have scores, without torch and without mteb."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import (
    AngleBenchError,
    ModelError,
    ResultsError,
    UsageError,
    did_you_mean,
    or_list,
)
from angle_bench.models.access import Access
from angle_bench.models.content import content_hash
from angle_bench.models.reference import ModelRef, expand
from angle_bench.models.registry import find
from angle_bench.models.resolve import resolve
from angle_bench.models.spec import ModelSpec
from angle_bench.results.stored_models import StoredModel


@dataclass(frozen=True)
class Named:
    """One checkpoint, or several seeds of one recipe, under one label."""

    label: str
    models: tuple[StoredModel, ...]


@dataclass(frozen=True)
class Found:
    """The models of a command in their order, and why others have no scores.

    Attributes:
        groups: Those with scores.
        errors: One for each without.
        lacks_first: Whether the first word is one of these.
    """

    groups: list[Named]
    errors: list[AngleBenchError]
    lacks_first: bool


def find_scored(
    words: Sequence[str], stored: Sequence[StoredModel], access: Access, tasks: str
) -> Found:
    """The stored models that words mean, each word a model or, by commas, the seeds of a recipe.

    Words with one label are seeds of one recipe too, so that a shell's `ft=out/seed-{1,2,3}` is.

    Args:
        words: `[LABEL=]NAME-OR-PATH[@REVISION][,…]`.
        stored: What the results folder has.
        access: Where checkpoints are looked for.
        tasks: What to type after -t to score what has no scores.

    Raises:
        UsageError: A name is unknown.
    """
    groups: dict[str, list[StoredModel]] = {}
    errors: list[AngleBenchError] = []
    lacks_first = False
    for word in words:
        label, members = _members(word)
        try:
            models = [_find(member, stored, access, tasks) for member in members]
        except (ResultsError, ModelError) as error:
            lacks_first = lacks_first or word is words[0]
            errors.append(error)
            continue
        if label is None:  # what has no label is a model of its own
            label = models[0].label
            while label in groups:
                label += " again" if word in words[:1] else f" {models[0].short_revision}"
        groups.setdefault(label, []).extend(models)
    return Found(
        [Named(label, tuple(models)) for label, models in groups.items()], errors, lacks_first
    )


def _members(word: str) -> tuple[str | None, list[str]]:
    """The label and the names of a word; a folder whose own name holds a comma stays whole."""
    ref = ModelRef.parse(word)
    if expand(word).exists() or "," not in word:
        return ref.label, [word]
    names = word.partition("=")[2] if ref.label is not None else word
    if ref.label is None:
        raise UsageError(
            f"{word} has commas, but no label for these seeds of one recipe.", f"LABEL={word}"
        )
    return ref.label, [name for name in names.split(",") if name]


def _find(word: str, stored: Sequence[StoredModel], access: Access, tasks: str) -> StoredModel:
    ref = ModelRef.parse(word)
    place = expand(ref.name)
    for model in stored:
        if place.is_dir() and place.resolve() in [at.path.resolve() for at in model.folders]:
            return model
    if (spec := _spec(ref, access)) is not None:
        return _of_spec(ref, spec, stored, tasks)
    called = _called(ref, stored)
    if not called:
        raise _unknown(ref.name, stored)
    return _current(ref, called, tasks)


def _spec(ref: ModelRef, access: Access) -> ModelSpec | None:
    """The checkpoint of a path, a row of a registry or the mirror; other names are looked up."""
    path = ref.name.startswith((".", "/", "~")) or expand(ref.name).is_dir()
    if not (path or find(ref.name) is not None or access.in_mirror(ref.name) is not None):
        return None
    revision = "" if ref.revision is None else f"@{ref.revision}"
    return resolve(f"{ref.name}{revision}", access=access)


def _of_spec(
    ref: ModelRef, spec: ModelSpec, stored: Sequence[StoredModel], tasks: str
) -> StoredModel:
    """The scores of these weights: under the checkpoint's own settings, else the only others."""
    alike = [model for model in stored if model.revision == spec.revision]
    own = [model for model in alike if model.settings_id == spec.settings_id]
    named = [model for model in own if model.name == spec.name]
    for found in (named, own, alike):
        if len(found) == 1 and _same_settings(spec, found[0]):
            return found[0]
    if len(alike) > 1:
        raise _several(ref, alike)
    if alike:
        raise ResultsError(
            f"{ref.name} was scored under other settings than are its own now.",
            f"angle-bench run -m {ref.name} -t {tasks}",
        )
    public = [m for m in stored if m.name == spec.name and not m.record]
    if len(public) == 1:
        return public[0]
    scored = [model for model in stored if model.name == spec.name]
    raise _no_scores(ref, scored, tasks)


def _same_settings(spec: ModelSpec, model: StoredModel) -> bool:
    """A plain folder holds results under the model's own settings, and these may have changed."""
    if spec.settings is None or model.settings_id is not None or not model.record:
        return True
    return bool(model.record.get("settings_digest") == spec.settings.digest())


def _called(ref: ModelRef, stored: Sequence[StoredModel]) -> list[StoredModel]:
    """The models of a label, else of a full or short name under their own settings."""
    wanted = ref.name.casefold()
    revision = ref.revision or ""
    fitting = [
        model
        for model in stored
        if model.revision.removeprefix("sha256-").startswith(revision.removeprefix("sha256-"))
    ]
    labelled = [model for model in fitting if model.label.casefold() == wanted]
    if labelled:
        return labelled
    return [
        model
        for model in fitting
        if model.settings_id is None
        and wanted in (model.name.casefold(), model.name.casefold().split("/")[-1])
    ]


def _current(ref: ModelRef, called: Sequence[StoredModel], tasks: str) -> StoredModel:
    """Of models that were called so, the one whose weights are still in its folder."""
    if ref.revision is not None and len(called) == 1:
        return called[0]
    current = [model for model in called if _unchanged(model)]
    if len(current) == 1:
        return current[0]
    if not current:
        raise _no_scores(ref, called, tasks)
    raise _several(ref, current)


def _unchanged(model: StoredModel) -> bool:
    """Whether a local checkpoint's files are those that were scored, or are gone."""
    folder, revision = model.checkpoint, model.revision
    if folder is None or not revision.startswith("sha256-") or not folder.is_dir():
        return True
    base = model.record.get("base")
    if base is not None and not Path(base).is_dir():
        return True
    content = content_hash(folder, None if base is None else Path(base))
    return revision == f"sha256-{content[:16]}"


def _no_scores(ref: ModelRef, scored: Sequence[StoredModel], tasks: str) -> ResultsError:
    label = "" if ref.label is None else f"{ref.label}="
    revision = "" if ref.revision is None else f"@{ref.revision}"
    others = [f"{model.label}@{model.short_revision}" for model in scored]
    what = f"{ref.name} has no scores"
    if others:
        what = f"no scores for these weights of {ref.name}; scored ones: {', '.join(others)}"
    return ResultsError(f"{what}.", f"angle-bench run -m {label}{ref.name}{revision} -t {tasks}")


def _several(ref: ModelRef, models: Sequence[StoredModel]) -> UsageError:
    places = [str(model.folders[0].path) for model in models]
    return UsageError(
        f"{ref.name} means {len(models)} models with scores: {', '.join(places)}.",
        f"one of these folders, such as {places[0]}",
    )


def _unknown(name: str, stored: Sequence[StoredModel]) -> AngleBenchError:
    labels = [label for model in stored for label in (model.label, model.name)]
    near = did_you_mean(name, dict.fromkeys(labels))
    hint = f" Did you mean {or_list(near)}?" if near else ""
    listed = ", ".join(dict.fromkeys(model.label for model in stored))
    others = f"a folder, or one of the scored models: {listed}"
    return UsageError(
        f"no model with scores is called {name}.{hint}",
        near[0] if near else others if listed else f"angle-bench run -m {name}",
    )
