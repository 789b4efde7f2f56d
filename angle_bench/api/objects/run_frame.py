"""The scores of a run as a tidy frame: those it asked for, whoever computed them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.results.find.collect import ResultFolder


def tidy_of(outcomes: "Sequence[ModelOutcome]") -> "pd.DataFrame":
    """All metrics of the tasks that have a score, in the order of the models."""
    from angle_bench.reporting.tables.tidy import Known, frame, rows_of
    from angle_bench.results.find.choose import ChosenModel
    from angle_bench.results.find.stored_models import StoredModel

    known: Known = {}
    rows = []
    homes = dict.fromkeys(outcome.folder.home for outcome in outcomes)
    folders = {place: folder for home in homes for place, folder in _folders(home).items()}
    for outcome in outcomes:
        answered = {*outcome.kept, *outcome.scored}
        folder = folders.get(outcome.folder.path.resolve())
        if folder is None:  # nothing of it is stored
            continue
        made = rows_of(StoredModel.of(ChosenModel((folder,))), answered.__contains__, [], known)
        rows += [row | {"label": outcome.spec.variant_label} for row in made]
    return frame(rows)


def _folders(home: Path) -> "dict[Path, ResultFolder]":
    """The folders of one model, by their places."""
    from angle_bench.results.find.collect import collect

    found = collect([home]).folders if home.is_dir() else []
    return {folder.path.resolve(): folder for folder in found}
