"""Which of the stored models a name, path or glob means."""

from collections.abc import Sequence
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.checkpoints.registry.registry import find
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import ResultsError, shell_word
from angle_bench.evaluation.scored.scored_errors import means_several, no_scores, unknown_name
from angle_bench.evaluation.scored.scored_words import called_so, is_glob, reference
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.select import refuse_as_model


def members_of(
    word: str,
    stored: Sequence[StoredModel],
    access: LoadOptions,
    tasks: str,
    *,
    several: bool = False,
) -> list[StoredModel]:
    """The models of a name, path or glob: one, but for a glob, or where several may be meant."""
    ref = reference(word, stored)
    called = called_so(ref, stored)
    if is_glob(word, stored):
        # the layers and sizes of a run are no further runs of its recipe
        plain = [model for model in called if model.settings_id is None]
        called = called if several else plain or called
        if not called:
            raise unknown_name(ref.name, stored)
        return called
    is_path = ref.name.startswith((".", "/", "~")) or expand(ref.name).is_dir()
    if several and (called or not is_path):  # a table asks no hub
        if not called:
            refuse_as_model(ref.name)
            raise unknown_name(ref.name, stored)
        return called
    return [_find(ref, called, stored, access, tasks)]


def _find(
    ref: ModelRef,
    called: Sequence[StoredModel],
    stored: Sequence[StoredModel],
    access: LoadOptions,
    tasks: str,
) -> StoredModel:
    place = expand(ref.name)
    for model in stored:
        if place.is_dir() and place.resolve() in [at.path.resolve() for at in model.folders]:
            return model
    if (spec := _spec(ref, access)) is not None:
        return _of_spec(ref, spec, stored, tasks)
    if not called:
        refuse_as_model(ref.name)
        raise unknown_name(ref.name, stored)
    return _current(ref, called, tasks)


def _spec(ref: ModelRef, access: LoadOptions) -> ModelSpec | None:
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
        raise means_several(ref, alike)
    if alike:
        raise ResultsError(
            f"{ref.name} was scored under other settings than are its own now.",
            f"angle-bench run -m {shell_word(ref.name)} -t {tasks}",
        )
    public = [m for m in stored if m.name == spec.name and not m.record]
    if len(public) == 1:
        return public[0]
    scored = [model for model in stored if model.name == spec.name]
    raise no_scores(ref, scored, tasks)


def _same_settings(spec: ModelSpec, model: StoredModel) -> bool:
    """A plain folder holds results under the model's own settings, and these may have changed."""
    if spec.settings is None or model.settings_id is not None or not model.record:
        return True
    return bool(model.record.get("settings_digest") == spec.settings.digest())


def _current(ref: ModelRef, called: Sequence[StoredModel], tasks: str) -> StoredModel:
    """Of models that were called so, the one whose weights are still in its folder."""
    wanted = ref.name.casefold()
    labelled = [model for model in called if model.label.casefold() == wanted]
    before = [m for m in called if wanted in [label.casefold() for label in m.labels]]
    called = labelled or before or called
    if ref.revision is not None and len(called) == 1:
        return called[0]
    current = [model for model in called if _unchanged(model)]
    if len(current) == 1:
        return current[0]
    if not current:
        raise no_scores(ref, called, tasks)
    raise means_several(ref, current)


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
