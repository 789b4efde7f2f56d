"""What one model folder holds of a suite, and how a task is put into it or set aside."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from angle_bench.errors import ResultsError
from angle_bench.files.atomic import (
    FileToWrite,
    Write,
    clear_leftovers,
    json_file,
    write_json,
    write_together,
)
from angle_bench.files.locks import acquired, release
from angle_bench.results.checksums import RECORDED, damaged, file_checksum, scores_checksums
from angle_bench.results.layout import ModelFolder
from angle_bench.results.predictions import Predictions, needs_predictions, predictions_file
from angle_bench.results.ranked_documents import RankedDocuments, ranked_file
from angle_bench.results.result_file import StoredResult, UnreadableResult, parsed, result_of
from angle_bench.results.run_record import read_run_record
from angle_bench.suites.task import Task

State = Literal[
    "done", "absent", "other data", "other settings", "unreadable", "incomplete", "damaged"
]


@dataclass(frozen=True)
class StoredTask:
    """A task's result and run record as they are on disk.

    Attributes:
        raw: The parsed result file.
        result: What it says.
        record: The run record; empty where other tools wrote the result.
    """

    raw: Mapping[str, Any]
    result: StoredResult
    record: Mapping[str, Any]


@dataclass(frozen=True)
class LookupResult:
    """What a folder holds for one task.

    Attributes:
        state: `done` only if data, splits and subsets are the ones asked for.
        stored: What is stored where it is `done`.
        reason: Why it is not, for the user.
    """

    state: State
    stored: StoredTask | None = None
    reason: str = ""


@dataclass(frozen=True)
class ResultRequirements:
    """What a stored result must have been made with to answer.

    Attributes:
        revision: The `dataset_revision`.
        rows: Digests of local rows by config and split; empty for the hub.
        settings_digest: Of the settings in force. A plain folder holds results under the model's
            own settings, and what those are can change: with the registry, with a newer
            angle-bench, with files that were not in the hub cache yet.
        definition: What an own task makes of its rows, as a digest; empty for mteb's.
    """

    revision: str
    rows: Mapping[str, str] = field(default_factory=dict)
    settings_digest: str | None = None
    definition: str = ""

    def same_data(self, stored: StoredResult, record: Mapping[str, Any]) -> bool:
        """Whether a result is about these rows, perhaps among others."""
        if stored.dataset_revision == self.revision:
            return True
        rows = record.get("data", {}).get("rows", {})
        return bool(self.rows) and all(rows.get(key) == row for key, row in self.rows.items())


def look_up(folder: ModelFolder, task: Task, asked: ResultRequirements) -> LookupResult:
    """Whether a task is answered by what is stored."""
    place = folder.result(task.name)
    try:
        raw = parsed(place)
        stored = result_of(raw)
    except FileNotFoundError:
        return LookupResult("absent")
    except UnreadableResult as error:
        return LookupResult("unreadable", reason=f"{place} cannot be read ({error})")
    odd: list[str] = []
    record = read_run_record(folder.record(task.name), odd)
    if odd:
        return LookupResult("unreadable", reason=odd[0].removesuffix("; left out"))
    if unmet := _unmet(asked, stored, record, task):
        return unmet
    if needs_predictions(task) and not folder.predictions(task.name).is_file():
        return LookupResult("incomplete", reason="stored without its predictions")
    if rotten := damaged(folder, task.name, raw, record):
        return LookupResult("damaged", reason=rotten)
    return LookupResult("done", StoredTask(raw, stored, record))


def _unmet(
    asked: ResultRequirements, stored: StoredResult, record: Mapping[str, Any], task: Task
) -> LookupResult | None:
    """What a result was not made with; None where it meets what is asked."""
    if not asked.same_data(stored, record):
        return LookupResult(
            "other data",
            reason=f"stored for data {stored.dataset_revision}, asked for {asked.revision}",
        )
    if record.get("data", {}).get("definition", "") != asked.definition:
        return LookupResult("other data", reason="stored under another definition of the task")
    if missing := stored.missing(task):
        return LookupResult("incomplete", reason=f"stored without {', '.join(missing)}")
    if not record:
        return LookupResult("incomplete", reason="stored without its run record")
    if record.get("model", {}).get("settings_digest") != asked.settings_digest:
        return LookupResult("other settings", reason="stored under other settings of the model")
    return None


def store(
    folder: ModelFolder,
    task: str,
    *,
    write_result: Write,
    meta: dict[str, Any],
    record: dict[str, Any],
    predictions: Sequence[Predictions],
    ranked: Sequence[RankedDocuments] = (),
) -> StoredTask:
    """Put a task's result in place; what stood there is set aside once the new one is written.

    Side files are renamed first and the result file last, so its existence means the rest is
    there.

    Returns:
        What is stored now: scores have the digits that the file has.
    """
    sums: dict[str, Any] = {"scores": {}, "predictions": None}
    whole = {**record, RECORDED: sums}
    written: list[StoredTask] = []

    def write_record(temporary: Path) -> None:  # the last, when all checksums are known
        json_file(temporary, whole).write(temporary)

    def write_predictions(temporary: Path) -> None:
        predictions_file(temporary, predictions).write(temporary)
        sums["predictions"] = file_checksum(temporary)

    def write_scores(temporary: Path) -> None:
        write_result(temporary)
        raw = json.loads(temporary.read_bytes())
        written.append(StoredTask(raw, result_of(raw), whole))
        sums["scores"] = scores_checksums(raw)

    files = [FileToWrite(folder.record(task), write_record), json_file(folder.meta, meta)]
    if predictions:
        files.append(FileToWrite(folder.predictions(task), write_predictions))
    if ranked:
        files.append(ranked_file(folder.ranked(task), ranked))
    files.append(FileToWrite(folder.result(task), write_scores))
    with locked(folder):
        clear_leftovers(file.place for file in files)
        write_together(files, before_renaming=lambda: set_aside(folder, task))
        forget_failure(folder, task)
    return written[0]


def set_aside(folder: ModelFolder, task: str) -> None:
    """Move a task's files to `superseded/`, the result file first."""
    files = [
        *(folder.result(task), folder.record(task)),
        *(folder.predictions(task), folder.ranked(task)),
    ]
    if not any(place.exists() for place in files):
        return
    shelf = folder.side / "superseded" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    while (shelf / f"{task}.json").exists() or (shelf / f"{task}.record.json").exists():
        shelf = shelf.with_name(f"{shelf.name}-")
    names = [f"{task}.json", f"{task}.record.json", f"{task}.parquet", f"{task}.run.parquet"]
    shelf.mkdir(parents=True, exist_ok=True)
    for place, name in zip(files, names, strict=True):
        if place.exists():
            place.replace(shelf / name)


def forget_failure(folder: ModelFolder, task: str) -> None:
    """Remove what is said of an earlier failure of a task whose result is there."""
    with suppress(OSError):  # the result counts
        folder.error(task).unlink(missing_ok=True)


def write_failure(folder: ModelFolder, task: str, failure: dict[str, Any]) -> None:
    """Keep the last failure of a task with its traceback."""
    write_json(folder.error(task), failure)


def read_record(folder: ModelFolder, task: str) -> dict[str, Any]:
    """The run record of a task, empty where there is none: other tools write none of ours."""
    return read_run_record(folder.record(task), [])


@contextmanager
def locked(folder: ModelFolder) -> Iterator[None]:
    """Hold the folder's lock while files are moved; the system frees it when a process dies."""
    try:
        folder.side.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(
            f"{folder.side} cannot be written: {error.strerror or error}.",
            "-r FOLDER that can be written and has space",
        ) from error
    lock = acquired(folder.lock)
    try:
        yield
    finally:
        release(lock)
