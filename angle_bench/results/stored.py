"""Read a result file, and say whether it answers what is asked."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.results.old_schema import RENAMED, is_old, old_scores
from angle_bench.results.task import Task


class UnreadableResult(Exception):
    """A result file that is cut off, or is not a result file."""


@dataclass(frozen=True)
class StoredResult:
    """One result file.

    Attributes:
        task: The task's name.
        dataset_revision: The hub commit or `local-<16 hex>` of the data.
        mteb_version: The version that scored it.
        scores: Main score by split and subset, as a fraction.
    """

    task: str
    dataset_revision: str
    mteb_version: str | None
    scores: Mapping[str, Mapping[str, float]]

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
        """The mean of the main scores over the task's splits and subsets, as a fraction."""
        values = self._asked(task)
        return math.fsum(values) / len(values)

    def impossible(self, task: Task) -> list[float]:
        """Main scores over the task's splits and subsets that no metric can have."""
        return [score for score in self._asked(task) if not -1 <= score <= 1]

    def _asked(self, task: Task) -> list[float]:
        return [self.scores[split][subset] for split in task.splits for subset in task.subsets]


def read_result(place: Path, metric: str = "") -> StoredResult | None:
    """The result file, or None where there is none.

    Args:
        place: The file, of either schema.
        metric: The task's main score, without which files from before mteb 1.11 say nothing.

    Raises:
        UnreadableResult: It is cut off, or is not a result file.
    """
    try:
        raw = json.loads(place.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableResult(error.strerror or str(error)) from error
    except RecursionError as error:
        raise UnreadableResult("it is nested too deeply") from error
    except ValueError as error:
        raise UnreadableResult(f"cut off, or no JSON: {error}") from error
    try:
        return _old(raw, metric) if is_old(raw) else _new(raw)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableResult(f"it is no result file: {error}") from error


def read_object(place: Path) -> dict[str, Any]:
    """A JSON file's object, such as a run record; empty where there is none that can be read."""
    try:
        value = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _new(raw: Mapping[str, Any]) -> StoredResult:
    return StoredResult(
        task=raw["task_name"],
        dataset_revision=raw["dataset_revision"] or "unknown",
        mteb_version=raw.get("mteb_version"),
        scores={split: _by_subset(rows) for split, rows in raw["scores"].items()},
    )


def _old(raw: Mapping[str, Any], metric: str) -> StoredResult:
    name = raw["mteb_dataset_name"]
    return StoredResult(
        task=RENAMED.get(name, name),
        dataset_revision=raw.get("dataset_revision") or "unknown",
        mteb_version=raw.get("mteb_version"),
        scores={
            split: {subset: _number(score) for subset, score in rows.items()}
            for split, rows in old_scores(raw, metric).items()
        },
    )


def _by_subset(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Main scores; a subset whose main score is null has none."""
    return {
        row["hf_subset"]: _number(row["main_score"])
        for row in rows
        if row["main_score"] is not None
    }


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{str(value)[:40]!r} is no score")
    return float(value)
