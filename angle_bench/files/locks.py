"""A lock by a file's name: the system's, or on a file system that has none, a file that is there.

The system frees its lock when a process dies. A file stays: the library writes the holder's host
and process number into it and breaks it where that is this host and the process is gone.
"""

import errno
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

POLL_SECONDS = 0.2
SOFT = ".held"  # of a file that is a lock where the file system has none
# what `flock` fails with on a network folder whose server has no locks
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


def acquired(place: Path, blocking: bool = True) -> BaseFileLock:
    """The lock, held; `release` lets it go.

    Raises:
        Timeout: Another process has it, and nobody waits.
        OSError: The file cannot be written.
    """
    lock: BaseFileLock = FileLock(place)
    try:
        lock.acquire(blocking=blocking, poll_interval=POLL_SECONDS)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        lock = SoftFileLock(place.with_suffix(SOFT))
        lock.acquire(blocking=blocking, poll_interval=POLL_SECONDS)
    return lock


def is_held(place: Path) -> bool:
    """Whether a process has the lock now; what a dead one left of it is removed.

    Where the folder cannot be written, a lock that is there counts as held.
    """
    if not place.exists() and not place.with_suffix(SOFT).exists():
        return False
    try:
        release(acquired(place, blocking=False))
    except (Timeout, PermissionError):
        return True
    return False


def release(lock: BaseFileLock) -> None:
    """Let a lock go, and leave no file behind.

    Whoever opened the file before it went and locks it afterwards sees that it has no name any
    more, and opens the new one (filelock from 3.24 on).
    """
    if not isinstance(lock, SoftFileLock):  # which is its file, and removes it itself
        with suppress(OSError):  # a file that stays locks nobody out
            Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
