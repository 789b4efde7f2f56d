"""What the sources of a ModelSpec share: settings and base of a row, and what is said of them."""

from pathlib import Path

from pydantic import ValidationError

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.adapter_config import is_adapter
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.registry.mteb_models import mteb_name
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import UsageError, or_list


def noted(*notes: str | None) -> str | None:
    """The lines for the user of a spec, as one; None where there are none."""
    return "; ".join(filter(None, notes)) or None


def taken_name(entry: Entry | None) -> str | None:
    """That a user's row goes by a name of the registry, or of mteb for other weights."""
    if entry is None or entry.file is None:
        return None
    wanted = entry.name.casefold()
    names = (name.casefold() for e in registry().values() for name in (e.name, e.short_name))
    elsewhere = entry.path is not None or entry.hub_id != entry.name
    if wanted in names or (elsewhere and mteb_name(entry.name) is not None):
        return f"{entry.name} is the row of {entry.file}, not the known checkpoint of that name"
    return None


def base_of(folder: Path, access: LoadOptions, entry: Entry | None) -> Path | None:
    """The base of an adapter, as typed, as the row says, or as it records; else None.

    Raises:
        ModelError: It is not here.
    """
    if not is_adapter(folder):
        return None
    return access.base_of(folder, entry.base if entry else None)


def settings_of_row(ref: ModelRef, entry: Entry, own: Settings | None) -> Settings:
    """The settings of a row over those of the files.

    Raises:
        UsageError: Neither says one that is needed.
    """
    try:
        return entry.settings(own)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{ref.name} has no {first['loc'][0]} that can be: {first['msg'].lower()}.",
            f"{first['loc'][0]} = … in its row of angle-bench.toml",
        ) from error


def refuse_overrides(name: str, loader: str, overrides: Overrides) -> None:
    """Refuse settings that were typed for what another library computes.

    Raises:
        UsageError: A setting was typed.
    """
    if given := overrides.given():
        options = or_list([f"--{key.replace('_', '-')}" for key in given])
        raise UsageError(
            f"{name} is loaded by {loader} with its own settings; {options} cannot change them.",
            f"the same command without {options}",
        )
