"""The lmdb file under the store: growth, several processes, kills, damage, full disks."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb
import numpy as np
import pytest

from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_file import DamagedStoreError, StoreFile, remove_damaged
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.errors import UsageError

ROOM = 1 << 30
SMALL_MAP = 1 << 16
WIDTH = 256
IDENTITY = StoreIdentity("c0ffee", "{}", "tiny")

# what every child begins with; a vector is its text's number all over, so that a half one shows
CHILD = f"""
import signal, sys
from pathlib import Path
import numpy as np
from angle_bench.encoding.store.lmdb_store import VectorStore
from angle_bench.encoding.store.interface import StoreIdentity

identity = StoreIdentity("c0ffee", "{{}}", "tiny")
folder = Path(sys.argv[1])

def put(store, first, count, identity=identity):
    keys = identity.keys(map(str, range(first, first + count)))
    numbers = np.arange(first, first + count, dtype=np.float32)
    return store.put(identity, keys, np.repeat(numbers[:, None], {WIDTH}, axis=1))

def say(word):
    print(word, flush=True)
"""


def start(code: str, folder: Path, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, str(folder), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def child(code: str, folder: Path, *words: object) -> Iterator["subprocess.Popen[str]"]:
    """A process that ends with the test, whatever becomes of it."""
    process = start(code, folder, *words)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: "subprocess.Popen[str]") -> None:
    """Let a child go on that waits for a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def put(store: VectorStore, first: int, count: int, identity: StoreIdentity = IDENTITY) -> None:
    keys = identity.keys(map(str, range(first, first + count)))
    numbers = np.arange(first, first + count, dtype=np.float32)
    assert store.put(identity, keys, np.repeat(numbers[:, None], WIDTH, axis=1)), store.problem


def stored(
    store: VectorStore, count: int, identity: StoreIdentity = IDENTITY, first: int = 0
) -> int:
    """How many of the texts have a vector; all of these are whole and their own."""
    found, read = store.get(identity, identity.keys(map(str, range(first, first + count))), WIDTH)
    assert store.problem is None
    numbers = np.arange(first, first + count, dtype=np.float32)[found]
    assert np.array_equal(read[found], np.repeat(numbers[:, None], WIDTH, axis=1))
    return int(found.sum())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.fixture
def store(folder: Path) -> Iterator[VectorStore]:
    opened = VectorStore(folder, ROOM, SMALL_MAP)
    yield opened
    opened.close()


def test_a_map_that_is_full_is_grown(store: VectorStore) -> None:
    put(store, 0, 10)
    put(store, 10, 2000)  # 2 MB in one commit into a map of 64 KB
    assert store.file_bytes > 16 * SMALL_MAP
    assert stored(store, 2010) == 2010
    assert store.problem is None


def test_a_store_larger_than_the_map_asked_for_is_opened(store: VectorStore, folder: Path) -> None:
    put(store, 0, 1000)
    store.close()
    again = VectorStore(folder, ROOM, SMALL_MAP)
    assert stored(again, 1000) == 1000
    put(again, 1000, 1000)
    assert stored(again, 2000) == 2000
    again.close()


@pytest.mark.process
def test_a_map_that_another_process_has_grown(store: VectorStore, folder: Path) -> None:
    put(store, 0, 10)
    grow = f"put(VectorStore(folder, {ROOM}, {SMALL_MAP}), 10, 2000) and say('grown')"
    with child(grow, folder) as process:
        assert said(process) == "grown"
    assert stored(store, 2010) == 2010
    put(store, 2010, 10)
    assert stored(store, 2020) == 2020


@pytest.mark.process
def test_a_write_into_a_map_that_another_process_has_grown(
    store: VectorStore, folder: Path
) -> None:
    grow = f"put(VectorStore(folder, {ROOM}, {SMALL_MAP}), 10, 2000) and say('grown')"
    with child(grow, folder) as process:
        assert said(process) == "grown"
    put(store, 0, 10)  # the first access after the other's growth
    assert stored(store, 2010) == 2010


