"""From what a person types after -m to a ModelSpec, without torch and without mteb."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from angle_bench.errors import (
    ModelError,
    NotRecordedError,
    UsageError,
    did_you_mean,
    or_list,
)
from angle_bench.models import hub
from angle_bench.models.access import Access, bundled_commit
from angle_bench.models.adapter_config import CONFIG, is_adapter, recorded_base
from angle_bench.models.content import content_hash
from angle_bench.models.entry import Entry
from angle_bench.models.folder import FolderFacts, looks_like_checkpoint, read_folder
from angle_bench.models.known import (
    is_instructed,
    known_names,
    mteb_models,
    mteb_name,
    mteb_protocol,
)
from angle_bench.models.nearby import checkpoints_near, folders_beside, unknown
from angle_bench.models.overrides import Overrides
from angle_bench.models.prompts import alike
from angle_bench.models.reference import ModelRef, expand
from angle_bench.models.registry import find, find_by_path, one_entry, registry
from angle_bench.models.spec import NO_TRUST, ModelSpec, Settings, Trust

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(
    text: str, overrides: Overrides | None = None, access: Access | None = None
) -> ModelSpec:
    """The checkpoint that a reference means.

    A path, then the user's rows and the registry's, then the names that mteb knows, then the hub.

    Raises:
        UsageError: Nothing of that name is known; the nearest names are given.
        ModelError: It is known, but cannot be read.
    """
    return resolve_all([text], overrides, access)[0]


def resolve_all(
    named: Sequence[str | ModelRef],
    overrides: Overrides | None = None,
    access: Access | None = None,
) -> list[ModelSpec]:
    """Several checkpoints, each once and under a label of its own.

    Folders of one name are shown with their parent's, unless they were given labels.

    Raises:
        UsageError: One label for two checkpoints, or a base for none that needs one.
    """
    access = access or Access()
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


def _refuse_trust_for_all(refs: Sequence[ModelRef], trust: Trust) -> None:
    models = len([ref for ref in refs if ref.training is None])
    makers = models + len({ref.training for ref in refs} - {None})  # a training's steps are of one
    if makers > 1 and trust != NO_TRUST:
        option = "--trust-remote-code" if trust.remote_code else "--allow-pickle"
        raise UsageError(
            f"{option} is for one model, and {makers} are named.",
            f"one command for each, or {option[2:].replace('-', '_')} = true in its row of "
            "angle-bench.toml",
        )


def _with_parent(spec: ModelSpec) -> ModelSpec:
    if spec.folder is None or not spec.name.startswith("local/"):
        return spec
    label = f"{spec.folder.parent.name}/{spec.folder.name}"
    return spec.model_copy(update={"label": label})


def _resolve(ref: ModelRef, overrides: Overrides, access: Access) -> ModelSpec:
    if _is_spec_file(ref.name):
        return _from_entry(ref, one_entry(_existing_file(ref.name)), overrides, access)
    if _is_path(ref.name):
        folder = _existing_folder(ref)
        return _from_folder(ref, folder, overrides, access, find_by_path(folder))
    if (entry := find(ref.name)) is not None:
        return _from_entry(ref, entry, overrides, access)
    if (mirrored := access.in_mirror(ref.name)) is not None:
        return _from_folder(ref, mirrored, overrides, access, None, ref.name)
    if (known := mteb_name(ref.name)) is not None:
        return _from_mteb(ref, known, overrides)
    if _HUB_ID.fullmatch(ref.name):
        return _from_hub(ref, overrides, access)
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


def _existing_folder(ref: ModelRef) -> Path:
    folder = expand(ref.name)
    if folder.is_file():
        raise UsageError(f"{ref.name} is a file, not a checkpoint folder.", f"-m {folder.parent}")
    if not folder.is_dir():
        near = did_you_mean(folder.name, folders_beside(folder))
        hint = f" Did you mean {or_list([str(folder.parent / n) for n in near])}?" if near else ""
        raise UsageError(
            f"there is no folder {ref.name}.{hint}", "-m PATH of a checkpoint folder, or a name"
        )
    if ref.revision is not None:
        raise UsageError(
            f"{ref.name} is a folder: its content is its revision, @{ref.revision} means nothing.",
            f"-m {ref.name}",
        )
    return folder.resolve()


def _from_folder(
    ref: ModelRef,
    folder: Path,
    overrides: Overrides,
    access: Access,
    entry: Entry | None,
    hub_id: str | None = None,
) -> ModelSpec:
    """A folder; where it is the copy of a hub checkpoint in a mirror, `hub_id` says of which."""
    trust = _trust(access, entry)
    base = _base(folder, access, entry)
    name = hub_id or f"local/{folder.name}"
    label = ref.label or (entry.name if entry and entry.path else name.rpartition("/")[2])
    content = content_hash(folder, base)
    revision = (
        bundled_commit(folder, content) if base is None else None
    ) or f"sha256-{content[:16]}"
    facts = read_folder(folder, base, trust)
    common = {"name": name, "label": label, "revision": revision, "folder": folder, "trust": trust}
    if facts.loader != "transformers":
        _refuse_overrides(ref.name, facts.loader, overrides)
        _refuse_other_base(ref.name, folder, base)
        return ModelSpec(**common, loader=facts.loader, note=facts.note)
    defaults = _defaults(ref, entry, facts)
    if not access.files_only:
        _refuse_unrecorded(ref, facts, entry, overrides, adapter=base is not None)
    recorded = overrides.pooling is not None or (entry is not None and entry.pooling is not None)
    settings = overrides.apply(defaults, name)
    notes = [None if recorded else facts.note, _prompted_otherwise(hub_id, defaults, settings)]
    return ModelSpec(
        **common,
        base=None if base is None else str(base),
        settings=settings,
        defaults=defaults,
        shape=facts.shape,
        note="; ".join(filter(None, notes)) or None,
        selected_on_test=facts.selected_on_test,
    )


def _trust(access: Access, entry: Entry | None) -> Trust:
    given, said = access.trust, entry.trust if entry else NO_TRUST
    return Trust(
        remote_code=given.remote_code or said.remote_code, pickle=given.pickle or said.pickle
    )


def _base(folder: Path, access: Access, entry: Entry | None) -> Path | None:
    if not is_adapter(folder):
        return None
    return access.base_of(folder, entry.base if entry else None)


def _defaults(ref: ModelRef, entry: Entry | None, facts: FolderFacts) -> Settings:
    if entry is None:
        return facts.settings
    return _entry_settings(ref, entry, facts.settings)


def _entry_settings(ref: ModelRef, entry: Entry, own: Settings | None) -> Settings:
    try:
        return entry.settings(own)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{ref.name} has no {first['loc'][0]} that can be: {first['msg'].lower()}.",
            f"{first['loc'][0]} = … in its row of angle-bench.toml",
        ) from error


def _refuse_unrecorded(
    ref: ModelRef, facts: FolderFacts, entry: Entry | None, overrides: Overrides, adapter: bool
) -> None:
    said = {
        "pooling": overrides.pooling is not None or (entry and entry.pooling is not None),
        "prompt": overrides.prompt is not None or (entry and entry.prompts is not None),
        "bidirectional_start": overrides.bidirectional_start is not None
        or (entry and entry.bidirectional_start is not None),
    }
    lacking = [what for what in facts.unrecorded if not said[what]]
    if not lacking:
        return
    kind = "a LoRA adapter" if adapter else "a language model"
    if "bidirectional_start" in lacking:
        raise NotRecordedError(
            f"{ref.name} was trained with layers that look ahead (apply_billm), and does not "
            "record from which on.",
            "bidirectional_start = 0 in its row of angle-bench.toml; in Python, "
            "load(…, bidirectional_start=0)",
        )
    types = {"pooling": f"--pooling {facts.settings.pooling}", "prompt": "--prompt A"}
    raise NotRecordedError(
        f"{ref.name} is {kind} without recorded {' or '.join(lacking)}.",
        " ".join([*(types[what] for what in lacking), "--save-spec"]),
    )


def _from_entry(ref: ModelRef, entry: Entry, overrides: Overrides, access: Access) -> ModelSpec:
    if entry.path is not None:
        own = _existing_folder(ModelRef(str(entry.path), ref.label, ref.revision))
        return _from_folder(ref, own, overrides, access, entry)
    folder, commit = _files_of_entry(entry, ref, access)
    base = _base_of_entry(entry, access)
    if commit is not None and (base is None or access.base is None):
        revision = commit
    else:  # nobody knows these files, or they are put on another base
        folder = folder or hub.fetch(entry.hub_id, str(commit))
        base = None if base is None else str(access.base_folder(base, entry.name, folder))
        content = content_hash(folder, None if base is None else Path(base))
        revision = f"sha256-{content[:16]}"
    authors = registry().get(entry.hub_id, entry)
    recorded = _own_settings(entry, ref, revision, folder, access)
    return ModelSpec(
        name=entry.hub_id,
        label=ref.label or entry.short_name,
        revision=revision,
        folder=folder,
        base=base,
        trust=_trust(access, entry),
        settings=overrides.apply(_entry_settings(ref, entry, recorded), entry.hub_id),
        defaults=_entry_settings(ref, authors, recorded),
        shape=entry.shape,
        note=_shadowed(ref.name),
    )


def _files_of_entry(entry: Entry, ref: ModelRef, access: Access) -> tuple[Path | None, str | None]:
    """Where a row's files are, None for the hub, and which commit they are known to be."""
    folder: Path | None = None
    if entry.package is not None and ref.revision is None:
        folder = entry.package.locate()
    if folder is None and ref.revision in (None, entry.revision):
        folder = access.in_mirror(entry.hub_id)
    if folder is None:
        return None, hub.commit_of(entry.hub_id, ref.revision or entry.revision)
    content = content_hash(folder)
    return folder, entry.contents.get(content) or bundled_commit(folder, content)


