"""Where the store lies: the file system is read off the mounts, a network's is left."""

import os
import tempfile
from pathlib import Path

import pytest

from angle_bench.encoding.store import location as module
from angle_bench.encoding.store.lmdb_store import open_store
from angle_bench.encoding.store.location import (
    file_system,
    is_network,
    read_mounts,
    store_place,
)
from angle_bench.errors import UsageError

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /proc rw - proc proc rw
31 22 0:40 / /home rw,relatime shared:2 master:7 - nfs4 server:/home rw,vers=4.2
32 31 0:41 / /home/me/scratch rw - xfs /dev/sdb1 rw
33 22 0:42 / /mnt/with\040space rw - lustre mgs@tcp:/fs rw
34 22 0:43 / /mnt/twice rw - xfs /dev/sdc1 rw
35 22 0:44 / /mnt/twice rw - cifs //server/share rw
36 22 0:45 / /data rw - fuse.sshfs me@server:/ rw
a line of another kind
37 22 0:46 / /short
"""


def line(point: Path, kind: str) -> str:
    return f"1 1 0:1 / {point} rw - {kind} device rw"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, as `TMPDIR` names it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)  # where a former answer is remembered
    return folder


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder on a network, going by what is mounted."""
    folder = tmp_path / "home/cache"
    mounts = "\n".join([line(Path("/"), "ext4"), line(tmp_path / "home", "nfs4")])
    monkeypatch.setattr(module, "read_mounts", lambda: mounts)
    return folder


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/cache", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/.cache/angle-bench", "nfs4"),
        ("/homes/me", "ext4"),
        ("/home/me/scratch/cache", "xfs"),
        ("/home/me/scratchy", "nfs4"),
        ("/home/me/scratch/../cache", "nfs4"),
        ("/mnt/with space/cache", "lustre"),
        ("/mnt/twice/cache", "cifs"),
        ("/data/cache", "fuse.sshfs"),
        ("/short/cache", "ext4"),
    ],
)
def test_the_longest_mount_point_above_decides(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    mounts = "\n".join([line(Path("/"), "ext4"), line(tmp_path.resolve() / "real", "nfs")])
    assert file_system(tmp_path / "link/below/what is there", mounts) == "nfs"


def test_no_mounts_are_no_network() -> None:
    assert file_system(Path("/home/me"), "") == ""
    assert not is_network("")


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "lustre", "gpfs", "9p", "fuse.sshfs"])
def test_network_file_systems(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.mergerfs"])
def test_local_file_systems(kind: str) -> None:
    assert not is_network(kind)


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="no mountinfo here")
def test_the_mounts_of_this_machine_are_read() -> None:
    assert file_system(Path("/proc/self"), read_mounts()) == "proc"


def test_a_local_folder_stays_where_it_was_asked_for(tmp_path: Path, network: Path) -> None:
    place = store_place(tmp_path / "local")
    assert (place.folder, place.moved) == (tmp_path / "local/vectors", None)
    assert not (tmp_path / "local").exists()  # finding a place makes nothing


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_place(Path("~/cache")).folder == tmp_path / "cache/vectors"


def test_a_store_on_a_network_moves_to_the_temporary_folder(network: Path, temporary: Path) -> None:
    place = store_place(network)
    own = temporary / f"angle-bench-{os.getuid()}"
    assert place.folder == own / "vectors"
    assert place.moved == (
        f"{network}/vectors is on a network file system (nfs4), where a vector store breaks; "
        f"it is in {own}/vectors instead."
    )
    assert own.stat().st_mode & 0o777 == 0o700
    assert store_place(network) == place  # and again, now that it is there
    store = open_store(network)
    assert (store.folder, store.moved) == (place.folder, place.moved)
    store.close()
    assert (own / "vectors/data.mdb").is_file()
    assert not network.exists()


def test_a_temporary_folder_on_a_network_is_refused(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = network.parent / "tmp"
    local.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(local))
    with pytest.raises(UsageError) as raised:
        store_place(network)
    assert raised.value.what == (
        f"{network}/vectors and {local}/angle-bench-{os.getuid()} are on network file systems, "
        "where a vector store breaks."
    )
    assert raised.value.fix == "--cache-dir DIR on a local disk, or --no-cache"
    assert list(local.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
@pytest.mark.parametrize("linked", [False, True])
def test_a_temporary_folder_of_another_user_is_refused(
    network: Path, temporary: Path, linked: bool
) -> None:
    own = temporary / f"angle-bench-{os.getuid()}"
    if linked:
        (temporary / "elsewhere").mkdir()
        own.symlink_to(temporary / "elsewhere")
    else:
        own.mkdir()
    os.chown(own, 65534, 65534, follow_symlinks=False)
    with pytest.raises(UsageError, match="belongs to another user") as raised:
        store_place(network)
    assert raised.value.fix == "--cache-dir DIR on a local disk, or --no-cache"


def test_a_file_in_the_way_is_named(network: Path, temporary: Path) -> None:
    own = temporary / f"angle-bench-{os.getuid()}"
    own.write_text("mine")
    with pytest.raises(UsageError, match="cannot be made") as raised:
        store_place(network)
    assert str(own) in raised.value.what
    assert own.read_text() == "mine"
