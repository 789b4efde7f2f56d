"""Names that mean no model with scores, or several: what to type instead."""

from collections.abc import Sequence

from angle_bench.checkpoints.reference import ModelRef
from angle_bench.errors import (
    AngleBenchError,
    ResultsError,
    UsageError,
    did_you_mean,
    or_list,
    shell_word,
    some,
)
from angle_bench.results.find.stored_models import StoredModel


def no_scores(ref: ModelRef, scored: Sequence[StoredModel], tasks: str) -> ResultsError:
    """A checkpoint without scores; those of its name that have some."""
    label = "" if ref.label is None else f"{ref.label}="
    revision = "" if ref.revision is None else f"@{ref.revision}"
    others = [f"{model.label}@{model.short_revision}" for model in scored]
    what = f"{ref.name} has no scores"
    if others:
        what = f"no scores for these weights of {ref.name}; scored ones: {', '.join(others)}"
    asked = f"{label}{ref.name}{revision}"
    return ResultsError(f"{what}.", f"angle-bench run -m {shell_word(asked)} -t {tasks}")


def means_several(ref: ModelRef, models: Sequence[StoredModel]) -> UsageError:
    """Several models that a name may mean, by their folders."""
    places = [str(model.folders[0].path) for model in models]
    return UsageError(
        f"{ref.name} means {len(models)} models with scores: {', '.join(places)}.",
        f"one of these folders, such as {places[0]}",
    )


def unknown_name(name: str, stored: Sequence[StoredModel]) -> AngleBenchError:
    """A name that no model has; the nearest ones, or some that there are."""
    labels = dict.fromkeys(label for model in stored for label in (*model.labels, model.name))
    if near := did_you_mean(name, labels):
        return UsageError(
            f"no model with scores is called {name}. Did you mean {or_list(near)}?",
            shell_word(near[0]),
        )
    if not stored:
        return UsageError(
            f"no model with scores is called {name}: there are none in these results.",
            f"angle-bench run -m {shell_word(name)}, or -r with the folder of the results",
        )
    listed = some([*dict.fromkeys(model.label for model in stored)])
    return UsageError(
        f"no model with scores is called {name}.",
        f"one of the scored models ({listed}), or a folder",
    )
