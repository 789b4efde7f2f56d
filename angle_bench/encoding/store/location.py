"""Where the vector store lies: the cache folder, or a local disk if that is on a network.

lmdb maps its file into memory and locks it through that map. Over a network neither holds, and
a store there would be damaged without a word.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import UsageError
from angle_bench.files.places import cache_folder

SUBFOLDER = "vectors"
NETWORK_FILE_SYSTEMS = frozenset(
    (
        *("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "lustre", "gpfs", "beegfs"),
        *("ceph", "9p", "glusterfs", "afs", "pvfs2", "orangefs", "panfs", "wekafs", "vboxsf"),
        *("ncpfs", "coda", "dvs", "daos"),
    )
)
# most of what mounts by FUSE is remote (sshfs, s3fs, gcsfuse, rclone, juicefs); these are not
LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.bindfs", "fuse.ntfs-3g"})


@dataclass(frozen=True)
class StorePlace:
    """A folder for the store, and what a user should know about it.

    Attributes:
        folder: Where the store's files go.
        moved: A sentence if that is not where it was asked for, else None.
    """

    folder: Path
    moved: str | None


def store_place(cache_dir: Path | None) -> StorePlace:
    """The store's folder below a cache folder, or on a local disk where that is a network's.

    Raises:
        UsageError: If the folder for temporary files is on a network too, or another user's.
    """
    asked = (cache_dir or cache_folder()).expanduser() / SUBFOLDER
    mounts = read_mounts()
    kind = file_system(asked, mounts)
    if not is_network(kind):
        return StorePlace(asked, None)
    local = Path(tempfile.gettempdir()) / f"angle-bench-{_user()}"
    if is_network(file_system(local, mounts)):
        raise UsageError(
            f"{asked} and {local} are on network file systems, where a vector store breaks.",
            "--cache-dir DIR on a local disk, or --no-cache",
        )
    _make_own(local)
    return StorePlace(
        local / SUBFOLDER,
        f"{asked} is on a network file system ({kind}), where a vector store breaks; "
        f"it is in {local / SUBFOLDER} instead.",
    )


def read_mounts() -> str:
    """What is mounted, as /proc/self/mountinfo has it; empty on platforms that have none."""
    try:
        return Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return ""


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that a path lies on, from the text of a mountinfo file.

    The longest mount point above the path decides, the later one where two are the same. The
    path need not exist. Empty where no mount point is above it.
    """
    parts = path.resolve().parts
    longest, kind = 0, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_unescaped(fields[4])).parts
        if len(point) >= longest and parts[: len(point)] == point:
            longest, kind = len(point), after.split(" ")[0]
    return kind


def is_network(kind: str) -> bool:
    """Whether a file system of this type is another machine's."""
    if kind.startswith("fuse."):
        return kind not in LOCAL_FUSE
    return kind in NETWORK_FILE_SYSTEMS


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _make_own(folder: Path) -> None:
    """Make a folder in the shared temporary folder; one that somebody else made is not used."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        stat = folder.lstat()
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made: {error}.", "--cache-dir DIR on a local disk, or --no-cache"
        ) from error
    if hasattr(os, "getuid") and stat.st_uid != os.getuid():
        raise UsageError(
            f"{folder} belongs to another user.", "--cache-dir DIR on a local disk, or --no-cache"
        )