@pytest.mark.process
def test_processes_writing_at_once_lose_nothing(folder: Path) -> None:
    write = f"""
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
own = int(sys.argv[2])
say("open")
sys.stdin.readline()
for first in range(0, 400, 20):
    assert put(store, 1000 * own + first, 20), store.problem
    assert put(store, first, 20, StoreIdentity(f"own {{own}}", "{{}}", "own")), store.problem
    keys = identity.keys(map(str, range(1000 * own, 1000 * own + first + 20)))
    assert store.get(identity, keys, {WIDTH})[0].all()
store.close()
say("done")
"""
    processes = [start(write, folder, own) for own in range(4)]
    try:
        assert [said(process) for process in processes] == ["open"] * 4
        for process in processes:
            go(process)
        assert [said(process) for process in processes] == ["done"] * 4
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    store = VectorStore(folder, ROOM)
    for own in range(4):
        assert stored(store, 400, first=1000 * own) == 400
        assert stored(store, 400, StoreIdentity(f"own {own}", "{}", "own")) == 400
    assert sum(info.vectors for info in store.info()) == 2 * 4 * 400
    store.close()


@pytest.mark.process
@pytest.mark.parametrize("commits", [1, 7])
def test_a_process_killed_between_commits_leaves_whole_vectors(folder: Path, commits: int) -> None:
    write = f"""
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
for first in range(0, 1_000_000, 100):
    put(store, first, 100)
    say(first)
"""
    with child(write, folder) as process:
        for number in range(commits):
            assert said(process) == str(100 * number)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert process.stdout is not None
        commits += len(process.stdout.readlines())  # of those said before the kill
    store = VectorStore(folder, ROOM)
    count = stored(store, 100 * commits + 200)
    assert count >= 100 * commits
    assert count % 100 == 0
    put(store, 0, 100)
    store.close()


@pytest.mark.process
def test_a_process_killed_in_mid_write_leaves_what_was_there(
    store: VectorStore, folder: Path
) -> None:
    put(store, 0, 50)
    write = f"""
store = VectorStore(folder, {ROOM}, {SMALL_MAP})

def rows():
    for number in range(50, 5000):
        if number == 4000:
            say("amid")
            sys.stdin.readline()  # the transaction is open, and most of it written
        yield identity.keys([str(number)])[0], np.full({WIDTH}, number, np.float32).tobytes()

def act(transaction):
    table = store._file.table(transaction, identity.table)
    transaction.cursor(db=table).putmulti(rows())

store._file._set_map(64 << 20)
store._file.write(act)
"""
    with child(write, folder) as process:
        assert said(process) == "amid"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert stored(store, 5000) == 50  # by the store that was open all the while
    put(store, 50, 100)  # the dead writer's lock is nobody's
    assert stored(store, 5000) == 150
    assert store.info()[0].vectors == 150


@pytest.mark.process
def test_readers_that_were_killed_do_not_fill_the_table_of_readers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("angle_bench.encoding.store.lmdb_file.MOST_READERS", 2)
    store = VectorStore(folder, ROOM)
    put(store, 0, 5)
    store.close()
    store = VectorStore(folder, ROOM)
    hold = f"""
store = VectorStore(folder, {ROOM})
reading = store._file._environment.begin()
say("reading")
sys.stdin.readline()
"""
    for _ in range(2):
        with child(hold, folder) as process:
            assert said(process) == "reading"
            process.kill()
    assert stored(store, 5) == 5
    store.close()


