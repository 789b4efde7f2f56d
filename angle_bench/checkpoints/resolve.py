"""From what a person types after -m to a ModelSpec, without torch and without mteb."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.endpoint.endpoint_ref import is_endpoint
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.checkpoints.registry.mteb_models import mteb_name
from angle_bench.checkpoints.registry.registry import find, find_by_path, one_entry
from angle_bench.checkpoints.sources.from_folder import existing_folder, from_folder
from angle_bench.checkpoints.sources.from_hub import from_hub
from angle_bench.checkpoints.sources.from_mteb import from_mteb
from angle_bench.checkpoints.sources.from_row import from_row
from angle_bench.checkpoints.spec import NO_TRUST, ModelSpec, Trust
from angle_bench.checkpoints.suggestions import unknown
from angle_bench.errors import UsageError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(
    text: str, overrides: Overrides | None = None, access: LoadOptions | None = None
) -> ModelSpec:
    """The checkpoint that a reference means.

    An endpoint, a path, then the user's rows and the registry's, then the names that mteb knows,
    then the hub.

    Raises:
        UsageError: Nothing of that name is known; the nearest names are given.
        ModelError: It is known, but cannot be read.
    """
    return resolve_all([text], overrides, access)[0]


def resolve_all(
    named: Sequence[str | ModelRef],
    overrides: Overrides | None = None,
    access: LoadOptions | None = None,
) -> list[ModelSpec]:
    """Several checkpoints, each once and under a label of its own.

    Folders of one name are shown with their parent's, unless they were given labels.

    Raises:
        UsageError: One label for two checkpoints, or a base for none that needs one.
    """
    access = access or LoadOptions()
    refs = [each if isinstance(each, ModelRef) else ModelRef.parse(each) for each in named]
    _refuse_trust_for_all(refs, access.trust)
    found: list[tuple[ModelRef, ModelSpec]] = []
    for ref in refs:
        spec = _resolve(ref, overrides or Overrides(), access)
        if all(spec.model_copy(update={"label": other.label}) != other for _, other in found):
            found.append((ref, spec))
    if access.base is not None and not any(spec.base for _, spec in found):
        raise UsageError("--base is for adapters, and none is named.", "the command without --base")
    times = Counter(spec.label for _, spec in found)
    specs = [
        _with_parent(spec) if times[spec.label] > 1 and ref.label is None else spec
        for ref, spec in found
    ]
    for label, count in Counter(spec.label for spec in specs).items():
        if count > 1:
            raise UsageError(
                f"{count} models would be shown as {label}.",
                "-m first=PATH -m second=PATH, with a label before each",
            )
    return specs


def means_a_checkpoint(name: str, access: LoadOptions) -> bool:
    """Whether a name is looked up at all: a path, a row, a name of mteb, or ORG/NAME of the hub."""
    return (
        is_endpoint(name)
        or _is_spec_file(name)
        or _is_path(name)
        or find(name) is not None
        or access.in_mirror(name) is not None
        or mteb_name(name) is not None
        or _HUB_ID.fullmatch(name) is not None
    )


def _refuse_trust_for_all(refs: Sequence[ModelRef], trust: Trust) -> None:
    models = len([ref for ref in refs if ref.training is None])
    makers = models + len({ref.training for ref in refs} - {None})  # a training's steps are of one
    if makers > 1 and trust != NO_TRUST:
        option = "--trust-remote-code" if trust.remote_code else "--allow-pickle"
        raise UsageError(
            f"{option} is for one model, and {makers} are named.",
            "one command for each",
        )


def _with_parent(spec: ModelSpec) -> ModelSpec:
    if spec.folder is None or not spec.name.startswith("local/"):
        return spec
    label = f"{spec.folder.parent.name}/{spec.folder.name}"
    return spec.model_copy(update={"label": label})


def _resolve(ref: ModelRef, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    if is_endpoint(ref.name):
        from angle_bench.checkpoints.endpoint.from_endpoint import from_endpoint

        return from_endpoint(ref, overrides, access)
    if _is_spec_file(ref.name):
        return from_row(ref, one_entry(_existing_file(ref.name)), overrides, access)
    if _is_path(ref.name):
        folder = existing_folder(ref)
        return from_folder(ref, folder, overrides, access, find_by_path(folder))
    if (entry := find(ref.name)) is not None:
        return from_row(ref, entry, overrides, access)
    if (mirrored := access.in_mirror(ref.name)) is not None:
        return from_folder(ref, mirrored, overrides, access, None, ref.name)
    if (known := mteb_name(ref.name)) is not None:
        return from_mteb(ref, known, overrides, access)
    if _HUB_ID.fullmatch(ref.name):
        return from_hub(ref, overrides, access)
    raise unknown(ref.name)


def _is_spec_file(name: str) -> bool:
    return name.endswith(".toml") and not Path(name).is_dir()


def _existing_file(name: str) -> Path:
    place = expand(name)
    if not place.is_file():
        raise UsageError(f"there is no file {name}.", "-m SPEC.toml of a file that is here")
    return place


def _is_path(name: str) -> bool:
    if name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1:
        return True
    return Path(name).is_dir() and find(name) is None
