"""What the predictions of one model say of one task: measures over items, and the items."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from angle_bench.errors import first_line
from angle_bench.reporting.comparison.parts import NoEvidence, ScoredPart, part_of
from angle_bench.results.arrow_numbers import numbers, places
from angle_bench.results.find.answers import StoredScore
from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import SIDE
from angle_bench.results.predictions import read_predictions
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Suite, Task

SAME_SCORE = 1e-4  # predictions whose score is further from the stored one belong to another


@dataclass(frozen=True)
class Evidence:
    """One model on one task.

    Attributes:
        score: The main score, as a fraction.
        answer: The stored score, whose data is that of the items.
        parts: One for each split and subset; the score is their mean.
    """

    score: float
    answer: StoredScore
    parts: tuple[ScoredPart, ...]

    def part(self, place: int) -> "Evidence":
        """One split and subset as evidence of its own."""
        part = self.parts[place]
        return Evidence(part.measure.value(), self.answer, (part,))


@dataclass(frozen=True)
class ModelEvidence:
    """One model on a suite.

    Attributes:
        answers: The stored scores, by task.
        usable: The evidence of the tasks that have some.
        reasons: Why the other scores cannot be used item by item, by task.
        unreadable: Of these reasons, the files that are there and cannot be read.
    """

    answers: Mapping[str, StoredScore]
    usable: Mapping[str, Evidence]
    reasons: Mapping[str, str]
    unreadable: tuple[str, ...] = ()


class _Unreadable(NoEvidence):
    """There are predictions, in a file that is damaged."""


def model_evidence(model: StoredModel, suite: Suite, warnings: list[str]) -> ModelEvidence:
    """What a model's files say of a suite, each read once.

    Args:
        model: The model.
        suite: The tasks.
        warnings: Takes a line for each file that is left out.
    """
    answers = model.answers(suite.task, warnings)
    usable, reasons, unreadable = {}, {}, []
    for task in suite.task:
        if task.name in answers:
            try:
                usable[task.name] = read_evidence(answers[task.name], task)
            except NoEvidence as reason:
                reasons[task.name] = str(reason)
                unreadable += [str(reason)] if isinstance(reason, _Unreadable) else []
    return ModelEvidence(answers, usable, reasons, tuple(unreadable))


def read_evidence(answer: StoredScore, task: Task) -> Evidence:
    """The evidence behind a stored score.

    Raises:
        NoEvidence: There is none that can be used.
    """
    try:
        parts = tuple(part for one in _scored_tasks(task) for part in _parts(answer.folder, one))
        found = float(np.mean([part.measure.value() for part in parts]))
    except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
        # what the measures of this type say of columns that are not theirs
        raise NoEvidence(
            f"its predictions are not those of {task.type}: {first_line(error)}"
        ) from error
    if not abs(found - answer.score) <= SAME_SCORE:
        raise NoEvidence(
            f"its predictions give {100 * found:.2f}, its result {100 * answer.score:.2f}"
        )
    return Evidence(found, answer, parts)


def _scored_tasks(task: Task) -> list[Task]:
    """The task, or those that an aggregate is the mean of."""
    found = [mteb_task(name) for name in task.parts]
    return [part for part in found if part is not None] or [task]


def _parts(folder: ResultFolder, task: Task) -> list[ScoredPart]:
    place = folder.path / SIDE / f"{task.name}.parquet"
    if not place.is_file():
        raise NoEvidence("no per-item predictions")
    try:
        table = read_predictions(place)
    except (pa.ArrowException, OSError) as error:
        raise _Unreadable(f"{place} cannot be read ({first_line(error)})") from error
    _check_texts(table)
    parts = _by_part(table)
    none = table.slice(0, 0)
    return [
        part_of(parts.get((split, subset), none), task)
        for split in task.splits
        for subset in task.subsets
    ]


def _check_texts(table: pa.Table) -> None:
    """Items are told apart by their texts, or by hashes of these."""
    if "score" in table.column_names and not {"text1", "text2"} <= {*table.column_names}:
        raise KeyError("text1 or text2")
    for name in ("text", "text1", "text2"):
        if name in table.column_names:
            kind = table[name].type
            if not any(is_kind(kind) for is_kind in _TEXT_KINDS):
                raise TypeError(f"{name} is {kind}")


_TEXT_KINDS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_fixed_size_binary,
)


def _by_part(table: pa.Table) -> dict[tuple[str, str], pa.Table]:
    """The rows of every split and subset, of which some tasks have thousands, in their order."""
    names = [
        table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        for name in ("split", "subset")
    ]
    split, subset = (np.asarray(numbers(each.indices), dtype=np.int64) for each in names)
    code = split * max(len(names[1].dictionary), 1) + subset
    order = np.argsort(code, kind="stable")
    found = {}
    for rows in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        if len(rows):
            own = table.take(places(rows)).combine_chunks()
            found[own["split"][0].as_py(), own["subset"][0].as_py()] = own
    return found
