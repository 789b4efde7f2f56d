"""Reading files that somebody else put there: a pipe would be waited for, a device never ends."""

import errno
import os
import stat
from pathlib import Path


def read_regular(place: Path) -> bytes:
    """The bytes of a regular file, also behind a link.

    Raises:
        OSError: There is none, it is no regular file, or it cannot be read.
    """
    handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(place))
        return file.read()
