"""The scores of a run as a tidy frame: those it asked for, whoever computed them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.evaluation.run.outcome import ModelOutcome


def tidy_of(outcomes: "Sequence[ModelOutcome]") -> "pd.DataFrame":
    """All metrics of the tasks that have a score, in the order of the models."""
    from angle_bench.reporting.tables.tidy import frame, result_rows
    from angle_bench.results.metrics import metrics_of
    from angle_bench.suites.names import known_task

    tasks = {name: known_task(name) for outcome in outcomes for name in outcome.answers}
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        spec, folder = outcome.spec, outcome.folder
        said = {
            "label": spec.variant_label,
            "model": spec.name,
            "revision": spec.revision,
            "settings": "" if spec.settings_id is None else folder.path.name,
        }
        for name, answer in sorted(outcome.answers.items()):
            task = tasks[name]
            read = metrics_of(answer.raw, "" if task is None else task.metric)
            rows += result_rows({**said, "task": name}, task, read, answer.record, spec.name)
    return frame(rows)