@pytest.mark.process
def test_an_identity_evicted_by_another_process_is_written_on(
    store: VectorStore, folder: Path
) -> None:
    write = f"""
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
put(store, 0, 50)
say("written")
sys.stdin.readline()
assert not store.get(identity, identity.keys(map(str, range(50))), {WIDTH})[0].any()
assert put(store, 100, 50), store.problem  # through the handle from before the eviction
say("again")
"""
    others = [StoreIdentity(str(number), "{}", str(number)) for number in range(3)]
    with child(write, folder) as process:
        assert said(process) == "written"
        assert [info.label for info in store.prune(0)] == ["tiny"]
        for other in others:
            put(store, 0, 20, other)
        go(process)
        assert said(process) == "again"
    assert stored(store, 50, first=100) == 50
    assert [stored(store, 20, other) for other in others] == [20] * 3
    assert {info.label: info.vectors for info in store.info()} == {
        "tiny": 50,
        **{other.label: 20 for other in others},
    }


def test_two_stores_on_one_folder_share_the_file(store: VectorStore, folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    others = [VectorStore(folder, ROOM), VectorStore(folder.parent / "link", ROOM)]
    assert all(other._file is store._file for other in others)
    put(others[0], 0, 10)
    assert [stored(some, 10) for some in (store, *others)] == [10, 10, 10]
    for other in others:
        other.close()
    put(store, 10, 10)
    assert stored(store, 20) == 20


def test_the_file_is_opened_anew_after_the_last_close(folder: Path) -> None:
    first, second = (VectorStore(folder, ROOM, SMALL_MAP) for _ in range(2))
    put(first, 0, 10)
    first.close()
    second.close()
    third = VectorStore(folder, ROOM, SMALL_MAP)
    assert third._file is not second._file
    assert stored(third, 10) == 10
    third.close()


@pytest.mark.process
def test_a_file_that_another_process_has_open_is_neither_deleted_nor_replaced(
    store: VectorStore, folder: Path
) -> None:
    put(store, 0, 1000)
    before = store.file_bytes
    hold = f"""
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
say("open")
sys.stdin.readline()
assert put(store, 2000, 10), store.problem
say("written")
sys.stdin.readline()
"""
    with child(hold, folder) as process:
        assert said(process) == "open"
        with pytest.raises(UsageError, match="another process has the vector store"):
            remove_damaged(folder)
        assert not store._file.compact()
        assert store.clear() == 1
        assert store.info() == []
        assert store.file_bytes >= before
        go(process)
        assert said(process) == "written"
        assert stored(store, 10, first=2000) == 10  # both still see one file
    assert store._file.compact()
    assert store.file_bytes < before / 4
    assert stored(store, 10, first=2000) == 10


def test_compacting_leaves_no_copy_behind(store: VectorStore, folder: Path) -> None:
    put(store, 0, 1000)
    (folder / "copy-of-a-killed-process").mkdir()
    assert store._file.compact()
    assert sorted(place.name for place in folder.iterdir()) == ["data.mdb", "lock.mdb", "use.lock"]
    assert stored(store, 1000) == 1000


def close_quietly(folder: Path) -> None:
    VectorStore(folder, ROOM).close()


@pytest.mark.parametrize(
    "damage",
    [b"not lmdb" * 1000, b"x", bytes(4096), bytes(100_000)],
    ids=["another kind", "one byte", "a page of zeros", "zeros"],
)
def test_a_damaged_file_is_named_with_what_to_type(folder: Path, damage: bytes) -> None:
    folder.mkdir()
    (folder / "data.mdb").write_bytes(damage)
    with pytest.raises(DamagedStoreError) as raised:
        VectorStore(folder, ROOM)
    assert raised.value.what.startswith(f"the vector store {folder} is damaged or of another kind:")
    assert raised.value.fix == (
        f"angle-bench cache clear --cache-dir {folder.parent}, or --no-cache"
    )
    assert (folder / "data.mdb").read_bytes() == damage  # nothing is deleted unasked
    remove_damaged(folder)
    store = VectorStore(folder, ROOM)
    put(store, 0, 3)
    store.close()


def test_the_default_folder_needs_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path))
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors/data.mdb").write_bytes(b"not lmdb" * 1000)
    with pytest.raises(DamagedStoreError) as raised:
        VectorStore(tmp_path / "vectors", ROOM)
    assert raised.value.fix == "angle-bench cache clear, or --no-cache"


