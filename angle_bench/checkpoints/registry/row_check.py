"""Does a row of the registry agree with what the files of its checkpoint say?"""

from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.adapter_config import is_adapter, recorded_base
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.spec import Settings


def differences(entry: Entry, folder: Path, access: LoadOptions) -> list[str]:
    """What a row says otherwise than the files, a line each.

    Only what the files record counts: a folder that says nothing of its pooling agrees with any.

    Args:
        entry: The row.
        folder: The checkpoint.
        access: Where the base of an adapter is looked for, and what may run code.

    Raises:
        ModelError: The files do not make a checkpoint.
    """
    base = access.base_of(folder, entry.base) if is_adapter(folder) else None
    facts = read_folder(folder, base, access.trust)
    found = []
    if entry.base is not None and base is None:
        found.append(f"the row names the base {entry.base}, and the files are no adapter")
    if base is not None and entry.base not in (None, recorded_base(folder)):
        found.append(f"base: the row says {entry.base}, the adapter {recorded_base(folder)}")
    if entry.shape is not None and facts.shape not in (None, entry.shape):
        found.append(f"shape: the row says {entry.shape}, the config {facts.shape}")
    if facts.loader == "transformers":
        found += _settings(entry, facts.settings, facts.note is None and not facts.unrecorded)
    return found


def _settings(entry: Entry, own: Settings, recorded: bool) -> list[str]:
    found = []
    if recorded:
        for name in ("pooling", "normalize", "include_prompt", "lowercase"):
            said, there = entry.given().get(name), getattr(own, name)
            if said is not None and said != there:
                found.append(f"{name}: the row says {said}, the files {there}")
    if entry.max_length is not None and entry.max_length > own.max_length:
        found.append(f"max_length: the row says {entry.max_length}, the files {own.max_length}")
    return found
