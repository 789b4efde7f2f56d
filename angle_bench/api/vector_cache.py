"""The vector store: what it holds, and making it smaller."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.sizes import parse_size, show_size
from angle_bench.api.calling.words import Places, place, public, warn
from angle_bench.api.objects.value import Value

if TYPE_CHECKING:
    from angle_bench.encoding.store.lmdb_store import IdentityInfo, VectorStore

Tell = Callable[[str], None]
Agreed = Callable[[str], bool]
KEPT = (
    "another process has the store open, or the disk is full: its file keeps its size, "
    "and later vectors are written into the room"
)


@dataclass(frozen=True, repr=False)
class CacheInfo(Value):
    """What the vector store holds.

    Attributes:
        folder: Where it is.
        moved: Why it is not where it would be, if so.
        limit_bytes: What the vectors of all models may take.
        file_bytes: What its file takes on disk.
        identities: The models, the one used longest ago first: label, vectors, bytes, last_used.
    """

    folder: Path
    moved: str | None
    limit_bytes: int
    file_bytes: int
    identities: "Sequence[IdentityInfo]"

    @property
    def bytes(self) -> int:
        """What the vectors take."""
        return sum(identity.bytes for identity in self.identities)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench cache info --json`."""
        return {
            "folder": str(self.folder),
            "moved": self.moved,
            "limit_bytes": self.limit_bytes,
            "file_bytes": self.file_bytes,
            "bytes": self.bytes,
            "identities": [{**vars(each), "last_used": _when(each)} for each in self.identities],
        }

    def to_text(self) -> str:
        """A table of the models, and what they take together."""
        table = [_table(self.identities)] if self.identities else []
        total = (
            f"{show_size(self.bytes)} of at most {show_size(self.limit_bytes)} in {self.folder}, "
            f"{show_size(self.file_bytes)} on disk"
        )
        return "\n".join([*table, total])


@dataclass(frozen=True, repr=False)
class CacheFreed(Value):
    """What was taken out of the vector store.

    Attributes:
        folder: Where it is.
        evicted: The models whose vectors are gone.
        freed_bytes: What the disk has back; None where nobody could count it.
        said: What was done, in words; empty for nothing.
    """

    folder: Path
    evicted: "Sequence[IdentityInfo]"
    freed_bytes: int | None
    said: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench cache prune --json` and `cache clear --json`."""
        gone = [{"label": identity.label, "bytes": identity.bytes} for identity in self.evicted]
        return {"folder": str(self.folder), "evicted": gone, "freed_bytes": self.freed_bytes}

    def to_text(self) -> str:
        """What was done, and what the disk has back."""
        lines = [self.said] if self.said else []
        if self.freed_bytes is not None and self.freed_bytes > 0:
            lines.append(f"{show_size(self.freed_bytes)} given back to the disk")
        elif self.freed_bytes is not None and self.evicted:
            lines.append(KEPT)
        return "\n".join(lines)


@public
def cache_info(cache_dir: Places | None = None) -> CacheInfo:
    """What the vector store holds, the model used longest ago first.

    Args:
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.

    Raises:
        ResultsError: The store cannot be read.

    Examples:
        >>> cache_info("vectors").identities
        []
    """
    return looked_at(_folder(cache_dir), _warn)


@public
def cache_prune(to: str | int, cache_dir: Places | None = None) -> CacheFreed:
    """Evict whole models from the vector store, the one used longest ago first.

    Args:
        to: What may stay: bytes, or such as `5G` or `500M`.
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.

    Raises:
        UsageError: It is no size.
        ResultsError: The store cannot be read.

    Examples:
        >>> cache_prune("5G", "vectors")
        nothing evicted; all of it is within 5.0G
    """
    limit = to if isinstance(to, int) else parse_size(to)
    return pruned(limit, _folder(cache_dir), _warn)


@public
def cache_clear(cache_dir: Places | None = None) -> CacheFreed:
    """Empty the vector store, without asking; what it held is computed again when needed.

    Args:
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.

    Examples:
        >>> cache_clear("vectors").evicted
        []
    """
    return cleared(_folder(cache_dir), lambda _: True, _warn)


def looked_at(cache_dir: Path | None, tell: Tell) -> CacheInfo:
    """As `cache_info`; `tell` is told where the store is not where it was asked for."""
    with _store(cache_dir, tell) as store:
        return CacheInfo(
            store.folder, store.moved, store.limit_bytes, store.file_bytes, store.info()
        )


def pruned(limit: int, cache_dir: Path | None, tell: Tell) -> CacheFreed:
    """As `cache_prune`, with the limit in bytes."""
    with _store(cache_dir, tell) as store:
        before = store.file_bytes
        evicted = store.prune(limit)
        lines = [f"evicted {each.label}  {show_size(each.bytes)}" for each in evicted]
        said = "\n".join(lines) or f"nothing evicted; all of it is within {show_size(limit)}"
        return CacheFreed(store.folder, evicted, before - store.file_bytes, said)


def cleared(cache_dir: Path | None, agreed: Agreed, tell: Tell) -> CacheFreed:
    """As `cache_clear`; `agreed` is asked before anything is deleted."""
    from angle_bench.encoding.store.lmdb_file import DamagedStoreError, remove_damaged
    from angle_bench.encoding.store.location import store_place

    try:
        with _store(cache_dir, tell) as store:
            return _emptied(store, agreed)
    except DamagedStoreError:
        folder = store_place(cache_dir).folder
        if not agreed(f"{folder} is damaged; delete it"):
            return CacheFreed(folder, [], None, "")
        remove_damaged(folder)
        return CacheFreed(folder, [], None, f"deleted the damaged store in {folder}")


def _emptied(store: "VectorStore", agreed: Agreed) -> CacheFreed:
    identities, before = store.info(), store.file_bytes
    models = "1 model" if len(identities) == 1 else f"{len(identities)} models"
    if identities and not agreed(f"delete the vectors of {models}"):
        return CacheFreed(store.folder, [], 0, "")
    store.clear()  # an empty one too: its file may keep the size that it had
    said = f"cleared {models} from {store.folder}" if identities else f"{store.folder} is empty"
    return CacheFreed(store.folder, identities, before - store.file_bytes, said)


@contextmanager
def _store(cache_dir: Path | None, tell: Tell) -> "Iterator[VectorStore]":
    from angle_bench.encoding.store.lmdb_store import open_store

    store = open_store(cache_dir)
    try:
        if store.moved:
            tell(store.moved)
        yield store
    finally:
        store.close()


def _warn(line: str) -> None:
    warn([line])


def _folder(cache_dir: Places | None) -> Path | None:
    return None if cache_dir is None else place(cache_dir)


def _when(identity: "IdentityInfo") -> str:
    return datetime.fromtimestamp(identity.last_used).astimezone().isoformat()


def _table(identities: "Sequence[IdentityInfo]") -> str:
    from angle_bench.reporting.tables.aligned import aligned

    rows = [
        (
            identity.label,
            f"{identity.vectors:,}",
            show_size(identity.bytes),
            datetime.fromtimestamp(identity.last_used).strftime("%Y-%m-%d %H:%M"),
        )
        for identity in identities
    ]
    return aligned(
        ("model", "vectors", "size", "last used"), rows, ("left", "right", "right", "left")
    )
