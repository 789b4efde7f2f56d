"""From what is typed to models that have scores, without torch and without mteb."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.errors import AngleBenchError, ModelError, ResultsError
from angle_bench.evaluation.scored.scored_errors import means_several
from angle_bench.evaluation.scored.scored_lookup import members_of
from angle_bench.evaluation.scored.scored_words import is_glob, names_of, one_side, sides
from angle_bench.results.find.selected_models import SelectedModel, SelectedResults
from angle_bench.results.find.stored_models import StoredModel


@dataclass(frozen=True)
class Named:
    """One checkpoint, or several seeds of one recipe, under one label."""

    label: str
    models: tuple[StoredModel, ...]


@dataclass(frozen=True)
class ScoredModels:
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
    access: LoadOptions,
    tasks: str,
    warnings: list[str],
) -> ScoredModels:
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
        label, members = one_side(word, stored)
        try:
            models = [
                model for each in members for model in members_of(each, stored, access, tasks)
            ]
        except (ResultsError, ModelError) as error:
            lacks_first = lacks_first or word is words[0]
            errors.append(error)
            continue
        if label is not None:
            seeds = [*groups.get(label, ()), *models]
            groups[label] = _without_copies(label, seeds, warnings)
        elif not is_glob(members[0], stored):
            groups[_own_label(members[0], models[0], groups, word in words[:1])] = models
        elif groups:
            taken = [model for group in groups.values() for model in group]
            for model in (each for each in models if each not in taken):
                groups[_own_label(model.label, model, groups, False)] = [model]
        elif len(models) > 1:
            raise means_several(ModelRef.parse(members[0]), models)
        else:
            groups[models[0].label] = models
    return ScoredModels(
        [Named(label, tuple(models)) for label, models in groups.items()], errors, lacks_first
    )


def find_rows(
    typed: Sequence[str],
    stored: Sequence[StoredModel],
    access: LoadOptions,
    tasks: str,
    warnings: list[str],
) -> list[SelectedResults]:
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
    for label, members in (side for text in typed for side in sides(text, stored)):
        for member in members:
            taken = [model for _, models in rows for model in models]
            models = members_of(member, stored, access, tasks, several=label is None)
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
        SelectedResults(label, tuple(SelectedModel(model.folders) for model in models))
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
    return wanted not in names_of(model) and wanted in map(str.casefold, model.labels)
