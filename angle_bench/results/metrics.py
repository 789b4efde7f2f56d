"""Every metric of a result file, where tables need the main score alone."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.results.old_schema import is_old
from angle_bench.results.result_file import UnreadableResult, parsed, result_of

MAIN = "main_score"
_NO_METRIC = {"hf_subset", "languages", MAIN}


@dataclass(frozen=True)
class Metric:
    """One number of a result file.

    Attributes:
        name: As mteb calls it; the main score by the name of its metric, where that is known.
        value: As it stands in the file, for most metrics a fraction; NaN where mteb could not
            compute it.
        main: Whether it is the main score.
    """

    split: str
    subset: str
    name: str
    value: float
    main: bool


@dataclass(frozen=True)
class Metrics:
    """What a result file says.

    Attributes:
        seconds: How long the evaluation took, if it says so.
    """

    task: str
    mteb_version: str | None
    dataset_revision: str
    seconds: float | None
    metrics: tuple[Metric, ...]


def read_metrics(place: Path, main: str = "") -> Metrics | None:
    """The metrics of a result file, `.json` or `.json.gz`; None where there is no file.

    Raises:
        UnreadableResult: It is cut off, or is not a result file.
    """
    try:
        return metrics_of(parsed(place), main)
    except FileNotFoundError:
        return None


def metrics_of(raw: Any, main: str = "") -> Metrics:
    """All metrics of a parsed result file that are numbers.

    Of files from before mteb 1.11 the main score alone. Rows of one subset stay rows.

    Args:
        raw: What the file holds, of either schema.
        main: The name of the task's main score, if it is known.

    Raises:
        UnreadableResult: It is not a result file.
    """
    result = result_of(raw, main)
    if is_old(raw):
        rows = [
            Metric(split, subset, main or MAIN, score, True)
            for split, subsets in result.scores.items()
            for subset, score in subsets.items()
        ]
    else:
        rows = [
            metric
            for split, scores in raw["scores"].items()
            for row in scores
            for metric in _of_row(split, row, main)
        ]
    seconds = raw.get("evaluation_time")
    return Metrics(
        result.task,
        result.mteb_version,
        result.dataset_revision,
        float(seconds) if _is_number(seconds) else None,
        tuple(rows),
    )


def _of_row(split: str, row: Mapping[str, Any], main: str) -> Iterator[Metric]:
    subset = row["hf_subset"]
    if row[MAIN] is not None:
        yield Metric(split, subset, main or MAIN, float(row[MAIN]), True)
    for name, value in row.items():
        if name in _NO_METRIC or name == main:
            continue
        if value is None or _is_number(value):
            yield Metric(split, subset, name, _value(name, value), False)


def _value(name: str, value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError as error:
        raise UnreadableResult(f"{name} is a number beyond all scores") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
