"""A ModelSpec from a folder."""

from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions, bundled_commit
from angle_bench.checkpoints.folder.adapter_config import CONFIG, recorded_base
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import FolderFacts, read_folder
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import alike
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.registry.mteb_models import is_instructed, mteb_name, mteb_protocol
from angle_bench.checkpoints.sources.row_settings import (
    base_of,
    noted,
    refuse_overrides,
    settings_of_row,
    taken_name,
)
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.checkpoints.suggestions import folders_beside
from angle_bench.errors import (
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
    base = base_of(folder, access, entry)
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
        refuse_overrides(ref.name, facts.loader, overrides)
        _refuse_settings_of_row(folder, facts.loader, entry)
        _refuse_other_base(ref.name, folder, base)
        said = noted(taken_name(entry), facts.note)
        return ModelSpec(**common, loader=facts.loader, kind=facts.kind, note=said)
    defaults = _defaults(ref, entry, facts)
    if not access.files_only:
        _refuse_unrecorded(ref, facts, entry, overrides, adapter=base is not None)
    recorded = overrides.pooling is not None or (entry is not None and entry.pooling is not None)
    settings = overrides.apply(defaults, name)
    notes = [None if recorded else facts.note, _prompted_otherwise(hub_id, defaults, settings)]
    said = noted(taken_name(entry), *notes)
    return ModelSpec(
        **common,
        base=None if base is None else str(base),
        settings=settings,
        defaults=defaults,
        shape=facts.shape,
        note=said,
        selected_on_test=facts.selected_on_test,
    )


def _defaults(ref: ModelRef, entry: Entry | None, facts: FolderFacts) -> Settings:
    if entry is None:
        return facts.settings
    return settings_of_row(ref, entry, facts.settings)


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
