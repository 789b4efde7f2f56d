"""The lmdb file under the vector store: opened once per process, grown, emptied, made smaller.

lmdb gives what is needed here: atomic, crash-safe writes, many readers beside one writer, no
server. What it leaves to its user is done here: the size of the map, one environment per process,
and knowing whether anybody else has the file open.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from angle_bench.errors import UsageError, shell_word
from angle_bench.files.places import cache_folder

try:
    import fcntl
except ImportError:  # a platform without it never knows that it is alone, so no file is removed
    fcntl = None  # type: ignore[assignment]

MOST_TABLES = 4096
MOST_READERS = 1024
MAX_TRIES = 64  # doubling 64 times is beyond any address

DATA, LOCK, USE = "data.mdb", "lock.mdb", "use.lock"

T = TypeVar("T")

DAMAGE = (
    lmdb.InvalidError,
    lmdb.CorruptedError,
    lmdb.VersionMismatchError,
    lmdb.PageNotFoundError,
)


class DamagedStoreError(UsageError):
    """The store's file is no lmdb file, or cut off."""


class StoreFile:
    """One lmdb environment, which everybody in this process shares who opens the folder.

    lmdb forbids a second one in the same process: closing it would release the first one's locks.
    """

    def __init__(self, folder: Path, map_bytes: int) -> None:
        self.folder = folder
        self._map_bytes = map_bytes
        self._pid = os.getpid()
        self._users = 0
        self._lock = threading.RLock()
        self._use = _UseLock(folder / USE)
        try:
            self._environment = _environment(folder, map_bytes)
        except BaseException:
            self._use.release()
            raise

    @classmethod
    def open(cls, folder: Path, map_bytes: int) -> "StoreFile":
        """Open the file in a folder, or share it if this process has it open.

        Raises:
            DamagedStoreError: If what is there is not a whole lmdb file.
            UsageError: If the folder cannot be made or written.
        """
        with _REGISTRY, explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            folder = folder.resolve()
            file = _OPEN.get(folder)
            if file is None:
                file = _OPEN[folder] = cls(folder, map_bytes)
            file._users += 1
            return file

    def close(self) -> None:
        """Close the file, if nobody else in this process has it open."""
        with _REGISTRY, self._lock:
            self._users -= 1
            if self._users == 0:
                self._environment.close()
                self._use.release()
                del _OPEN[self.folder]

    @property
    def size(self) -> int:
        """What the file takes on disk, in bytes."""
        return (self.folder / DATA).stat().st_size

    def read(self, act: Callable[["lmdb.Transaction[bytes]"], T]) -> T:
        """Act within a transaction that sees one state of the store."""
        return self._within(act, write=False)

    def view(self, act: Callable[["lmdb.Transaction[memoryview]"], T]) -> T:
        """The same without copies: what is read are views, which end with the transaction."""
        return self._within(act, write=False, buffers=True)

    def write(self, act: Callable[["lmdb.Transaction[bytes]"], T]) -> T:
        """Act within a transaction that is kept as a whole or not at all.

        It may be acted several times, since a map that is too small is grown in between.
        """
        return self._within(act, write=True)

    def table(
        self, transaction: "lmdb.Transaction[Any]", name: bytes, *, create: bool = False
    ) -> "lmdb._Database | None":
        """A table by name, None where there is none."""
        try:
            return self._environment.open_db(name, txn=transaction, create=create)
        except lmdb.NotFoundError:
            return None

    def remove(self) -> bool:
        """Delete the file and begin an empty one; False if somebody else has it open."""
        with self._alone() as alone:
            if alone:
                self._environment.close()
                _remove_files(self.folder)
                self._environment = _environment(self.folder, self._map_bytes)
            return alone

    def compact(self) -> bool:
        """Give pages that hold nothing back to the disk; False if somebody else has it open.

        lmdb itself never makes a file smaller. Without room for the copy all stays as it is.
        """
        with self._alone() as alone:
            if not alone:
                return False
            _remove_copies(self.folder)
            beside = Path(tempfile.mkdtemp(dir=self.folder, prefix="copy-"))
            try:
                self._environment.copy(str(beside), compact=True)
                _synced(beside / DATA)
            except (lmdb.Error, OSError):
                return False
            else:
                self._environment.close()
                (self.folder / LOCK).unlink(missing_ok=True)
                (beside / DATA).replace(self.folder / DATA)
                self._environment = _environment(self.folder, self._map_bytes)
                return True
            finally:
                shutil.rmtree(beside, ignore_errors=True)

    def _within(
        self, act: Callable[["lmdb.Transaction[Any]"], T], *, write: bool, buffers: bool = False
    ) -> T:
        if os.getpid() != self._pid:
            raise UsageError(
                f"the vector store {self.folder} was opened before this process was forked.",
                "a start method other than fork, or --no-cache",
            )
        with self._lock:
            for _ in range(MAX_TRIES):
                try:
                    begin: Any = self._environment.begin
                    with begin(write=write, buffers=buffers) as transaction:
                        return act(transaction)
                except lmdb.MapFullError:
                    self._set_map(2 * self._environment.info()["map_size"])
                except lmdb.MapResizedError:
                    self._set_map(0)  # what another process has made of it
                except lmdb.ReadersFullError:
                    if self._environment.reader_check() == 0:  # all of them live
                        raise
                except (lmdb.DbsFullError, lmdb.BadRslotError):
                    self._reopen()  # handles of tables are held until then
            raise lmdb.MapFullError("the store's map has outgrown this machine")

    def _set_map(self, size: int) -> None:
        try:
            self._environment.set_mapsize(size)
        except lmdb.Error:
            self._reopen()  # the old map is gone by then, and reading through it would crash
            raise

    def _reopen(self) -> None:
        self._environment.close()
        self._environment = _environment(self.folder, self._map_bytes)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether nobody else has the file open; nobody can open it while the block runs."""
        with _REGISTRY, self._lock:
            alone = self._users == 1 and self._use.alone()
            try:
                yield alone
            finally:
                self._use.shared()


_OPEN: dict[Path, StoreFile] = {}
_REGISTRY = threading.RLock()


class _UseLock:
    """A lock that all who use the store share, and that whoever replaces its files has alone.

    The system releases it when a process ends, however it ends.
    """

    def __init__(self, place: Path) -> None:
        self._file = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        self.shared()

    def shared(self) -> None:
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def alone(self) -> bool:
        if fcntl is None:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._file)


def remove_damaged(folder: Path) -> None:
    """Delete the files of a store that cannot be opened.

    Raises:
        UsageError: If another process has it open.
    """
    with explained(folder):
        use = _UseLock(folder / USE)
        try:
            if not use.alone():
                raise UsageError(
                    f"another process has the vector store {folder} open.",
                    "the same command when that has ended",
                )
            _remove_files(folder)
        finally:
            use.release()


def damaged(folder: Path, error: Exception) -> DamagedStoreError:
    """What a user is told of a store whose file lmdb cannot make sense of."""
    parent = folder.parent
    where = "" if parent == cache_folder() else f" --cache-dir {shell_word(parent)}"
    return DamagedStoreError(
        f"the vector store {folder} is damaged or of another kind: {error}.",
        f"angle-bench cache clear{where}, or --no-cache",
    )


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Say in a user's words why a store cannot be used."""
    try:
        yield
    except DAMAGE as error:
        raise damaged(folder, error) from error
    except (OSError, lmdb.Error) as error:
        raise UsageError(
            f"the vector store {folder} cannot be used: {error}.",
            "--cache-dir DIR on a local disk that you may write to, or --no-cache",
        ) from error


def _environment(folder: Path, map_bytes: int) -> lmdb.Environment:
    """Open lmdb; a map takes addresses, no disk, and one below the file's size is raised.

    Every commit reaches the disk before it counts, so that neither a killed process nor a power
    cut loses or halves anything; writers put much into each commit, since that takes its time.
    """
    environment = lmdb.Environment(
        str(folder), map_size=map_bytes, max_dbs=MOST_TABLES, max_readers=MOST_READERS
    )
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if (folder / DATA).stat().st_size < needed:  # reading on would end the process by a signal
        environment.close()
        raise lmdb.CorruptedError("its file is cut off")
    return environment


def _remove_files(folder: Path) -> None:
    for name in (LOCK, DATA):
        (folder / name).unlink(missing_ok=True)
    _remove_copies(folder)


def _remove_copies(folder: Path) -> None:
    for left in folder.glob("copy-*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)


def _synced(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot; the copy is whole all the same
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
