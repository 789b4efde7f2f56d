"""Rows from result folders: what is stored becomes cells that know where they come from."""

from collections.abc import Sequence
from dataclasses import replace

from angle_bench.errors import some
from angle_bench.reporting.tables.signature import SIGNED, TaskData, joined, signature
from angle_bench.reporting.tables.table import MARKS, Origin, ScoreSource, TableCell, TableRow
from angle_bench.results.find.answers import (
    MergedScores,
    StoredScore,
    incomplete_line,
    merge_revisions,
)
from angle_bench.results.find.selected_models import SelectedModel, SelectedResults
from angle_bench.suites.task import Suite, Task

_VERDICTS = list(MARKS)  # the most doubtful last


def model_rows(
    suite: Suite, chosen: Sequence[SelectedResults], warnings: list[str]
) -> list[TableRow]:
    """A row for each model that has a result for the suite.

    Args:
        suite: The columns.
        chosen: The models.
        warnings: Takes a line for whatever is left out.
    """
    rows: list[TableRow] = []
    without: list[str] = []
    incomplete: list[str] = []
    for each in chosen:
        made = [_row(suite, model, warnings, incomplete) for model in each.models]
        found = [row for row in made if row is not None]
        without += [
            model.names[0] for model, row in zip(each.models, made, strict=True) if row is None
        ]
        if each.label is not None and len(each.models) > 1:
            rows += [runs_row(each.label, found)] if found else []
        else:
            rows += [replace(row, label=each.label or row.label) for row in found]
    if incomplete:
        warnings.append(incomplete_line(incomplete))
    if without:
        warnings.append(f"without a result for {suite.name}: {some([*dict.fromkeys(without)])}")
    return rows


def runs_row(label: str, runs: Sequence[TableRow]) -> TableRow:
    """The mean over the runs of one recipe; a task that a run lacks has none.

    Args:
        label: The recipe.
        runs: At least one row.
    """
    cells = []
    for at in range(len(runs[0].cells)):
        scores = [run.cells[at].score for run in runs]
        there = [score for score in scores if score is not None]
        whole = len(there) == len(scores)
        data = max((run.cells[at].data for run in runs), key=_VERDICTS.index)
        cells.append(TableCell(sum(there) / len(there), data) if whole else TableCell(None))
    source = runs[0].source
    return TableRow(
        f"{label} ({len(runs)} runs)",
        tuple(cells),
        joined([run.signature for run in runs]),
        source if source is None else replace(source, model=label, revision="", settings=None),
        runs=tuple(runs),
        models=tuple(model for run in runs for model in run.models),
    )


def _row(
    suite: Suite, model: SelectedModel, warnings: list[str], incomplete: list[str]
) -> TableRow | None:
    found = merge_revisions(model.folders, suite.task, warnings)
    incomplete += found.incomplete
    if not found.answers:
        return None
    main = found.folders[0]
    name = _recorded_name(found) or main.name
    cells = [_cell(task, found.answers.get(task.name), found) for task in suite.task]
    source = ScoreSource("own" if main.own else "public", name, main.revision, main.settings)
    label = main.label or name.rpartition("/")[2]
    return TableRow(label, tuple(cells), _signature(suite, name, found), source, models=(model,))


def _recorded_name(found: MergedScores) -> str | None:
    """The model's name by a run record, since a folder's name does not say where the slash was."""
    names = (answer.record.get("model", {}).get("name") for answer in found.answers.values())
    return next((str(name) for name in names if name), None)


def _cell(task: Task, answer: StoredScore | None, found: MergedScores) -> TableCell:
    if answer is None:
        return TableCell(None)
    main = found.folders[0]
    data = answer.record.get("data", {})
    origin = Origin(
        file=str(answer.file),
        revision=answer.folder.revision,
        main=answer.folder.revision == main.revision,
        dataset_revision=answer.dataset_revision,
        other_data=_on_other_data(answer, task),
        mteb_version=answer.mteb_version,
        parts=answer.parts,
    )
    verdict = data.get("verification", {}).get("verdict", "hub")
    return TableCell(answer.score, verdict if verdict in MARKS else "no reference", origin)


def _on_other_data(answer: StoredScore, task: Task) -> bool:
    """Of our own results the verdict says more; an aggregate has no data of its own."""
    if answer.folder.own or task.parts:
        return False
    return answer.dataset_revision != task.revision


def _signature(suite: Suite, name: str, found: MergedScores) -> str:
    """One line; where the settings in force differ between tasks, with all their values."""
    main = found.folders[0]
    others = list(dict.fromkeys(a.folder.revision for a in found.answers.values()))
    versions = [answer.mteb_version for answer in found.answers.values()]
    data = [_data(task, answer) for task, answer in found.answers.items()]
    settings = {}
    for answer in found.answers.values():
        recorded = answer.record.get("model", {})
        part = {key: recorded[key] for key in SIGNED if key in recorded}
        settings[str(part)] = {"name": name, "revision": main.revision, **part}
    return joined([signature(each, suite, versions, data, others) for each in settings.values()])


def _data(task: str, answer: StoredScore) -> TaskData:
    if not answer.folder.own:
        return TaskData(task, "hub")
    return TaskData.recorded(task, answer.record.get("data", {}))