def _base_of_entry(entry: Entry, access: Access) -> str | None:
    """The base of a row's adapter: what was typed, the copy in the mirror, or its name."""
    if entry.base is None:
        return None
    wanted = access.base or entry.base
    mirrored = access.in_mirror(wanted)
    return str(mirrored) if mirrored is not None else wanted


def _own_settings(
    entry: Entry, ref: ModelRef, revision: str, folder: Path | None, access: Access
) -> Settings | None:
    """What the files record, where a row leaves something to them."""
    if entry.pooling is not None and entry.max_length is not None:
        return None
    folder = folder or hub.fetch(entry.hub_id, revision)
    return read_folder(folder, _base(folder, access, entry), _trust(access, entry)).settings


def _shadowed(name: str) -> str | None:
    if not looks_like_checkpoint(Path(name)):
        return None
    return f"a folder {name} is here too; -m ./{name} is that one"


def _prompted_otherwise(hub_id: str | None, own: Settings, used: Settings) -> str | None:
    """That a name of mteb is used with other prompts than mteb's loader of it has."""
    known = None if hub_id is None else mteb_name(hub_id)
    if known is None:
        return None
    protocol = mteb_protocol(known)
    if protocol is not None:
        if alike(protocol.policy(own.prompts), used.prompts):
            return None
        return f"mteb's own loader of {known} has other prompts than are used: --prompts mteb"
    if not is_instructed(known):
        return None
    return (
        f"mteb's own loader of {known} puts prompts around texts by code of its own, which is "
        "not run here: its scores in mteb are of other texts"
    )


