"""Known checkpoints: the rows that come with the package, and those that a user adds in TOML."""

from functools import cache
from pathlib import Path

from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.registry.toml_rows import read_entries
from angle_bench.errors import UsageError
from angle_bench.files.toml import FILE_NAME, user_files
from angle_bench.suites.published import published_of


@cache
def registry() -> dict[str, Entry]:
    """The rows that come with the package, by hub id, with what was published of them."""
    entries = read_entries(Path(__file__).parent / "registry.toml", {})
    return {entry.name: _with_published(entry) for entry in entries}


def _with_published(entry: Entry) -> Entry:
    known = published_of(entry.name)
    return entry.model_copy(update={"published": known}) if known else entry


def users_entries() -> list[Entry]:
    """The rows of the user's files; where two have one name, the nearest file's comes first.

    Raises:
        UsageError: A file is invalid; the line and the nearest key are named.
    """
    known: dict[str, Entry] = {}
    for place in reversed(user_files()):
        rows = read_entries(place, registry() | known)
        known |= {entry.name: entry.of_file(place) for entry in rows}
    return list(known.values())


def one_entry(place: Path) -> Entry:
    """The row of a spec file that was typed after -m.

    Raises:
        UsageError: It has none, or several.
    """
    entries = read_entries(place, registry())
    if len(entries) != 1:
        raise UsageError(
            f"{place} has {len(entries)} models, and one is meant.",
            f"the file as ./{FILE_NAME}, then -m with the name of one of them",
        )
    return entries[0].of_file(place)


def find(name: str) -> Entry | None:
    """The row of a short or full name, whatever its case; a user's own come first."""
    wanted = name.casefold()
    for entry in (*users_entries(), *registry().values()):
        if wanted in (entry.name.casefold(), entry.short_name.casefold()):
            return entry
    return None


def find_by_path(folder: Path) -> Entry | None:
    """The user's row of this folder."""
    return next((e for e in users_entries() if e.path and e.path.resolve() == folder), None)
