"""Stored scores as a tidy frame: a row for every model, task, split, subset and metric."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from angle_bench.reporting.tables.signature import SIGNED, TaskData, signature
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import SIDE
from angle_bench.results.metrics import Metrics, read_metrics
from angle_bench.results.result_file import UnreadableResult
from angle_bench.results.run_record import read_run_record
from angle_bench.suites.names import known_task
from angle_bench.suites.select import suite_of
from angle_bench.suites.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.results.find.collect import ResultFolder

UNIT = "points"  # scores ×100, in every frame and every --json
KINDS = {
    "label": "str",
    "model": "str",
    "revision": "str",
    "settings": "str",
    "task": "str",
    "type": "str",
    "split": "str",
    "subset": "str",
    "metric": "str",
    "score": "float64",
    "main": "bool",
    "n": "Int64",
    "seconds": "float64",
    "signature": "str",
}


def tidy(
    models: Iterable[StoredModel], wanted: Callable[[str], bool], warnings: list[str]
) -> "pd.DataFrame":
    """All metrics of stored models, in the order of the models and then of the files.

    Args:
        models: Which.
        wanted: Whether the task of this name is asked for.
        warnings: Takes a line for each file that is left out.

    Returns:
        The columns of `KINDS`. `score` is in points (×100) whatever the metric; `n` counts the
        samples of the split and subset, where that is known; `seconds` is the task's.
    """
    known: dict[str, Task | None] = {}
    return frame(
        [
            row
            for model in models
            for folder in model.folders
            for name in sorted(folder.files)
            if wanted(name)
            for row in _of_file(model, folder, name, known, warnings)
        ]
    )


def frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Rows with the columns of `KINDS` as a frame that says its unit."""
    import pandas as pd

    columns = {name: [row[name] for row in rows] for name in KINDS}
    found = pd.DataFrame(columns).astype(KINDS)
    found.attrs["unit"] = UNIT
    return found


def _of_file(
    model: StoredModel,
    folder: "ResultFolder",
    name: str,
    known: dict[str, Task | None],
    warnings: list[str],
) -> Iterator[dict[str, Any]]:
    if name not in known:
        known[name] = known_task(name)
    task = known[name]
    place = folder.file(name)
    try:
        read = read_metrics(place, "" if task is None else task.metric)
    except UnreadableResult as error:
        warnings.append(f"{place} cannot be read ({error}); left out")
        return
    if read is None:  # it went while the folder was read
        return
    side = folder.path / SIDE / f"{name}.json"
    record = read_run_record(side, warnings) if folder.own else {"data": {"origin": "hub"}}
    said = {
        "label": model.label if folder.own else folder.label or folder.short_name,
        "model": model.name if folder.own else folder.name,
        "revision": folder.revision,
        "settings": folder.settings or "",
        "task": name,
    }
    yield from result_rows(said, task, read, record, model.name)


def result_rows(
    said: Mapping[str, str],
    task: Task | None,
    read: Metrics,
    record: Mapping[str, Any],
    signed: str,
) -> Iterator[dict[str, Any]]:
    """The rows of one result file.

    Args:
        said: Label, model, revision, settings, and the task by the name of its file.
        task: The task, if it is known.
        read: What the file says.
        record: Its run record.
        signed: What the signature calls the model.
    """
    seconds = record.get("seconds")
    same = {
        **said,
        "task": said["task"] if task is None else task.name,
        "type": "" if task is None else task.type,
        "seconds": read.seconds if seconds is None else seconds,
        "signature": _signature(signed, said["revision"], task, read, record),
    }
    samples = _samples(task, record)
    for metric in read.metrics:
        yield same | {
            "split": metric.split,
            "subset": metric.subset,
            "metric": metric.name,
            "score": 100 * metric.value,
            "main": metric.main,
            "n": samples.get((metric.split, metric.subset)),
        }


def _samples(task: Task | None, record: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """The samples of each split and subset, as the record says, or mteb where there is one."""
    parts = record.get("data", {}).get("verification", {}).get("parts") or ()
    counted = {
        (str(part["split"]), str(part["subset"])): int(part["samples"])
        for part in parts
        if isinstance(part, dict) and {"split", "subset", "samples"} <= part.keys()
    }
    if counted or task is None or task.samples is None:
        return counted
    if len(task.splits) == len(task.subsets) == 1:
        return {(task.splits[0], task.subsets[0]): task.samples}
    return {}


def _signature(
    name: str, revision: str, task: Task | None, read: Metrics, record: Mapping[str, Any]
) -> str:
    if task is None:
        return ""
    recorded = record.get("model", {})
    said = {key: recorded[key] for key in SIGNED if key in recorded}
    data = TaskData.recorded(task.name, record.get("data", {}))
    model = {"name": name, "revision": revision, **said}
    return signature(model, suite_of(task), [read.mteb_version], [data])
