"""A ModelSpec from a folder, from a row of the registry, from a name of mteb, or from the hub."""

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions, bundled_commit
from angle_bench.checkpoints.folder.adapter_config import CONFIG, is_adapter, recorded_base
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import (
    FolderFacts,
    looks_like_checkpoint,
    read_folder,
)
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import alike
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.registry.mteb_models import (
    NO_REVISION,
    gives_token_vectors,
    is_instructed,
    known_names,
    mteb_models,
    mteb_name,
    mteb_protocol,
)
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.checkpoints.suggestions import checkpoints_near, folders_beside
from angle_bench.errors import (
    ModelError,
    NotRecordedError,
    UsageError,
    did_you_mean,
    or_list,
    shell_word,
)


def existing_folder(ref: ModelRef) -> Path:
    """The folder that a path means.

    Raises:
        UsageError: There is none, or a revision is asked of it.
    """
    folder = expand(ref.name)
    if folder.is_file():
        raise UsageError(
            f"{ref.name} is a file, not a checkpoint folder.",
            f"-m {shell_word(folder.parent)}",
        )
    if not folder.is_dir():
        near = did_you_mean(folder.name, folders_beside(folder))
        hint = f" Did you mean {or_list([str(folder.parent / n) for n in near])}?" if near else ""
        raise UsageError(
            f"there is no folder {ref.name}.{hint}", "-m PATH of a checkpoint folder, or a name"
        )
    if ref.revision is not None:
        raise UsageError(
            f"{ref.name} is a folder: its content is its revision, @{ref.revision} means nothing.",
            f"-m {shell_word(ref.name)}",
        )
    return folder.resolve()


def from_folder(
    ref: ModelRef,
    folder: Path,
    overrides: Overrides,
    access: LoadOptions,
    entry: Entry | None,
    hub_id: str | None = None,
) -> ModelSpec:
    """A folder; where it is the copy of a hub checkpoint in a mirror, `hub_id` says of which.

    Raises:
        ModelError: It cannot be read.
        UsageError: A setting cannot be, or one that it does not record was not typed.
    """
    base = _base(folder, access, entry)
    name = hub_id or f"local/{folder.name}"
    label = ref.label or (entry.name if entry and entry.path else name.rpartition("/")[2])
    facts = read_folder(folder, base, access.trust)  # what is no checkpoint is not hashed
    content = content_hash(folder, base)
    revision = (
        bundled_commit(folder, content) if base is None else None
    ) or f"sha256-{content[:16]}"
    common = {
        "name": name,
        "label": label,
        "revision": revision,
        "folder": folder,
        "trust": access.trust,
        "row_file": None if entry is None else entry.file,
    }
    if facts.loader != "transformers":
        _refuse_overrides(ref.name, facts.loader, overrides)
        _refuse_settings_of_row(folder, facts.loader, entry)
        _refuse_other_base(ref.name, folder, base)
        said = _noted(_taken_name(entry), facts.note)
        return ModelSpec(**common, loader=facts.loader, kind=facts.kind, note=said)
    defaults = _defaults(ref, entry, facts)
    if not access.files_only:
        _refuse_unrecorded(ref, facts, entry, overrides, adapter=base is not None)
    recorded = overrides.pooling is not None or (entry is not None and entry.pooling is not None)
    settings = overrides.apply(defaults, name)
    notes = [None if recorded else facts.note, _prompted_otherwise(hub_id, defaults, settings)]
    said = _noted(_taken_name(entry), *notes)
    return ModelSpec(
        **common,
        base=None if base is None else str(base),
        settings=settings,
        defaults=defaults,
        shape=facts.shape,
        note=said,
        selected_on_test=facts.selected_on_test,
    )


