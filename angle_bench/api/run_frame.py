"""The scores of a run as a tidy frame: those it asked for, whoever computed them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.api.run_result import RunResult


def tidy_of(result: "RunResult") -> "pd.DataFrame":
    """All metrics of the tasks that have a score, in the order of the models."""
    from angle_bench.reporting.tidy import Known, frame, rows_of
    from angle_bench.results.choose import models_of
    from angle_bench.results.collect import collect
    from angle_bench.results.stored_models import StoredModel

    warnings: list[str] = []
    known: Known = {}
    rows = []
    for outcome in result.outcomes:
        answered = {*outcome.kept, *outcome.scored}
        found = collect([outcome.folder.path]) if outcome.folder.path.is_dir() else None
        for model in models_of(found.folders) if found is not None else ():
            if model.folders[0].path.resolve() != outcome.folder.path.resolve():
                continue  # settings below the model's own
            made = rows_of(StoredModel.of(model), answered.__contains__, warnings, known)
            rows += [row | {"label": outcome.spec.variant_label} for row in made]
    return frame(rows)
