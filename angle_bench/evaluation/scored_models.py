"""From what is typed to models that have scores, without torch and without mteb."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from angle_bench.errors import (
    AngleBenchError,
    ModelError,
    ResultsError,
    UsageError,
    did_you_mean,
    or_list,
    some,
)
from angle_bench.models.access import Access
from angle_bench.models.content import content_hash
from angle_bench.models.reference import ModelRef, expand
from angle_bench.models.registry import find
from angle_bench.models.resolve import resolve
from angle_bench.models.spec import ModelSpec
from angle_bench.results.choose import Chosen, Model
from angle_bench.results.stored_models import StoredModel
from angle_bench.results.suites import refuse_as_model

_WILD = set("*?[")


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
    words: Sequence[str],
    stored: Sequence[StoredModel],
    access: Access,
    tasks: str,
    warnings: list[str],
) -> Found:
    """The stored models that words mean, each word a model or, by commas, the seeds of a recipe.

    Words with one label are seeds of one recipe too, so that a shell's `ft=out/seed-{1,2,3}` is. A
    glob without a label is each of its models that no word before it means.

    Args:
        words: `[LABEL=]NAME-OR-PATH-OR-GLOB[@REVISION][,…]`.
        stored: What the results folder has.
        access: Where checkpoints are looked for.
        tasks: What to type after -t to score what has no scores.
        warnings: Takes a line for each seed that is another one's copy, and does not count.

    Raises:
        UsageError: A name is unknown.
    """
    groups: dict[str, list[StoredModel]] = {}
    errors: list[AngleBenchError] = []
    lacks_first = False
    for word in words:
        label, members = _side(word, stored)
        try:
            models = [model for each in members for model in _members(each, stored, access, tasks)]
        except (ResultsError, ModelError) as error:
            lacks_first = lacks_first or word is words[0]
            errors.append(error)
            continue
        if label is not None:
            seeds = [*groups.get(label, ()), *models]
            groups[label] = _without_copies(label, seeds, warnings)
        elif not _is_glob(members[0], stored):
            groups[_own_label(members[0], models[0], groups, word in words[:1])] = models
        elif groups:
            taken = [model for group in groups.values() for model in group]
            for model in (each for each in models if each not in taken):
                groups[_own_label(model.label, model, groups, False)] = [model]
        elif len(models) > 1:
            raise _several(ModelRef.parse(members[0]), models)
        else:
            groups[models[0].label] = models
    return Found(
        [Named(label, tuple(models)) for label, models in groups.items()], errors, lacks_first
    )


def find_rows(
    typed: Sequence[str],
    stored: Sequence[StoredModel],
    access: Access,
    tasks: str,
    warnings: list[str],
) -> list[Chosen]:
    """What becomes a row, each model once: as `find_scored`, with several words by commas.

    A name without a label may be several models, as a public model's and that of an own run are;
    each is a row of its own.

    Args:
        typed: `[LABEL=]NAME-OR-PATH-OR-GLOB[@REVISION]`, several by commas; those after a label are
            seeds of its recipe.
        stored: What the results folders have.
        access: Where checkpoints are looked for.
        tasks: What to type after -t to score what has no scores.
        warnings: Takes a line for each seed that is another one's copy, and does not count.

    Raises:
        UsageError: A name is unknown; the nearest ones are named.
        ResultsError: A checkpoint has no scores.
    """
    rows: list[tuple[str | None, list[StoredModel]]] = []
    for label, members in (side for text in typed for side in _sides(text, stored)):
        for member in members:
            taken = [model for _, models in rows for model in models]
            models = _members(member, stored, access, tasks, several=label is None)
            models = [model for model in models if model not in taken]
            if label is None:
                before = member if len(models) == 1 and _is_label(member, models[0]) else None
                rows += [(before, [model]) for model in models]
            elif (same := next((each for at, each in rows if at == label), None)) is not None:
                same += models
            elif models:
                rows.append((label, models))
    kept = [
        models if label is None else _without_copies(label, models, warnings)
        for label, models in rows
    ]
    return [
        Chosen(label, tuple(Model(model.folders) for model in models))
        for (label, _), models in zip(rows, kept, strict=True)
    ]


def _without_copies(
    label: str, models: Sequence[StoredModel], warnings: list[str]
) -> list[StoredModel]:
    """The seeds of a recipe, each once: a copied checkpoint is no further draw."""
    distinct: dict[object, StoredModel] = {}
    for model in models:
        first = distinct.setdefault(model.identity, model)
        if first is not model:
            warnings.append(
                f"{model.label} and {first.label} of {label} are the same checkpoint "
                f"({model.short_revision}); it counts once"
            )
    return [*distinct.values()]


def _sides(text: str, stored: Sequence[StoredModel]) -> list[tuple[str | None, list[str]]]:
    """Labels with their names: `a,b,ft=c,d` is `a`, `b`, and `c` and `d` under the label `ft`.

    What is called so, or is a path, stays whole, whatever commas or `=` it has.
    """
    sides: list[tuple[str | None, list[str]]] = []
    whole = bool(text.strip()) and _is_whole(text, stored)
    for word in [text] if whole else [w.strip() for w in text.split(",") if w.strip()]:
        label = None if _is_whole(word, stored) else _label(word, stored)
        if label is not None and sides and sides[-1][0] == label:
            sides[-1][1].append(word.partition("=")[2])
        elif label is not None:
            sides.append((label, [word.partition("=")[2]]))
        elif sides and sides[-1][0] is not None:
            sides[-1][1].append(word)
        else:
            sides.append((None, [word]))
    if not sides:
        raise UsageError(f"{text!r} names no model.", "a name, a label or a folder")
    return sides


def _label(word: str, stored: Sequence[StoredModel]) -> str | None:
    """What stands before `=`; with a slash, as in `a/b=NAME`, only where a model follows."""
    before, _, name = word.partition("=")
    known = before and name and _is_whole(name, stored)
    return ModelRef.parse(word).label or (before if known else None)


def _is_whole(word: str, stored: Sequence[StoredModel]) -> bool:
    return os.path.exists(expand(word)) or any(_is_called(model, word) for model in stored)


def _side(word: str, stored: Sequence[StoredModel]) -> tuple[str | None, list[str]]:
    """The label and the names of a word that is one side."""
    sides = _sides(word, stored)
    if len(sides) != 1:
        raise UsageError(
            f"{word} has commas, but no label for these seeds of one recipe.", f"LABEL={word}"
        )
    return sides[0]


def _own_label(word: str, model: StoredModel, groups: Mapping[str, object], of_base: bool) -> str:
    """A label for what has none: a model of its own."""
    label = _shown(word, model)
    while label in groups:
        label += " again" if of_base else f" {model.short_revision}"
    return label


def _shown(word: str, model: StoredModel) -> str:
    """The label that was typed, where it is one of the model's, else its last one."""
    wanted = ModelRef.parse(word).name.casefold()
    return next((label for label in model.labels if label.casefold() == wanted), model.label)