def test_a_folder_with_spaces_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my cache/vectors"
    folder.mkdir(parents=True)
    (folder / "data.mdb").write_bytes(b"not lmdb" * 1000)
    with pytest.raises(DamagedStoreError) as raised:
        VectorStore(folder, ROOM)
    assert f"--cache-dir '{tmp_path}/my cache'," in raised.value.fix


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_a_file_that_is_cut_off_is_damaged(folder: Path, left: float) -> None:
    store = VectorStore(folder, ROOM, SMALL_MAP)
    put(store, 0, 1000)
    store.close()
    data = folder / "data.mdb"
    os.truncate(data, int(left * data.stat().st_size))
    with pytest.raises(DamagedStoreError, match="cut off"):
        VectorStore(folder, ROOM)
    remove_damaged(folder)
    close_quietly(folder)


def test_damage_within_the_file_is_named_with_what_to_type(folder: Path) -> None:
    store = VectorStore(folder, ROOM, SMALL_MAP)
    put(store, 0, 1000)
    store.close()
    data = folder / "data.mdb"
    page = os.sysconf("SC_PAGESIZE")
    data.write_bytes(data.read_bytes()[: 2 * page] + bytes(data.stat().st_size - 2 * page))
    store = VectorStore(folder, ROOM)  # lmdb reads no more than its first pages here
    keys = IDENTITY.keys(map(str, range(1000)))
    told = f"Type: angle-bench cache clear --cache-dir {folder.parent}, or --no-cache."
    assert not store.get(IDENTITY, keys, WIDTH)[0].any()
    assert store.problem is not None
    assert store.problem.startswith(f"the vector store {folder} is damaged or of another kind: ")
    assert store.problem.endswith(told)
    store.problem = None
    assert not store.put(IDENTITY, keys, np.zeros((1000, WIDTH), np.float32))
    assert str(store.problem).endswith(told)
    assert not store.holds(IDENTITY)
    with pytest.raises(DamagedStoreError):
        store.info()
    store.close()


def test_an_empty_file_is_an_empty_store(folder: Path) -> None:
    folder.mkdir()
    (folder / "data.mdb").touch()
    store = VectorStore(folder, ROOM)
    assert store.info() == []
    put(store, 0, 3)
    assert stored(store, 3) == 3
    store.close()


def test_a_store_that_did_not_open_holds_no_lock(folder: Path) -> None:
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"not lmdb" * 1000)
    for _ in range(3):
        with pytest.raises(DamagedStoreError):
            VectorStore(folder, ROOM)
    remove_damaged(folder)  # would be refused if one were left
    close_quietly(folder)


@contextmanager
def without_rights() -> Iterator[Path]:
    """A folder as somebody sees it whom the system does not let do everything."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(place)
        finally:
            os.seteuid(user)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such users")
def test_a_read_only_folder_is_named_with_what_to_type() -> None:
    with without_rights() as place:
        place.joinpath("cache").mkdir(mode=0o555)
        with pytest.raises(UsageError) as raised:
            VectorStore(place / "cache/vectors", ROOM)
        assert not isinstance(raised.value, DamagedStoreError)
        assert raised.value.what.startswith(
            f"the vector store {place}/cache/vectors cannot be used: "
        )
        assert "Permission denied" in raised.value.what
        assert raised.value.fix == (
            "--cache-dir DIR on a local disk that you may write to, or --no-cache"
        )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such users")
@pytest.mark.parametrize("closed", ["vectors", "vectors/data.mdb", "vectors/use.lock"])
def test_a_store_that_may_only_be_read_is_no_damage(closed: str) -> None:
    with without_rights() as place:
        store = VectorStore(place / "vectors", ROOM)
        put(store, 0, 3)
        store.close()
        if closed == "vectors":
            for name in ("data.mdb", "lock.mdb", "use.lock"):
                (place / "vectors" / name).chmod(0o444)
        (place / closed).chmod(0o555)
        with pytest.raises(UsageError, match="Permission denied") as raised:
            VectorStore(place / "vectors", ROOM)
        assert not isinstance(raised.value, DamagedStoreError)
        (place / closed).chmod(0o755)


def test_a_folder_that_is_a_file_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("mine")
    with pytest.raises(UsageError, match="cannot be used") as raised:
        VectorStore(tmp_path / "vectors", ROOM)
    assert not isinstance(raised.value, DamagedStoreError)
    assert (tmp_path / "vectors").read_text() == "mine"


@pytest.mark.process
def test_a_full_disk_stores_nothing_and_says_so(store: VectorStore, folder: Path) -> None:
    put(store, 0, 10)
    fill = f"""
