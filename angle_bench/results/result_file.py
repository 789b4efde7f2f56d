"""Read a result file, and say whether it answers what is asked."""

import gzip
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from angle_bench.errors import first_line, printable
from angle_bench.files.regular import read_regular
from angle_bench.results.old_schema import RENAMED, is_old, old_scores
from angle_bench.suites.task import Task

_LONGEST_NAME = 300
_CUT = 40  # characters of an odd value in a message


class UnreadableResult(Exception):
    """A result file that is cut off, or is not a result file."""


@dataclass(frozen=True)
class StoredResult:
    """One result file.

    Attributes:
        task: The task's name.
        dataset_revision: The hub commit or `local-<16 hex>` of the data.
        mteb_version: The version that scored it.
        scores: Main score by split and subset, as a fraction; of several rows of one subset the
            mean.
        repeated: How many rows a subset has, by split and subset, where these are several.
    """

    task: str
    dataset_revision: str
    mteb_version: str | None
    scores: Mapping[str, Mapping[str, float]]
    repeated: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def missing(self, task: Task) -> list[str]:
        """The splits and subsets of a task that have no score here."""
        absent = []
        for split in task.splits:
            there = self.scores.get(split, {})
            if not there:
                absent.append(split)
            absent += [
                f"{split}/{subset}" for subset in task.subsets if there and subset not in there
            ]
        return absent

    def main_score(self, task: Task) -> float:
        """The mean of the main scores over the task's splits and subsets, as a fraction.

        As mteb has it (`TaskResult.get_score`), the mean is over rows: a subset that stands twice
        counts twice.
        """
        asked = self._asked(task)
        rows = [self.repeated.get(place, 1) for place in asked]
        return math.fsum(
            score * count for score, count in zip(asked.values(), rows, strict=True)
        ) / sum(rows)

    def impossible(self, task: Task) -> list[float]:
        """Main scores over the task's splits and subsets that no metric can have."""
        return [score for score in self._asked(task).values() if not -1 <= score <= 1]

    def repeated_in(self, task: Task) -> list[str]:
        """The splits and subsets of a task that have several rows."""
        return [
            f"{split}/{subset}"
            for split, subset in self._asked(task)
            if (split, subset) in self.repeated
        ]

    def _asked(self, task: Task) -> dict[tuple[str, str], float]:
        return {
            (split, subset): self.scores[split][subset]
            for split in task.splits
            for subset in task.subsets
        }


def read_result(place: Path, metric: str = "") -> StoredResult | None:
    """The result file, or None where there is none.

    Args:
        place: The file, of either schema; `.json`, or `.json.gz`.
        metric: The task's main score, without which files from before mteb 1.11 say nothing.

    Raises:
        UnreadableResult: It is cut off, or is not a result file.
    """
    try:
        return result_of(parsed(place), metric)
    except FileNotFoundError:
        return None


def result_of(raw: Any, metric: str = "") -> StoredResult:
    """What a parsed result file says.

    Raises:
        UnreadableResult: It is not a result file.
    """
    try:
        return _old(raw, metric) if is_old(raw) else _new(raw)
    except _NoResult as error:
        raise UnreadableResult(f"it is no result file: {error}") from error


def is_result(place: Path) -> bool:
    """Whether a file has what result files of either schema have at the top."""
    try:
        raw = parsed(place)
    except (UnreadableResult, FileNotFoundError):
        return False
    return isinstance(raw, dict) and (is_old(raw) or {"task_name", "scores"} <= set(raw))


def parsed(place: Path) -> Any:
    """What a JSON file holds, packed or not.

    Raises:
        UnreadableResult: It is cut off, or no JSON.
        FileNotFoundError: The file does not exist.
    """
    try:
        data = read_regular(place)
        if place.suffix == ".gz":
            data = gzip.decompress(data)
        return json.loads(data)
    except FileNotFoundError:
        raise
    except RecursionError as error:
        raise UnreadableResult("it is nested too deeply") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableResult(getattr(error, "strerror", None) or first_line(error)) from error
    except ValueError as error:
        raise UnreadableResult(f"cut off, or no JSON: {first_line(error)}") from error


def read_object(place: Path) -> dict[str, Any]:
    """A JSON file's object, such as a run record; empty where there is none that can be read."""
    try:
        value = json.loads(read_regular(place))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class _NoResult(Exception):
    """What a result file has, and this one has not."""


def _new(raw: Any) -> StoredResult:
    head = _object(raw, "the file")
    scores = _object(head.get("scores"), "scores")
    if "dataset_revision" not in head:
        raise _NoResult("dataset_revision is missing")
    rows = {split: _rows(found) for split, found in scores.items()}
    return _stored(head, _text(head, "task_name"), rows)


def _old(raw: Mapping[str, Any], metric: str) -> StoredResult:
    name = _text(raw, "mteb_dataset_name")
    _version(raw)
    scores = {
        split: [(subset, _number(score)) for subset, score in subsets.items()]
        for split, subsets in old_scores(raw, metric).items()
    }
    return _stored(raw, RENAMED.get(name, name), scores)


def _stored(
    head: Mapping[str, Any], task: str, rows: Mapping[str, Sequence[tuple[str, float]]]
) -> StoredResult:
    by_split: dict[str, dict[str, list[float]]] = {}
    for split, found in rows.items():
        subsets = by_split.setdefault(_plain(split, "a split"), {})
        for subset, score in found:
            subsets.setdefault(_plain(subset, "a subset"), []).append(score)
    return StoredResult(
        task,
        _text(head, "dataset_revision") if head.get("dataset_revision") else "unknown",
        _version(head),
        {
            split: {subset: sum(values) / len(values) for subset, values in subsets.items()}
            for split, subsets in by_split.items()
        },
        {
            (split, subset): len(values)
            for split, subsets in by_split.items()
            for subset, values in subsets.items()
            if len(values) > 1
        },
    )


def _rows(value: Any) -> list[tuple[str, float]]:
    """Subsets with their main scores; one whose main score is null has none."""
    if not isinstance(value, list):
        raise _NoResult(f"{_shown(value)} where a split has a list of scores")
    found = []
    for each in value:
        row = _object(each, "a score")
        if "main_score" not in row:
            raise _NoResult("main_score is missing")
        subset = _text(row, "hf_subset")
        if row["main_score"] is not None:
            found.append((subset, _number(row["main_score"])))
    return found


def _version(head: Mapping[str, Any]) -> str | None:
    return None if head.get("mteb_version") is None else _text(head, "mteb_version")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _NoResult(f"{_shown(value)} where {what} is an object")
    return value


def _text(row: Mapping[str, Any], key: str) -> str:
    if key not in row:
        raise _NoResult(f"{key} is missing")
    return _plain(row[key], key)


def _plain(value: Any, what: str) -> str:
    """A name: a text that can be shown on a line and written to a file."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_NAME:
        raise _NoResult(f"{_shown(value)} is no {what.removeprefix('a ')}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _NoResult(f"{_shown(value)} is no score")
    try:
        return float(value)
    except OverflowError as error:
        raise _NoResult(f"{_shown(value)} is no score") from error


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = printable(repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= _CUT else f"{text[:_CUT]}…"
