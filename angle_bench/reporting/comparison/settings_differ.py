"""How two models were used differently: what a comparison says before any number."""

from collections.abc import Iterable, Mapping
from typing import Any

from angle_bench.reporting.tables.signature import (
    endpoint_parts,
    first_stage_part,
    said_of,
    settings_parts,
)
from angle_bench.results.find.stored_models import StoredModel

_NAMES = {"pool": "pooling", "max": "max_length"}
_SEEN_OF_SERVERS = ("prompts", "size", "precision", "similarity", "mteb")
_BY_LIBRARY = "settings"  # the part of a signature that names the library
_SEEN_OF_LIBRARIES = (_BY_LIBRARY, "first stage", "mteb")
_SHOWN = 40  # characters of a prompt


def settings_differ(
    base: StoredModel,
    candidate: StoredModel,
    base_mteb: Iterable[str | None],
    candidate_mteb: Iterable[str | None],
) -> list[str]:
    """Where two signatures differ beside the model, such as `pooling cls, base mean`.

    Normalising vectors changes no cosine, so it does not count. Pooling, length and dtype of a
    model that a server computes are the server's own: nobody here knows them. So are all settings
    of a model that another library computes.
    Nor does a first stage count that is the other model itself: what is compared is ranking its
    documents again.

    Args:
        base: The model that the other is compared with.
        candidate: The other.
        base_mteb: The versions of mteb that scored the base; none where it has no scores.
        candidate_mteb: Those that scored the other.
    """
    first, second = _parts(base, base_mteb), _parts(candidate, candidate_mteb)
    if _is_first_stage(base, candidate):
        second.pop("first stage", None)
    if not (first["mteb"] and second["mteb"]):
        first["mteb"] = second["mteb"] = ""
    known = set(first) | set(second)
    if base.endpoint or candidate.endpoint:
        known = {*_SEEN_OF_SERVERS}
    elif _BY_LIBRARY in known:
        known = {*_SEEN_OF_LIBRARIES}
    return [
        _said(key, first, second)
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key) and key in known
    ]


def _said(key: str, base: Mapping[str, str], candidate: Mapping[str, str]) -> str:
    if key != _BY_LIBRARY:
        return f"{_NAMES.get(key, key)} {said_of(candidate, key)}, base {said_of(base, key)}"
    if key not in base:
        return f"computed by {candidate[key]} with settings of its own"
    if key not in candidate:
        return f"its base is computed by {base[key]} with settings of its own"
    return f"computed by {candidate[key]}, base by {base[key]}, each with settings of its own"


def _is_first_stage(base: StoredModel, candidate: StoredModel) -> bool:
    """Whether the candidate ranked what the base found."""
    stage = candidate.first_stage
    said = tuple(stage.get(key) for key in ("name", "revision", "settings_id"))
    return said == (base.name, base.revision, base.settings_id)


def _parts(model: StoredModel, mteb: Iterable[str | None]) -> dict[str, str]:
    settings: Mapping[str, Any] | None = model.record.get("settings")
    parts = settings_parts(settings)
    if settings is None:
        parts = {_BY_LIBRARY: str(model.record.get("loader", "mteb"))}
    if endpoint := model.endpoint:
        parts = endpoint_parts(endpoint)
        parts["prompts"] = _prompts(endpoint["prompts"], parts["prompts"])
    if settings is not None:
        parts["pool"] = str(settings["pooling"])
        parts["prompts"] = _prompts(settings["prompts"], parts["prompts"])
    parts |= first_stage_part(model.record)
    return parts | {"mteb": ",".join(sorted(str(version) for version in set(mteb)))}


def _prompts(policy: Mapping[str, Any], digest: str) -> str:
    """One template around every text as it is, anything else by its digest."""
    default = policy.get("default", "")
    if not default or any(policy.get(key) for key in ("role", "type", "task", "instruction")):
        return digest
    return repr(default if len(default) <= _SHOWN else f"{default[: _SHOWN - 1]}…")
