"""Read a result file, and say whether it answers what is asked."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.results.suites import Task


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
        values = [self.scores[split][subset] for split in task.splits for subset in task.subsets]
        return math.fsum(values) / len(values)


def read_result(place: Path) -> StoredResult | None:
    """The result file, or None where there is none.

    Raises:
        UnreadableResult: It is cut off, or is not a result file.
    """
    try:
        raw = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableResult(str(error)) from error
    try:
        return StoredResult(
            task=raw["task_name"],
            dataset_revision=raw["dataset_revision"],
            mteb_version=raw["mteb_version"],
            scores={split: _by_subset(rows) for split, rows in raw["scores"].items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableResult(f"it is no result file: {error}") from error


def _by_subset(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {row["hf_subset"]: float(row["main_score"]) for row in rows}