def _from_mteb(ref: ModelRef, name: str, overrides: Overrides) -> ModelSpec:
    _refuse_overrides(name, "mteb", overrides)
    revision = ref.revision or mteb_models()[name] or "no_revision_available"
    return ModelSpec(
        name=name,
        label=ref.label or name.rpartition("/")[2],
        revision=revision,
        loader="mteb",
    )


def _refuse_overrides(name: str, loader: str, overrides: Overrides) -> None:
    if given := overrides.given():
        options = or_list([f"--{key.replace('_', '-')}" for key in given])
        raise UsageError(
            f"{name} is loaded by {loader} with its own settings; {options} cannot change them.",
            f"angle-bench run -m {name} without {options}",
        )


def _refuse_other_base(name: str, folder: Path, base: Path | None) -> None:
    """sentence-transformers itself puts an adapter on the base that it records, on no other."""
    recorded = recorded_base(folder) if base is not None else None
    if base is not None and (recorded is None or expand(recorded).resolve() != base):
        raise UsageError(
            f"{name} is loaded by sentence-transformers itself, on the base that it records "
            f"({recorded}), and not on {base}.",
            f"{base} as base_model_name_or_path in {folder / CONFIG}",
        )


def _from_hub(ref: ModelRef, overrides: Overrides, access: Access) -> ModelSpec:
    try:
        commit = hub.commit_of(ref.name, ref.revision)
        folder = hub.fetch(ref.name, commit)
    except ModelError as error:
        if "gated" in error.what:
            raise
        here = checkpoints_near(ref.name)
        near = [*here, *did_you_mean(ref.name, known_names())][:3]
        if not near:
            raise
        unseen = not here and hub.state() != "online"  # then the name may be right
        fix = f"-m {near[0]}" + (", or the same command with a network" if unseen else "")
        raise UsageError(f"{error.what} Did you mean {or_list(near)}?", fix) from error
    spec = _from_folder(ref, folder, overrides, access, None, ref.name)
    return spec if access.base and spec.base else spec.model_copy(update={"revision": commit})
