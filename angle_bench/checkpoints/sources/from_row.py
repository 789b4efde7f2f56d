"""A ModelSpec from a row of the registry, or of a user: of files, or of a server."""

from pathlib import Path

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions, bundled_commit
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint, read_folder
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.sources.from_folder import existing_folder, from_folder
from angle_bench.checkpoints.sources.row_settings import base_of, noted, settings_of_row, taken_name
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import UsageError, shell_word


def from_row(ref: ModelRef, entry: Entry, overrides: Overrides, access: LoadOptions) -> ModelSpec:
    """A row of the registry, or of a user; its files are not fetched where the row says all.

    Raises:
        ModelError: The files or the base are not here and cannot be fetched, or cannot be read; or
            the server cannot be reached.
        UsageError: A setting cannot be.
    """
    if entry.endpoint is not None:
        return _of_server(ref, entry.endpoint, entry, overrides, access)
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
        settings=overrides.apply(settings_of_row(ref, entry, recorded), entry.hub_id),
        defaults=settings_of_row(ref, authors, recorded),
        shape=entry.shape,
        note=noted(taken_name(entry), _shadowed(ref.name)),
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
    return read_folder(folder, base_of(folder, access, entry), access.trust).settings


def _shadowed(name: str) -> str | None:
    if not looks_like_checkpoint(Path(name)):
        return None
    return f"a folder {name} is here too; -m {shell_word(f'./{name}')} is that one"


def _of_server(
    ref: ModelRef, endpoint: str, entry: Entry, overrides: Overrides, access: LoadOptions
) -> ModelSpec:
    if ref.revision is not None:
        raise UsageError(
            f"{entry.name} is computed by a server, whose answers make its revision.",
            f"-m {shell_word(entry.name)}",
        )
    from angle_bench.checkpoints.endpoint.from_endpoint import from_endpoint

    typed = ModelRef(endpoint, ref.label or entry.name)
    spec = from_endpoint(typed, overrides, access, entry.prompts or PromptPolicy())
    assert spec.endpoint is not None
    price = {"usd_per_million_tokens": entry.usd_per_million_tokens}
    priced = spec.endpoint.model_copy(update=price)
    return spec.model_copy(update={"endpoint": priced, "row_file": entry.file})
