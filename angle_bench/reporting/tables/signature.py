"""The line under a table that makes its numbers traceable (CONTRACTS "Identity")."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from angle_bench.results.find.identity import EXTERNAL, NO_REVISION
from angle_bench.suites.task import Suite

# folders of mteb's results repository that are called as no commit is: in a line, and in words
NO_COMMIT = {
    EXTERNAL: ("model card", "stand on the model card, without a revision"),
    NO_REVISION: ("none", "were stored without a revision"),
}
UNSAID = {"precision": "float32"}  # what a line means that lacks the part
# of the model part of a run record
SIGNED = ("settings", "endpoint", "selected_on_test", "loader", "first_stage")
SELECTED = "selected on"  # test splits that the checkpoint was chosen by


@dataclass(frozen=True)
class TaskData:
    """The data that a task was scored on, as its run record says.

    Attributes:
        task: Its name.
        origin: Who had the data.
        revision: Which data: a commit of the hub, or `local-` with a digest of the rows; with
            `+N` where only N samples of each split were taken.
    """

    task: str
    origin: str
    revision: str = ""

    @classmethod
    def recorded(cls, task: str, data: Mapping[str, Any]) -> "TaskData":
        """By the data part of a run record."""
        return cls(task, str(data.get("origin", "unknown")), str(data.get("revision", "")))


def signature(
    model: Mapping[str, Any],
    suite: Suite,
    mteb_versions: Iterable[str | None],
    data: Sequence[TaskData],
    other_revisions: Iterable[str] = (),
) -> str:
    """Model, revision, settings, versions and data as one line.

    Args:
        model: The model part of a run record. Without `settings` they were not recorded; where
            they are None, its loader chose them.
        suite: What was scored.
        mteb_versions: The versions that scored it.
        data: That of each task. Of local data the line has a digest.
        other_revisions: Further revisions of the model that some scores are of.
    """
    revisions = dict.fromkeys(_short(each) for each in (model["revision"], *other_revisions))
    parts = {"model": str(model["name"]).replace("|", "¦"), "rev": "+".join(revisions)}
    if "settings" not in model:
        parts["settings"] = "unrecorded"
    elif model.get("endpoint"):
        parts |= endpoint_parts(model["endpoint"])
    elif model["settings"] is None and "loader" in model:
        parts["settings"] = str(model["loader"])
    else:
        parts |= settings_parts(model["settings"])
    parts |= first_stage_part(model)
    if chosen := model.get("selected_on_test"):
        parts[SELECTED] = "+".join(chosen).replace("|", "¦")
    parts["mteb"] = ",".join(sorted({version or "unknown" for version in mteb_versions}))
    parts["suite"] = suite.signature
    parts |= _data_parts(data)
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def _data_parts(data: Sequence[TaskData]) -> dict[str, str]:
    """`data:hub,mirror@1a2b3c4d`, and `limit:20` of a smoke run."""
    origins = ",".join(sorted({each.origin for each in data}))
    split = [(each.task, *each.revision.partition("+")[::2]) for each in data]
    local = sorted(f"{task} {revision}" for task, revision, _ in split if revision[:6] == "local-")
    digest = f"@{hashlib.sha256(chr(10).join(local).encode()).hexdigest()[:8]}" if local else ""
    limits = sorted({limit for _, _, limit in split if limit}, key=lambda each: (len(each), each))
    return {"data": origins + digest} | ({"limit": ",".join(limits)} if limits else {})


def parts_of(line: str) -> dict[str, str]:
    """The parts of a signature by their keys.

    >>> parts_of("model:a|rev:1:2")
    {'model': 'a', 'rev': '1:2'}
    """
    pairs = (part.partition(":") for part in line.split("|"))
    return {key: value for key, _, value in pairs}


def said_of(parts: Mapping[str, str], key: str) -> str:
    """What the parts of a signature say of a key.

    >>> said_of({"layer": "2"}, "layer"), said_of({}, "precision"), said_of({}, "similarity")
    ('2', 'float32', 'none')
    """
    return parts.get(key, UNSAID.get(key, "none"))


def joined(signatures: Sequence[str]) -> str:
    """Signatures as one: where parts differ, all their values.

    >>> joined(["model:a|layer:2|size:64", "model:a|layer:4|size:64"])
    'model:a|layer:2,4|size:64'
    """
    lines = [parts_of(line) for line in signatures]
    longest_first = sorted(lines, key=len, reverse=True)  # so that each part stands in its place
    values: dict[str, dict[str, None]] = {key: {} for line in longest_first for key in line}
    for line in lines:
        for key, known in values.items():
            if (value := line.get(key, UNSAID.get(key))) is not None:
                known[value] = None
    return "|".join(f"{key}:{','.join(known)}" for key, known in values.items())


def revision_words(revision: str) -> str:
    """What is said of scores of a revision.

    >>> revision_words("external"), revision_words("1a2b3c4d")
    ('stand on the model card, without a revision', 'are of revision 1a2b3c4d')
    """
    return (
        NO_COMMIT[revision][1] if revision in NO_COMMIT else f"are of revision {_short(revision)}"
    )


def _short(revision: str) -> str:
    return NO_COMMIT.get(revision, (revision.removeprefix("sha256-")[:8],))[0]


def first_stage_part(model: Mapping[str, Any]) -> dict[str, str]:
    """What a signature says of whose documents a model ranked, by the model part of a record."""
    stage = model.get("first_stage")
    if not isinstance(stage, Mapping):
        return {}
    settings = f"+{stage['settings_id']}" if stage.get("settings_id") else ""
    shown = f"{stage.get('name')}@{_short(str(stage.get('revision')))}{settings}"
    return {"first stage": shown.replace("|", "¦")}


def settings_parts(settings: Mapping[str, Any] | None) -> dict[str, str]:
    """What a signature says of recorded settings."""
    if settings is None:
        return {"settings": "mteb"}
    special = {key: settings.get(key) for key in _SPECIAL}
    return {
        "pool": str(settings["pooling"]) + ("+norm" if settings["normalize"] else ""),
        "prompts": _prompts(settings["prompts"]),
        "max": str(settings["max_length"]),
        "dtype": settings["dtype"],
        **{
            key: str(value)
            for key, value in special.items()
            # a start of 0 is said
            if value not in (None, "auto", "cosine") and value is not False
        },
        **({} if settings.get("include_prompt", True) else {"prompt tokens": "not pooled"}),
        "layer": "last" if settings.get("layer") is None else str(settings["layer"]),
        "size": str(settings.get("size") or "full"),
        **({"precision": said} if (said := settings.get("precision")) else {}),
    }


def endpoint_parts(endpoint: Mapping[str, Any]) -> dict[str, str]:
    """What a signature says of a model that a server computes."""
    return {
        "settings": "endpoint",
        "prompts": _prompts(endpoint["prompts"]),
        "size": str(endpoint.get("dimensions") or "full"),
    }


_SPECIAL = (
    "attention",
    "compile",
    "bidirectional_start",
    "quantization",
    "merge_adapter",
    "prepare_sentence",
    "similarity",
    "truncate_dim",
)


def _prompts(policy: Mapping[str, Any]) -> str:
    if not any(_templates(policy)):
        return "none"
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _templates(policy: Mapping[str, Any]) -> Iterator[str]:
    for entry in policy.values():
        if isinstance(entry, Mapping):
            yield from _templates(entry)
        else:
            yield entry