def _is_label(word: str, model: StoredModel) -> bool:
    """Whether it is a label of before, which a row is then to have."""
    wanted = word.casefold()
    return wanted not in _names(model) and wanted in map(str.casefold, model.labels)


def _members(
    word: str,
    stored: Sequence[StoredModel],
    access: Access,
    tasks: str,
    *,
    several: bool = False,
) -> list[StoredModel]:
    """The models of a name, path or glob: one, but for a glob, or where several may be meant."""
    ref = _reference(word, stored)
    called = _called(ref, stored)
    if _is_glob(word, stored):
        # the layers and sizes of a run are no further runs of its recipe
        plain = [model for model in called if model.settings_id is None]
        called = called if several else plain or called
        if not called:
            raise _unknown(ref.name, stored)
        return called
    is_path = ref.name.startswith((".", "/", "~")) or expand(ref.name).is_dir()
    if several and (called or not is_path):  # a table asks no hub
        if not called:
            refuse_as_model(ref.name)
            raise _unknown(ref.name, stored)
        return called
    return [_find(ref, called, stored, access, tasks)]


def _reference(word: str, stored: Sequence[StoredModel]) -> ModelRef:
    """What is called so stays whole, though it has `=` or `@`."""
    return ModelRef(word) if _is_whole(word, stored) else ModelRef.parse(word)


def _is_glob(word: str, stored: Sequence[StoredModel]) -> bool:
    return bool(_WILD & set(word)) and not _is_whole(word, stored)


def _find(
    ref: ModelRef,
    called: Sequence[StoredModel],
    stored: Sequence[StoredModel],
    access: Access,
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
    """The models of a name or glob; those of a name under their own settings, others by label."""
    fitting = [model for each in stored if (model := _at(each, ref.revision)) is not None]
    if _WILD & set(ref.name) and not any(_is_called(model, ref.name) for model in fitting):
        wild = ref.name.casefold()
        return [m for m in fitting if any(fnmatchcase(name, wild) for name in _names(m))]
    called = [model for model in fitting if _is_called(model, ref.name)]
    named = [model for model in called if ref.name.casefold() in _names(model)]
    wanted = ref.name.casefold()
    plain = [m for m in named if m.settings_id is None or wanted == m.label.casefold()]
    return plain or named or called


def _names(model: StoredModel) -> list[str]:
    """What it is called now: its last label, short and full name."""
    labels = [folder.label for folder in model.folders if folder.label is not None]
    names = (model.label, *labels, model.name.rpartition("/")[2], model.name)
    return [name.casefold() for name in names]


def _is_called(model: StoredModel, name: str) -> bool:
    """By a name, or by a label that it ever had."""
    return name.casefold() in [*_names(model), *map(str.casefold, model.labels)]


def _at(model: StoredModel, revision: str | None) -> StoredModel | None:
    """The model with its folders of a revision alone; None where it has none."""
    if revision is None:
        return model
    typed = revision.removeprefix("sha256-")
    there = [f for f in model.folders if f.revision.removeprefix("sha256-").startswith(typed)]
    return replace(model, folders=tuple(there)) if there else None


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
    labels = dict.fromkeys(label for model in stored for label in (*model.labels, model.name))
    if near := did_you_mean(name, labels):
        return UsageError(
            f"no model with scores is called {name}. Did you mean {or_list(near)}?", near[0]
        )
    if not stored:
        return UsageError(
            f"no model with scores is called {name}: there are none in these results.",
            f"angle-bench run -m {name}, or -r with the folder of the results",
        )
    listed = some([*dict.fromkeys(model.label for model in stored)])
    return UsageError(
        f"no model with scores is called {name}.",
        f"one of the scored models ({listed}), or a folder",
    )
