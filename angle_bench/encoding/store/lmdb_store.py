"""The vector store: vectors by content, settings and rendered text, in one lmdb file.

Only the parent process of a run writes. Every identity has a table of its own, so that a whole
identity is evicted at once, the one used longest ago first. A store saves time and nothing else:
what cannot be read counts as absent, what cannot be written is computed again next time.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmdb
import numpy as np
from numpy.typing import NDArray

from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import DAMAGE, StoreFile, damaged, explained
from angle_bench.encoding.store.location import store_place
from angle_bench.encoding.store.sealed import Opened, opened, sealed
from angle_bench.encoding.store.value_layout import LAYOUTS, tables_of

if TYPE_CHECKING:
    from lmdb import Transaction, _Database

DEFAULT_LIMIT_BYTES = 20 << 30
FIRST_MAP_BYTES = 1 << 30
READ_BLOCK = 2048  # texts; short reads, since an open one keeps evicted pages from being used
WRITE_BYTES = 64 << 20  # of vectors per commit; it is held in memory until then

_CATALOGUE = b"identities"


@dataclass(frozen=True)
class IdentityInfo:
    """What the store knows of one identity.

    Attributes:
        label: What it was called when its vectors were last used.
        vectors: How many texts have a vector.
        bytes: What its pages take.
        last_used: Seconds since the epoch.
    """

    label: str
    vectors: int
    bytes: int
    last_used: float


class VectorStore:
    """A store on disk, which several processes read and write at once.

    A second store on the same folder in the same process shares the file.

    Attributes:
        folder: Where its files are.
        limit_bytes: What all identities may take; `put` evicts others beyond it.
        dtype: What vectors are stored as, float32 or float16; neither answers for the other.
        moved: A sentence if it is not where it was asked for, else None.
        problem: See `Store`.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        map_bytes: int = FIRST_MAP_BYTES,
        dtype: str = "float32",
    ) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.dtype = dtype
        self._layout = LAYOUTS[dtype]
        self.moved: str | None = None
        self.problem: str | None = None
        self._closed = False
        self._damaged: dict[str, set[bytes]] = {}
        self._bare: dict[str, int] = {}
        self._file = StoreFile.open(folder, map_bytes)

    def get(
        self, identity: StoreIdentity, keys: Sequence[bytes], dimension: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The vectors of keys; what cannot be read counts as absent (see `Store.get`)."""
        found = np.zeros(len(keys), np.bool_)
        vectors = np.zeros((len(keys), dimension), np.float32)
        try:
            for start in range(0, len(keys), READ_BLOCK):
                block = keys[start : start + READ_BLOCK]
                read = self._opened(identity, block, vectors[start : start + READ_BLOCK])
                found[start + read.whole] = True
                self._note_damage(identity, [block[at] for at in read.damaged])
                if len(read.bare):
                    bare = [block[at] for at in read.bare]
                    self._seal(identity, bare, vectors[start + read.bare])
        except (lmdb.Error, OSError) as error:
            self._failed("read", error)
        return found, vectors

    def put(
        self, identity: StoreIdentity, keys: Sequence[bytes], vectors: NDArray[np.float32]
    ) -> bool:
        """Store vectors; those of other identities make room, the ones used longest ago first.

        Returns:
            False if the disk or the limit leaves no room; `problem` says so. What is stored is
            whole vectors all the same.
        """
        rows = np.ascontiguousarray(vectors, self._layout.kind)
        if rows.shape[:1] != (len(keys),) or rows.ndim != 2:
            raise ValueError(f"{len(keys)} keys for vectors of shape {rows.shape}")
        order = sorted(range(len(keys)), key=keys.__getitem__)  # neighbours share pages
        step = max(1, WRITE_BYTES // max(1, rows.itemsize * rows.shape[1]))
        try:
            for start in range(0, len(order), step):
                some = order[start : start + step]
                if not self._write(identity, [keys[i] for i in some], rows[some]):
                    return False
                self._evict(self.limit_bytes, keep=self._name(identity))
        except (lmdb.Error, OSError) as error:
            self._failed("written; its disk may be full", error)
            return False
        return True

    def findings(self) -> list[str]:
        """What was read that was not as it should be (see `Store.findings`)."""
        rotten = [
            f"{len(keys):,} stored vectors of {label} were damaged and are computed again"
            for label, keys in self._damaged.items()
        ]
        bare = [
            f"{count:,} stored vectors of {label} are from before checksums: they were used "
            "unchecked and have one now; angle-bench cache clear has them computed again"
            for label, count in self._bare.items()
        ]
        return rotten + bare

    def holds(self, identity: StoreIdentity) -> bool:
        """Whether there is any vector of an identity; what cannot be read counts as absent."""
        try:
            known = self._file.read(
                lambda transaction: self._known(transaction, self._name(identity))
            )
        except (lmdb.Error, OSError) as error:
            self._failed("read", error)
            return False
        return known is not None and known.vectors > 0

    def touch(self, identity: StoreIdentity) -> None:
        """Note that an identity is used; where nothing of it is stored, nothing happens."""

        def write(transaction: "Transaction[bytes]") -> None:
            name = self._name(identity)
            tables = self._tables(transaction, name)
            if tables and self._known(transaction, name) is not None:
                self._note_use(transaction, identity, tables)

        try:
            self._file.write(write)
        except (lmdb.Error, OSError) as error:
            self._failed("written; its disk may be full", error)

    def info(self) -> list[IdentityInfo]:
        """Every identity, the one used longest ago first."""
        with explained(self.folder):
            return [info for _, info in self._identities()]

    @property
    def file_bytes(self) -> int:
        """What the store takes on disk; evicted pages stay in its file and are used again."""
        with explained(self.folder):
            return self._file.size

    def prune(self, limit_bytes: int) -> list[IdentityInfo]:
        """Evict whole identities, oldest use first, until the rest is within the limit.

        The disk gets the room back if nobody else has the store open; if somebody has, later
        vectors are written into it.
        """
        with explained(self.folder):
            evicted = self._evict(limit_bytes)
            held = sum(info.bytes for _, info in self._identities())
            if 3 * self._file.size > 4 * held:  # copying a file that is full gains nothing
                self._file.compact()
            return evicted

    def clear(self) -> int:
        """Evict everything; returns how many identities there were.

        The file is deleted if nobody else has the store open; `file_bytes` tells.
        """
        with explained(self.folder):
            count = len(self._identities())
            if not self._file.remove():
                self._evict(-1)
            return count

    def close(self) -> None:
        """Close the store; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self._file.close()

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are read back (see `Store.rounded`)."""
        return self._layout.rounded(vectors)

    def _name(self, identity: StoreIdentity) -> bytes:
        return identity.table + self._layout.suffix

    def _opened(
        self, identity: StoreIdentity, keys: Sequence[bytes], into: NDArray[np.float32]
    ) -> Opened:
        layout = self._layout
        target = into if into.dtype == layout.kind else np.zeros(into.shape, layout.kind)

        def read(transaction: "Transaction[memoryview]") -> Opened:
            tables = self._tables(transaction, self._name(identity))
            values = layout.get(transaction, tables, keys) if tables else [None] * len(keys)
            return opened(keys, values, target)

        found = self._file.view(read)
        if target is not into:
            into[:] = target
        return found

    def _tables(
        self, transaction: "Transaction[Any]", name: bytes, create: bool = False
    ) -> "list[_Database]":
        """The tables behind a name; none unless all are there."""
        names = tables_of(name)
        tables = [self._file.table(transaction, each, create=create) for each in names]
        found = [each for each in tables if each is not None]
        return found if len(found) == len(names) else []

    def _note_damage(self, identity: StoreIdentity, keys: Sequence[bytes]) -> None:
        if keys:
            self._damaged.setdefault(identity.label, set()).update(keys)

    def _seal(
        self, identity: StoreIdentity, keys: Sequence[bytes], rows: NDArray[np.float32]
    ) -> None:
        """Give checksums to vectors that were stored before there were any."""
        self._bare[identity.label] = self._bare.get(identity.label, 0) + len(keys)
        self.put(identity, keys, rows)

    def _write(self, identity: StoreIdentity, keys: Sequence[bytes], rows: NDArray[Any]) -> bool:
        values = sealed(keys, rows)
        size = sum(map(len, values))

        def write(transaction: "Transaction[bytes]") -> bool:
            name = self._name(identity)
            known = self._known(transaction, name)
            if (known.bytes if known else 0) + size > self.limit_bytes:
                return False
            tables = self._tables(transaction, name, create=True)
            self._layout.put(transaction, tables, keys, values)
            self._note_use(transaction, identity, tables)
            return True

        if fits := self._file.write(write):
            return fits
        self.problem = (
            f"the vectors of {identity.label} alone take more than the store's limit of "
            f"{self.limit_bytes:,} bytes; the rest of them is not stored."
        )
        return False

    def _failed(self, deed: str, error: Exception) -> None:
        if isinstance(error, DAMAGE):
            told = damaged(self.folder, error)
            self.problem = f"{told.what} Type: {told.fix}."
        else:
            self.problem = f"the vector store {self.folder} cannot be {deed}: {error}."

    def _note_use(
        self,
        transaction: "Transaction[bytes]",
        identity: StoreIdentity,
        tables: "Sequence[_Database]",
    ) -> None:
        """Keep what `info` shows, so that neither it nor a limit needs to open every table."""
        stats = [transaction.stat(each) for each in tables]
        size = sum(
            stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"])
            for stat in stats
        )
        label = f"{identity.label}{self._layout.said}"
        said = IdentityInfo(label, stats[0]["entries"], size, time.time())
        catalogue = self._file.table(transaction, _CATALOGUE, create=True)
        transaction.put(self._name(identity), json.dumps(asdict(said)).encode(), db=catalogue)

    def _known(self, transaction: "Transaction[bytes]", name: bytes) -> IdentityInfo | None:
        catalogue = self._file.table(transaction, _CATALOGUE)
        said = None if catalogue is None else transaction.get(name, db=catalogue)
        return None if said is None else IdentityInfo(**json.loads(said))

    def _identities(self) -> list[tuple[bytes, IdentityInfo]]:
        """Every identity's table and what is known of it, the one used longest ago first."""

        def read(transaction: "Transaction[bytes]") -> list[tuple[bytes, IdentityInfo]]:
            catalogue = self._file.table(transaction, _CATALOGUE)
            if catalogue is None:
                return []
            return [
                (name, IdentityInfo(**json.loads(said)))
                for name, said in transaction.cursor(db=catalogue)
            ]

        return sorted(self._file.read(read), key=lambda pair: pair[1].last_used)

    def _evict(self, limit_bytes: int, keep: bytes = b"") -> list[IdentityInfo]:
        identities = self._identities()
        total = sum(info.bytes for _, info in identities)
        evicted = []
        for name, info in identities:
            if total <= limit_bytes:
                break
            if name != keep:
                self._drop(name)
                total -= info.bytes
                evicted.append(info)
        return evicted

    def _drop(self, name: bytes) -> None:
        def write(transaction: "Transaction[bytes]") -> None:
            for table in self._tables(transaction, name):
                # emptied, never deleted: another process may hold the table's handle, and
                # writing through the handle of a deleted table damages the file
                transaction.drop(table, delete=False)
            catalogue = self._file.table(transaction, _CATALOGUE, create=True)
            transaction.delete(name, db=catalogue)

        self._file.write(write)


def open_store(
    cache_dir: Path | None, limit_bytes: int = DEFAULT_LIMIT_BYTES, dtype: str = "float32"
) -> VectorStore:
    """The store below a cache folder, by default the user's (see `places.cache_folder`).

    Raises:
        UsageError: If it cannot be opened there; `DamagedStoreError` if what is there is broken.
    """
    place = store_place(cache_dir)
    store = VectorStore(place.folder, limit_bytes, dtype=dtype)
    store.moved = place.moved
    return store
