"""What a run record says of the files beside it, so that rot on the disk is told from a result."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xxhash import xxh3_128, xxh3_128_hexdigest

from angle_bench.errors import first_line
from angle_bench.results.layout import ModelFolder

RECORDED = "checksums"
_BLOCK = 1 << 20


def scores_checksums(raw: Any) -> dict[str, str]:
    """A checksum of what a parsed result file says of each split and subset.

    Of values, not of bytes: another tool may add splits and subsets to the file.
    """
    rows: dict[str, list[Any]] = {}
    for split, entries in raw.get("scores", {}).items():
        for entry in entries:
            rows.setdefault(f"{split}/{entry['hf_subset']}", []).append(entry)
    return {part: _of_value(entries) for part, entries in rows.items()}


def file_checksum(place: Path) -> str:
    """A checksum of a file's bytes."""
    digest = xxh3_128()
    with place.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def damaged(folder: ModelFolder, task: str, raw: Any, record: Mapping[str, Any]) -> str:
    """Which of a task's files is not what was stored; empty where all are.

    Records from before there were checksums say nothing: of these, predictions are read.

    Args:
        folder: Where the files are.
        task: Whose.
        raw: The parsed result file.
        record: The run record.
    """
    said = record.get(RECORDED)
    place = folder.predictions(task)
    if not isinstance(said, dict):
        return _unreadable(place) if place.is_file() else ""
    result = folder.result(task)
    try:
        there = scores_checksums(raw)
        lost = [part for part, sum_ in said["scores"].items() if there.get(part) != sum_]
        if lost:
            return f"{result} is not as it was stored: {lost[0]}"
        if said["predictions"] is not None and file_checksum(place) != said["predictions"]:
            return f"{place} is not as it was stored"
    except FileNotFoundError as error:
        return f"{error.filename} is not there any more"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{result}, its predictions or their checksums cannot be read ({first_line(error)})"
    return ""


def _unreadable(place: Path) -> str:
    import pyarrow as pa

    from angle_bench.results.predictions import read_predictions

    try:
        read_predictions(place)
    except (pa.ArrowException, OSError) as error:
        return f"{place} cannot be read ({first_line(error)})"
    return ""


def _of_value(value: Any) -> str:
    return xxh3_128_hexdigest(json.dumps(value, sort_keys=True).encode())
