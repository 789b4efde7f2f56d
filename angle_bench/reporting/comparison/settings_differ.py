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
_SHOWN = 40  # characters of a prompt


def settings_differ(
    base: StoredModel,
    candidate: StoredModel,
    base_mteb: Iterable[str | None],
    candidate_mteb: Iterable[str | None],
) -> list[str]:
    """Where two signatures differ beside the model, such as `pooling cls, base mean`.

    Normalising vectors changes no cosine, so it does not count. Pooling, length and dtype of a
    model that a server computes are the server's own: nobody here knows them.
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
    served = bool(base.endpoint) or bool(candidate.endpoint)
    return [
        f"{_NAMES.get(key, key)} {said_of(second, key)}, base {said_of(first, key)}"
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key) and not (served and key not in _SEEN_OF_SERVERS)
    ]


def _is_first_stage(base: StoredModel, candidate: StoredModel) -> bool:
    """Whether the candidate ranked what the base found."""
    stage = candidate.first_stage
    said = tuple(stage.get(key) for key in ("name", "revision", "settings_id"))
    return said == (base.name, base.revision, base.settings_id)


def _parts(model: StoredModel, mteb: Iterable[str | None]) -> dict[str, str]:
    settings: Mapping[str, Any] | None = model.record.get("settings")
    parts = settings_parts(settings)
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
