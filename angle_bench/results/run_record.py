"""Run records as they are read back: what is odd in one is said, and it says nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from angle_bench.results.result_file import read_object

_TEXTS = ("name", "label", "revision", "loader", "folder", "base", "made_from", "settings_digest")
_SETTINGS = ("pooling", "normalize", "prompts", "max_length", "dtype")  # which all records have


def read_run_record(place: Path, warnings: list[str]) -> dict[str, Any]:
    """A run record; empty where there is none, or where it is not what a run writes.

    Args:
        place: The file.
        warnings: Takes a line that says what is odd.
    """
    record = read_object(place)
    odd = _odd(record) if record or not place.exists() else "cut off, or no JSON object"
    if odd is None:
        return record
    warnings.append(f"the run record {place} cannot be used ({odd}); left out")
    return {}


def _odd(record: Mapping[str, Any]) -> str | None:
    model, data = record.get("model", {}), record.get("data", {})
    if not isinstance(model, dict):
        return "model is no object"
    if not isinstance(data, dict) or not isinstance(data.get("verification", {}), dict):
        return "data or its verification is no object"
    if not isinstance(data.get("rows", {}), dict):
        return "rows of data are no object"
    for key in _TEXTS:
        if not isinstance(model.get(key), str | None):
            return f"{key} of model is no text"
    if not _is_size(model.get("weight_bytes")):
        return "weight_bytes of model is no count of bytes"
    chosen = model.get("selected_on_test") or []
    if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
        return "selected_on_test is no list of texts"
    if not isinstance(record.get("command") or [], list):
        return "command is no list"
    odd = _odd_settings(model.get("settings")) or _odd_endpoint(model.get("endpoint"))
    return odd or _odd_account(record)


def _is_size(value: Any) -> bool:
    """Bytes; records that were written before they were kept have none."""
    return value is None or (type(value) is int and value >= 0)


def _odd_account(record: Mapping[str, Any]) -> str | None:
    """What is odd in how it was computed: versions, prompts, device, counts, phases."""
    if not _is_object_of(record.get("versions", {}), str | None):
        return "versions are no object of texts"
    prompts = record.get("prompts")
    if not isinstance(prompts, str | None) and not _is_object_of(prompts, str):
        return "prompts are no object of texts"
    if not isinstance(record.get("device"), str | None):
        return "device is no text"
    if not _is_object_of(record.get("encoded_so_far") or {}, int):
        return "encoded_so_far is no object of whole numbers"
    phases = record.get("phases") or []
    if not isinstance(phases, list) or not all(map(_is_phase, phases)):
        return "phases are no list of names with start and end"
    return None


def _is_object_of(value: Any, kind: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, kind) for each in value.values())


def _is_phase(phase: Any) -> bool:
    times = [phase.get("start"), phase.get("end")] if isinstance(phase, dict) else [None]
    return all(isinstance(each, int | float) for each in times)


def _odd_settings(settings: Any) -> str | None:
    if settings is None:
        return None
    if not isinstance(settings, dict):
        return "settings is no object"
    if lacking := [key for key in _SETTINGS if key not in settings]:
        return f"settings lack {lacking[0]}"
    if not isinstance(settings["dtype"], str):
        return "dtype is no text"
    return None if _are_prompts(settings["prompts"]) else "prompts are no object of texts"


def _odd_endpoint(endpoint: Any) -> str | None:
    """What is odd in which server computed it; most records have none."""
    if endpoint is None:
        return None
    if not isinstance(endpoint, dict):
        return "endpoint is no object"
    if not all(isinstance(endpoint.get(key), str) for key in ("url", "model")):
        return "url or model of endpoint is no text"
    if not isinstance(endpoint.get("dimensions", ""), int | None):
        return "dimensions of endpoint is no whole number"
    return None if _are_prompts(endpoint.get("prompts")) else "prompts are no object of texts"


def _are_prompts(prompts: Any, *, depth: int = 4) -> bool:
    """Templates, switches, and objects of these."""
    return isinstance(prompts, dict) and all(
        isinstance(each, str | bool | None) or (depth > 0 and _are_prompts(each, depth=depth - 1))
        for each in prompts.values()
    )
