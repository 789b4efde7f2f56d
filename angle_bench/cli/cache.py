"""`angle-bench cache`: what the vector store holds, and making it smaller."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.api.sizes import parse_size, show_size
from angle_bench.cli import options as shared
from angle_bench.cli.groups import Shown, grouped
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.encoding.store import IdentityInfo, VectorStore

INFO_EPILOG = """
Examples:

angle-bench cache info

angle-bench cache info --cache-dir /scratch/vectors --json
"""
PRUNE_EPILOG = """
Examples:

angle-bench cache prune --to 5G

angle-bench cache prune --to 500M --cache-dir /scratch/vectors
"""
CLEAR_EPILOG = """
Examples:

angle-bench cache clear

angle-bench cache clear -y --cache-dir /scratch/vectors
"""

cache = typer.Typer(no_args_is_help=True, help="The vector store: see it, make it smaller.")


@cache.command(epilog=INFO_EPILOG)
@grouped
def info(
    cache_dir: shared.CacheDir = None,
    said: Shown = Shown(),  # noqa: B008  frozen
) -> None:
    """Show what the vector store holds, the one used longest ago first."""
    with _store(cache_dir) as store:
        identities = store.info()
        if said.as_json:
            typer.echo(json.dumps(_json(store, identities), indent=2))
            return
        if identities:
            typer.echo(_table(identities))
        held = sum(identity.bytes for identity in identities)
        typer.echo(
            f"{show_size(held)} of at most {show_size(store.limit_bytes)} in {store.folder}, "
            f"{show_size(store.file_bytes)} on disk"
        )


@cache.command(epilog=PRUNE_EPILOG)
@grouped
def prune(
    to: Annotated[
        str, typer.Option("--to", metavar="SIZE", help="What may stay: 5G, 500M or plain bytes.")
    ],
    cache_dir: shared.CacheDir = None,
    said: Shown = Shown(),  # noqa: B008  frozen
) -> None:
    """Evict whole models from the vector store, the one used longest ago first."""
    limit = parse_size(to)
    with _store(cache_dir) as store:
        before = store.file_bytes
        evicted = store.prune(limit)
        if said.as_json:
            typer.echo(_freed_json(store.folder, evicted, before - store.file_bytes))
            return
        for identity in evicted:
            typer.echo(f"evicted {identity.label}  {show_size(identity.bytes)}")
        if not evicted:
            typer.echo(f"nothing evicted; all of it is within {show_size(limit)}")
        _say_freed(store, before, bool(evicted))


@cache.command(epilog=CLEAR_EPILOG)
@grouped
def clear(
    yes: Annotated[bool, shared.flag("-y", "--yes", help="Do not ask.")] = False,
    cache_dir: shared.CacheDir = None,
    said: Shown = Shown(),  # noqa: B008  frozen
) -> None:
    """Empty the vector store; what it held is computed again when it is needed."""
    from angle_bench.encoding.store_file import DamagedStoreError, remove_damaged
    from angle_bench.encoding.store_place import store_place

    try:
        with _store(cache_dir) as store:
            identities, before = store.info(), store.file_bytes
            if identities and not _agreed(f"delete the vectors of {_models(len(identities))}", yes):
                identities = []
            else:
                store.clear()  # an empty one too: its file may keep the size that it had
            if said.as_json:
                typer.echo(_freed_json(store.folder, identities, before - store.file_bytes))
                return
            if identities:
                typer.echo(f"cleared {_models(len(identities))} from {store.folder}")
            elif not store.info():
                typer.echo(f"{store.folder} is empty")
            _say_freed(store, before, bool(identities))
    except DamagedStoreError:
        folder = store_place(cache_dir).folder
        if _agreed(f"{folder} is damaged; delete it", yes):
            remove_damaged(folder)
            line = f"deleted the damaged store in {folder}"
            typer.echo(_freed_json(folder, [], None) if said.as_json else line)


@contextmanager
def _store(cache_dir: Path | None) -> "Iterator[VectorStore]":
    from angle_bench.encoding.store import open_store

    store = open_store(cache_dir)
    try:
        if store.moved:
            typer.echo(store.moved, err=True)
        yield store
    finally:
        store.close()


def _agreed(deed: str, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked whether to clear the store.", "-y")
    return typer.confirm(f"{deed}?", err=True)


def _say_freed(store: "VectorStore", before: int, freed: bool) -> None:
    if (less := before - store.file_bytes) > 0:
        typer.echo(f"{show_size(less)} given back to the disk")
    elif freed:
        typer.echo(
            "another process has the store open, or the disk is full: its file keeps its size, "
            "and later vectors are written into the room"
        )


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _table(identities: "list[IdentityInfo]") -> str:
    import tabulate

    rows = [
        (
            identity.label,
            f"{identity.vectors:,}",
            show_size(identity.bytes),
            datetime.fromtimestamp(identity.last_used).strftime("%Y-%m-%d %H:%M"),
        )
        for identity in identities
    ]
    return tabulate.tabulate(
        rows,
        headers=("model", "vectors", "size", "last used"),
        tablefmt="plain",
        disable_numparse=True,
        colalign=("left", "right", "right", "left"),
    )


def _freed_json(folder: Path, evicted: "Sequence[IdentityInfo]", freed: int | None) -> str:
    """What is gone; None bytes where nobody could count them."""
    gone = [{"label": identity.label, "bytes": identity.bytes} for identity in evicted]
    said = {"folder": str(folder), "evicted": gone, "freed_bytes": freed}
    return json.dumps(said, indent=2, ensure_ascii=False)


def _json(store: "VectorStore", identities: "list[IdentityInfo]") -> dict[str, object]:
    return {
        "folder": str(store.folder),
        "moved": store.moved,
        "limit_bytes": store.limit_bytes,
        "file_bytes": store.file_bytes,
        "bytes": sum(identity.bytes for identity in identities),
        "identities": [
            {
                "label": identity.label,
                "vectors": identity.vectors,
                "bytes": identity.bytes,
                "last_used": datetime.fromtimestamp(identity.last_used).astimezone().isoformat(),
            }
            for identity in identities
        ],
    }
