"""What the folders of one model answer of a suite, and which of them answers a task."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.errors import some
from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.identity import EXTERNAL, NO_REVISION
from angle_bench.results.layout import SIDE
from angle_bench.results.old_schema import FORMER
from angle_bench.results.result_file import StoredResult, UnreadableResult, read_result
from angle_bench.results.run_record import read_run_record
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task


@dataclass(frozen=True)
class StoredScore:
    """The score of a task, and where it stands.

    Attributes:
        score: The mean over the splits and subsets that are asked for, as a fraction.
        folder: The folder of its file.
        file: The file; of an aggregate computed from its parts, that of the first part.
        dataset_revision: The revision of the data, as the file says.
        mteb_version: The version that scored it; a range where several did.
        parts: How many files an aggregate was computed from; 0 where it has a file of its own.
        record: The run record; empty for files of other tools.
    """

    score: float
    folder: ResultFolder
    file: Path
    dataset_revision: str
    mteb_version: str | None
    parts: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MergedScores:
    """What the folders of one model answer together.

    Attributes:
        folders: Those that answer anything, the main one first.
        answers: By task.
        incomplete: Files without a score of some split or subset that is asked for, and which.
    """

    folders: tuple[ResultFolder, ...]
    answers: Mapping[str, StoredScore]
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """What is noted while files are read."""

    warnings: list[str]
    incomplete: list[str] = field(default_factory=list)


def merge_revisions(
    folders: Sequence[ResultFolder], tasks: Sequence[Task], warnings: list[str]
) -> MergedScores:
    """One row out of the folders of one model: a task is answered by the first that has it whole.

    The revision scored by the latest mteb comes first, since nothing on disk says when a model's
    commit was made; then folders without a revision, then `external`. A score is never put together
    from several folders.

    Args:
        folders: Of one model.
        tasks: What is asked.
        warnings: Takes a line for each file that is left out, and for each cell that two files of
            one revision fill differently.
    """
    reading = _Reading(warnings)
    by_folder = {folder: _answers(folder, tasks, reading) for folder in folders}
    found = sorted(
        (f for f in folders if by_folder[f]), key=lambda f: _age(f, by_folder[f]), reverse=True
    )
    joined: dict[str, StoredScore] = {}
    for folder in found:
        for task, answer in by_folder[folder].items():
            first = joined.setdefault(task, answer)
            if _same_cell(first.folder, folder) and first.score != answer.score:
                warnings.append(
                    f"{task} of {folder.name}@{folder.revision} is {100 * first.score:.2f} in "
                    f"{first.file} and {100 * answer.score:.2f} in {answer.file}; the first counts"
                )
    return MergedScores(tuple(found), joined, tuple(reading.incomplete))


def incomplete_line(files: Sequence[str]) -> str:
    """How many files lack splits or subsets, and which."""
    what = "file lacks" if len(files) == 1 else "files lack"
    return f"{len(files)} result {what} splits or subsets that are asked for: {some([*files])}"


def _answers(folder: ResultFolder, tasks: Sequence[Task], read: _Reading) -> dict[str, StoredScore]:
    """What one folder answers, by task; only the files of these tasks are opened."""
    found = {}
    for task in tasks:
        answer = _from_file(folder, task, read) or _from_parts(folder, task, read)
        if answer is not None:
            found[task.name] = answer
    return found


def _age(
    folder: ResultFolder, found: Mapping[str, StoredScore]
) -> tuple[bool, bool, tuple[int, ...]]:
    """What orders revisions; the newest has the largest."""
    versions = [_numbers(answer.mteb_version) for answer in found.values()]
    named = folder.revision != NO_REVISION
    return (folder.revision != EXTERNAL, named, max(versions, default=()))


def _numbers(version: str | None) -> tuple[int, ...]:
    """`(2, 18, 7)` for `1.29.10-2.18.7`, nothing where no version is known."""
    latest = (version or "").rpartition("-")[2]
    return tuple(int(number) for number in re.findall(r"\d{1,9}", latest)[:3])


def _same_cell(one: ResultFolder, other: ResultFolder) -> bool:
    return one is not other and one.revision == other.revision


def _from_file(folder: ResultFolder, task: Task, read: _Reading) -> StoredScore | None:
    for name in (task.name, FORMER.get(task.name)):
        if name is None or name not in folder.files:
            continue
        place = folder.file(name)
        result = _opened(place, task, read.warnings)
        if result is None:
            continue
        if missing := result.missing(task):
            read.incomplete.append(f"{place} ({some(missing)})")
            continue
        if wrong := result.impossible(task):
            read.warnings.append(f"{place} has a score of {wrong[0]:g}, outside -1 to 1; left out")
            continue
        if twice := result.repeated_in(task):
            read.warnings.append(
                f"{place} has several rows of {some(twice)}; as with mteb, all of them count"
            )
        return StoredScore(
            result.main_score(task),
            folder,
            place,
            result.dataset_revision,
            result.mteb_version,
            record=_record(folder, name, read.warnings),
        )
    return None


def _record(folder: ResultFolder, name: str, warnings: list[str]) -> dict[str, Any]:
    place = folder.path / SIDE / f"{name}.json"
    return read_run_record(place, warnings) if folder.own else {}


def _from_parts(folder: ResultFolder, task: Task, read: _Reading) -> StoredScore | None:
    """An aggregate without a file of its own: the mean of its parts, if all are there."""
    if not task.parts or not folder.files.issuperset(task.parts):
        return None
    parts = [part for name in task.parts if (part := mteb_task(name)) is not None]
    found = [a for part in parts if (a := _from_file(folder, part, read)) is not None]
    if len(found) < len(task.parts):
        return None
    first = found[0]
    return StoredScore(
        math.fsum(answer.score for answer in found) / len(found),
        folder,
        first.file,
        first.dataset_revision,
        first.mteb_version,
        len(found),
        first.record,
    )


def _opened(place: Path, task: Task, warnings: list[str]) -> StoredResult | None:
    try:
        result = read_result(place, task.metric)
    except UnreadableResult as error:
        warnings.append(f"{place} cannot be read ({error}); left out")
        return None
    if result is not None and result.task.casefold() != task.name.casefold():
        warnings.append(f"{place} holds a result of {result.task}; left out")
        return None
    return result
