"""What is known of a row's model beside its scores: size, dimensions, length, licence, speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from angle_bench.reporting.tables.signature import parts_of
from angle_bench.reporting.tables.table import TableRow
from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.find.walk import META
from angle_bench.results.layout import SIDE
from angle_bench.results.result_file import read_object
from angle_bench.results.run_record import read_run_record

FEWEST_TEXTS, SHORTEST = 1000, 1.0  # of a measured speed: texts, and seconds that they took
_NOT_SETTINGS = ("model", "rev", "suite", "published")


@dataclass(frozen=True)
class ModelFacts:
    """A model as its run records and its model_meta.json describe it; None is unknown.

    Attributes:
        parameters: How many.
        disk: Bytes of its weight files, and of an adapter's base.
        dimensions: Of a vector, after a cut.
        max_tokens: Of a text.
        dtype: Of the weights as they were computed with.
        licence: As its card says.
        base: What it was made of.
        speed: Texts per second, over the tasks that were computed and not taken from a store.
        device: What computed these.
        settings: How it was used, by name, from its signature.
    """

    parameters: int | None = None
    disk: int | None = None
    dimensions: int | None = None
    max_tokens: int | None = None
    dtype: str | None = None
    licence: str | None = None
    base: str | None = None
    speed: float | None = None
    device: str | None = None
    settings: Mapping[str, str] | None = None


def model_facts(row: TableRow, models: Sequence[StoredModel]) -> ModelFacts:
    """What is known of a row; of several runs, of the first, and what all of them say of speed."""
    settings = {
        key: value for key, value in parts_of(row.signature).items() if key not in _NOT_SETTINGS
    }
    if not models:
        return ModelFacts(settings=settings)
    meta = _meta(models[0].folders)
    used: Mapping[str, Any] = models[0].record.get("settings") or {}
    speed, device = _speed([folder for model in models for folder in model.folders])
    return ModelFacts(
        parameters=_whole(meta.get("n_parameters")),
        disk=_whole(models[0].record.get("weight_bytes")),
        dimensions=_whole(used.get("size")) or _whole(meta.get("embed_dim")),
        max_tokens=_whole(used.get("max_length")) or _whole(meta.get("max_tokens")),
        dtype=_text(used.get("dtype")),
        licence=_text(meta.get("license")),
        base=models[0].made_from or _text(meta.get("adapted_from")),
        speed=speed,
        device=device,
        settings=settings,
    )


def _meta(folders: Sequence[ResultFolder]) -> dict[str, Any]:
    """What any of the revisions' folders says, the first that says it."""
    found: dict[str, Any] = {}
    for folder in folders:
        place = folder.path / META
        if place.is_file():
            for key, value in read_object(place).items():
                if found.get(key) is None:
                    found[key] = value
    return found


def _speed(folders: Sequence[ResultFolder]) -> tuple[float | None, str | None]:
    """Texts per second, and on what.

    The counts of a record are those of its command so far, so that a task has what it adds to the
    record before it. The first record of a command is left out: texts that were computed before
    its task began are among its counts.
    """
    records = [
        read_run_record(place, [])  # what is odd is said where scores are read
        for folder in folders
        if folder.own
        for place in sorted((folder.path / SIDE).glob("*.json"))
        if not place.name.endswith(".error.json")
    ]
    records = [record for record in records if record.get("phases") and record.get("utc")]
    records.sort(key=lambda record: (str(record["utc"]), _forwarded(record)))
    texts, seconds, devices = 0, 0.0, []
    for before, after in pairwise(records):
        added = _forwarded(after) - _forwarded(before)
        if before.get("command") == after.get("command") and added > 0:
            texts += added
            seconds += _encoding_seconds(after)
            devices.append(str(after.get("device")))
    if texts < FEWEST_TEXTS or seconds < SHORTEST or len(set(devices)) > 1:
        return None, None
    return texts / seconds, devices[0]


def _forwarded(record: Mapping[str, Any]) -> int:
    return int((record.get("encoded_so_far") or {}).get("forwarded") or 0)


def _encoding_seconds(record: Mapping[str, Any]) -> float:
    phases = [each for each in record["phases"] if str(each.get("name")).startswith("Encoding")]
    return sum(float(each["end"]) - float(each["start"]) for each in phases)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < float("inf") else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