import resource
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
most = store.file_bytes + 100_000
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
assert not put(store, 10, 2000)
say(store.problem)
keys = identity.keys(map(str, range(2010)))
say(store.get(identity, keys, {WIDTH})[0].sum())
"""
    with child(fill, folder) as process:
        assert said(process).startswith(
            f"the vector store {folder} cannot be written; its disk may be full: "
        )
        assert said(process) == "10"
    assert stored(store, 2010) == 10
    put(store, 10, 2000)
    assert stored(store, 2010) == 2010


@pytest.mark.process
def test_a_map_that_does_not_fit_the_memory_leaves_the_store_usable(folder: Path) -> None:
    grow = f"""
import lmdb, resource
store = VectorStore(folder, {ROOM}, {SMALL_MAP})
assert put(store, 0, 10)
resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
try:
    store._file._set_map(1 << 40)
except lmdb.Error:
    say("refused")
keys = identity.keys(map(str, range(20)))
say(store.get(identity, keys, {WIDTH})[0].sum())
say(put(store, 10, 10))
"""
    with child(grow, folder) as process:
        assert [said(process) for _ in range(3)] == ["refused", "10", "True"]
    store = VectorStore(folder, ROOM)
    assert stored(store, 20) == 20
    store.close()


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_refused(store: VectorStore) -> None:
    put(store, 0, 10)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            for act in (
                lambda: stored(store, 10),
                lambda: put(store, 10, 10),
                lambda: store.info(),
                lambda: VectorStore(store.folder, ROOM).info(),
            ):
                try:
                    act()
                    os.write(writing, b"not refused\n")
                except UsageError as error:
                    os.write(writing, f"{error.what}; {error.fix}\n".encode())
            store.close()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        lines = answers.read().splitlines()
    os.waitpid(child, 0)
    assert lines == 4 * [
        f"the vector store {store.folder} was opened before this process was forked.; "
        "a start method other than fork, or --no-cache"
    ]
    put(store, 10, 10)  # neither the child's end nor its close has taken anything from us
    assert stored(store, 20) == 20


def test_more_tables_than_lmdb_holds_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("angle_bench.encoding.store.lmdb_file.MOST_TABLES", 3)
    store = VectorStore(folder, ROOM)
    identities = [StoreIdentity(str(number), "{}", str(number)) for number in range(6)]
    for identity in identities:
        put(store, 0, 5, identity)
    assert [stored(store, 5, identity) for identity in identities] == [5] * 6
    store.close()


def test_an_act_that_fails_keeps_nothing(folder: Path) -> None:
    file = StoreFile.open(folder, SMALL_MAP)

    def act(transaction: "lmdb.Transaction[bytes]") -> None:
        transaction.put(b"key", b"value")
        raise RuntimeError("amid")

    with pytest.raises(RuntimeError, match="amid"):
        file.write(act)
    assert file.read(lambda transaction: transaction.get(b"key")) is None
    file.close()