def _noted(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _taken_name(entry: Entry | None) -> str | None:
    """That a user's row goes by a name of the registry, or of mteb for other weights."""
    if entry is None or entry.file is None:
        return None
    wanted = entry.name.casefold()
    names = (name.casefold() for e in registry().values() for name in (e.name, e.short_name))
    elsewhere = entry.path is not None or entry.hub_id != entry.name
    if wanted in names or (elsewhere and mteb_name(entry.name) is not None):
        return f"{entry.name} is the row of {entry.file}, not the known checkpoint of that name"
    return None


def _base(folder: Path, access: LoadOptions, entry: Entry | None) -> Path | None:
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


def from_entry(ref: ModelRef, entry: Entry, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A row of the registry, or of a user; its files are not fetched where the row says all.

    Raises:
        ModelError: The files or the base are not here and cannot be fetched, or cannot be read.
        UsageError: A setting cannot be.
    """
    if entry.path is not None:
        own = existing_folder(ModelRef(str(entry.path), ref.label, ref.revision))
        return from_folder(ref, own, overrides, access, entry)
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
    recorded = _own_settings(entry, revision, folder, access)
    return ModelSpec(
        name=entry.hub_id,
        label=ref.label or entry.short_name,
        revision=revision,
        folder=folder,
        base=base,
        trust=access.trust,
        settings=overrides.apply(_entry_settings(ref, entry, recorded), entry.hub_id),
        defaults=_entry_settings(ref, authors, recorded),
        shape=entry.shape,
        note=_noted(_taken_name(entry), _shadowed(ref.name)),
        row_file=entry.file,
    )


def _files_of_entry(
    entry: Entry, ref: ModelRef, access: LoadOptions
) -> tuple[Path | None, str | None]:
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


def _base_of_entry(entry: Entry, access: LoadOptions) -> str | None:
    """The base of a row's adapter: what was typed, the copy in the mirror, or its name."""
    if entry.base is None:
        return None
    wanted = access.base or entry.base
    mirrored = access.in_mirror(wanted)
    return str(mirrored) if mirrored is not None else wanted


def _own_settings(
    entry: Entry, revision: str, folder: Path | None, access: LoadOptions
) -> Settings | None:
    """What the files record, where a row leaves something to them."""
    if entry.pooling is not None and entry.max_length is not None:
        return None
    folder = folder or hub.fetch(entry.hub_id, revision)
    return read_folder(folder, _base(folder, access, entry), access.trust).settings


def _shadowed(name: str) -> str | None:
    if not looks_like_checkpoint(Path(name)):
        return None
    return f"a folder {name} is here too; -m {shell_word(f'./{name}')} is that one"


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


def from_mteb(ref: ModelRef, name: str, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A name that mteb's own loader loads, in mteb's spelling.

    With a setting it is computed here, under the prompts of that loader where no others are typed.

    Raises:
        UsageError: A setting was typed, and that loader prompts by code of its own, or another
            library has to compute the folder.
        ModelError: It is to be computed here, and cannot be fetched or read.
    """
    revision = ref.revision or mteb_models()[name] or NO_REVISION
    if overrides.given() and mteb_protocol(name) is not None:
        if overrides.prompt is None:
            overrides = replace(overrides, prompts=overrides.prompts or "mteb")
        known = None if revision == NO_REVISION else revision
        return _of_commit(ModelRef(name, ref.label), hub.commit_of(name, known), overrides, access)
    _refuse_overrides(name, "mteb", overrides)
    return ModelSpec(
        name=name,
        label=ref.label or name.rpartition("/")[2],
        revision=revision,
        loader="mteb",
        kind="multi-vector encoder" if gives_token_vectors(name) else "encoder",
    )


def _of_commit(ref: ModelRef, commit: str, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    spec = from_folder(ref, hub.fetch(ref.name, commit), overrides, access, None, ref.name)
    return spec if access.base and spec.base else spec.model_copy(update={"revision": commit})


def _refuse_overrides(name: str, loader: str, overrides: Overrides) -> None:
    if given := overrides.given():
        options = or_list([f"--{key.replace('_', '-')}" for key in given])
        raise UsageError(
            f"{name} is loaded by {loader} with its own settings; {options} cannot change them.",
            f"the same command without {options}",
        )


def _refuse_settings_of_row(folder: Path, loader: str, entry: Entry | None) -> None:
    """A user's row cannot change what another library computes with the folder's own settings."""
    if entry is None or entry.file is None or not (given := entry.given()):
        return
    keys = or_list([f"`{key}`" for key in given])
    raise UsageError(
        f"the row {entry.name} of {entry.file} has {keys}, and {folder} is computed by {loader} "
        "with its own settings.",
        f"the row without {keys}",
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


def from_hub(ref: ModelRef, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A repository of the hub that no row knows, downloaded.

    Raises:
        UsageError: There is none, and a name is near.
        ModelError: It cannot be fetched or read.
    """
    try:
        commit = hub.commit_of(ref.name, ref.revision)
        hub.fetch(ref.name, commit)
    except ModelError as error:
        if "gated" in error.what:
            raise
        here = checkpoints_near(ref.name)
        near = [*here, *did_you_mean(ref.name, known_names())][:3]
        if not near:
            raise
        unseen = not here and hub.state() != "online"  # then the name may be right
        fix = f"-m {shell_word(near[0])}" + (
            ", or the same command with a network" if unseen else ""
        )
        raise UsageError(f"{error.what} Did you mean {or_list(near)}?", fix) from error
    return _of_commit(ref, commit, overrides, access)
