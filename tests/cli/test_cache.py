"""`angle-bench cache`: what it shows, what it deletes, what it asks."""

import io
import json
import os
import pty
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from angle_bench.api.calling.sizes import parse_size, show_size
from angle_bench.encoding.store import location
from angle_bench.encoding.store.interface import StoreIdentity
from angle_bench.encoding.store.lmdb_store import open_store
from angle_bench.errors import UsageError
from tests.conftest import Cli, Command

WIDTH = 256
ASK_FOR_YES = [
    "error: nobody is there to be asked whether to clear the store.",
    "  type: -y",
]


def fill(cache_dir: Path, *names: str, count: int = 500) -> None:
    """A store of models, the first one used longest ago."""
    store = open_store(cache_dir)
    for name in names:
        identity = StoreIdentity(name, "{}", f"{name}@0123abcd · cls")
        keys = identity.keys(f"text {number}" for number in range(count))
        assert store.put(identity, keys, np.ones((count, WIDTH), np.float32))
    store.close()


def left(cache_dir: Path) -> list[str]:
    store = open_store(cache_dir)
    labels = [info.label.partition("@")[0] for info in store.info()]
    store.close()
    return labels


def damage(cache_dir: Path) -> Path:
    file = cache_dir / "vectors/data.mdb"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not lmdb" * 1000)
    return file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is no terminal, whoever runs the tests."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def test_info_shows_models_the_one_used_longest_ago_first(cli: Cli, cache: Path) -> None:
    fill(cache, "old")
    fill(cache, "new", count=1200)
    ended = cli("cache", "info", "--cache-dir", cache)
    assert ended.code == 0
    assert ended.err == ""
    head, old, new, total = ended.out.splitlines()
    assert head.split() == ["model", "vectors", "size", "last", "used"]
    assert old.split()[:4] == ["old@0123abcd", "·", "cls", "500"]
    assert new.split()[:4] == ["new@0123abcd", "·", "cls", "1,200"]
    store = open_store(cache)
    held = sum(info.bytes for info in store.info())
    assert total == (
        f"{show_size(held)} of at most 20.0G in {cache}/vectors, "
        f"{show_size(store.file_bytes)} on disk"
    )
    store.close()


def test_info_as_json(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "new")
    before = datetime.now().astimezone()
    ended = cli("cache", "info", "--json", "--cache-dir", cache)
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    assert list(said) == ["folder", "moved", "limit_bytes", "file_bytes", "bytes", "identities"]
    assert (said["folder"], said["moved"]) == (f"{cache}/vectors", None)
    assert said["limit_bytes"] == 20 << 30
    assert said["file_bytes"] == (cache / "vectors/data.mdb").stat().st_size
    assert [each["label"] for each in said["identities"]] == [
        "old@0123abcd · cls",
        "new@0123abcd · cls",
    ]
    assert [each["vectors"] for each in said["identities"]] == [500, 500]
    assert said["bytes"] == sum(each["bytes"] for each in said["identities"])
    times = [datetime.fromisoformat(each["last_used"]) for each in said["identities"]]
    assert times[0] <= times[1] <= before  # with their time zone, else they do not compare


def test_info_of_an_empty_store(cli: Cli, cache: Path) -> None:
    ended = cli("cache", "info", "--cache-dir", cache)
    assert ended.code == 0
    assert ended.out.startswith(f"0 of at most 20.0G in {cache}/vectors, ")
    said = json.loads(cli("cache", "info", "--json", "--cache-dir", cache).out)
    assert (said["bytes"], said["identities"]) == (0, [])


def test_the_default_is_the_users_cache(
    cli: Cli, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, "old")
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(cache))
    assert json.loads(cli("cache", "info", "--json").out)["folder"] == f"{cache}/vectors"
    assert cli("cache", "clear", "-y").code == 0
    assert left(cache) == []


def test_prune_evicts_the_one_used_longest_ago(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "middle", "new")
    store = open_store(cache)
    size, before = store.info()[0].bytes, store.file_bytes
    store.close()
    ended = cli("cache", "prune", "--to", str(2 * size), "--cache-dir", cache)
    assert (ended.code, ended.err) == (0, "")
    freed = before - (cache / "vectors/data.mdb").stat().st_size
    assert freed > size // 2
    assert ended.out.splitlines() == [
        f"evicted old@0123abcd · cls  {show_size(size)}",
        f"{show_size(freed)} given back to the disk",
    ]
    assert left(cache) == ["middle", "new"]


def test_prune_within_the_limit_evicts_nothing(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "new")
    ended = cli("cache", "prune", "--to", "5G", "--cache-dir", cache)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "nothing evicted; all of it is within 5.0G"
    assert left(cache) == ["old", "new"]


def test_prune_to_nothing_and_of_nothing(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "new")
    ended = cli("cache", "prune", "--to", "0", "--cache-dir", cache)
    assert [line.split("@")[0] for line in ended.out.splitlines()[:2]] == [
        "evicted old",
        "evicted new",
    ]
    assert left(cache) == []
    ended = cli("cache", "prune", "--to", "0", "--cache-dir", cache)
    assert (ended.code, ended.out) == (0, "nothing evicted; all of it is within 0\n")


def test_prune_needs_a_size(cli: Cli, cache: Path) -> None:
    fill(cache, "old")
    ended = cli("cache", "prune", "--cache-dir", cache)
    assert ended.code == 2
    assert "--to" in ended.errors[0]
    assert left(cache) == ["old"]


@pytest.mark.parametrize(
    ("size", "fix"),
    [
        ("five", "5G"),
        ("", "5G"),
        ("-5G", "5G"),
        ("5,5G", "5.5G"),
        ("5 gigs", "5G"),
        ("1e3", "5G"),
    ],
)
def test_a_bad_size_deletes_nothing(cli: Cli, cache: Path, size: str, fix: str) -> None:
    fill(cache, "old")
    ended = cli("cache", "prune", "--to", size, "--cache-dir", cache)
    assert ended.code == 2
    assert ended.errors == [f"error: {size!r} is no size.", f"  type: {fix}"]
    assert left(cache) == ["old"]


def test_clear_deletes_all_and_gives_the_room_back(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "new")
    before = (cache / "vectors/data.mdb").stat().st_size
    ended = cli("cache", "clear", "-y", "--cache-dir", cache)
    assert (ended.code, ended.err) == (0, "")
    freed = before - (cache / "vectors/data.mdb").stat().st_size
    assert ended.out.splitlines() == [
        f"cleared 2 models from {cache}/vectors",
        f"{show_size(freed)} given back to the disk",
    ]
    assert freed > before // 2
    assert left(cache) == []


def test_clear_of_one_model_and_of_an_empty_store(cli: Cli, cache: Path, no_terminal: None) -> None:
    fill(cache, "old")
    ended = cli("cache", "clear", "--yes", "--cache-dir", cache)
    assert ended.out.splitlines()[0] == f"cleared 1 model from {cache}/vectors"
    ended = cli("cache", "clear", "--cache-dir", cache)  # nothing to lose, nothing to ask
    assert (ended.code, ended.out) == (0, f"{cache}/vectors is empty\n")


def test_clear_without_a_terminal_wants_yes(cli: Cli, cache: Path, no_terminal: None) -> None:
    fill(cache, "old")
    ended = cli("cache", "clear", "--cache-dir", cache)
    assert ended.code == 2
    assert ended.errors == ASK_FOR_YES
    assert left(cache) == ["old"]


def on_a_terminal(answer: str, *words: str | Path) -> tuple[int, str, str]:
    """Run the command line with a terminal as its standard input, where somebody answers."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        ended = subprocess.run(
            [sys.executable, "-m", "angle_bench", *map(str, words)],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.process
@pytest.mark.parametrize(("answer", "names"), [("y\n", []), ("n\n", ["old"]), ("\n", ["old"])])
def test_clear_asks_on_a_terminal(cache: Path, answer: str, names: list[str]) -> None:
    fill(cache, "old")
    code, out, err = on_a_terminal(answer, "cache", "clear", "--cache-dir", cache)
    assert code == 0
    assert err.startswith("delete the vectors of 1 model? [y/N]:")
    assert ("cleared 1 model" in out) == (names == [])
    assert left(cache) == names


@pytest.mark.process
def test_clear_while_another_process_has_the_store_open(cli: Cli, cache: Path) -> None:
    fill(cache, "old", "new")
    hold = (
        "import sys; from pathlib import Path\n"
        "from angle_bench.encoding.store.lmdb_store import open_store\n"
        "store = open_store(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        ended = cli("cache", "clear", "-y", "--cache-dir", cache)
        assert ended.code == 0
        assert ended.out.splitlines() == [
            f"cleared 2 models from {cache}/vectors",
            "another process has the store open, or the disk is full: its file keeps its size, "
            "and later vectors are written into the room",
        ]
        process.communicate()
    ended = cli("cache", "clear", "--cache-dir", cache)  # now the room can be given back
    assert ended.code == 0
    assert ended.out.splitlines()[0] == f"{cache}/vectors is empty"
    assert ended.out.splitlines()[1].endswith("given back to the disk")


@pytest.mark.parametrize("words", [("info",), ("info", "--json"), ("prune", "--to", "5G")])
def test_a_damaged_store_is_named_with_what_to_type(
    cli: Cli, cache: Path, words: tuple[str, ...]
) -> None:
    file = damage(cache)
    ended = cli("cache", *words, "--cache-dir", cache)
    assert (ended.code, ended.out) == (2, "")
    what, fix = ended.errors
    assert what.startswith(f"error: the vector store {cache}/vectors is damaged or of another kind")
    assert fix == f"  type: angle-bench cache clear --cache-dir {cache}, or --no-cache"
    assert file.read_bytes() == b"not lmdb" * 1000


def test_clear_deletes_a_damaged_store_if_told_to(cli: Cli, cache: Path, no_terminal: None) -> None:
    file = damage(cache)
    ended = cli("cache", "clear", "--cache-dir", cache)
    assert ended.code == 2
    assert ended.errors == ASK_FOR_YES
    assert file.exists()
    ended = cli("cache", "clear", "-y", "--cache-dir", cache)
    assert (ended.code, ended.out) == (0, f"deleted the damaged store in {cache}/vectors\n")
    fill(cache, "new")
    assert left(cache) == ["new"]


def test_a_store_that_was_moved_says_so_and_keeps_json_clean(
    cli: Cli, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"1 1 0:1 / / rw - ext4 d rw\n2 1 0:2 / {cache} rw - nfs4 d rw"
    monkeypatch.setattr(location, "read_mounts", lambda: mounts)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    local = tmp_path / f"angle-bench-{os.getuid()}/vectors"
    ended = cli("cache", "info", "--json", "--cache-dir", cache)
    said = json.loads(ended.out)
    assert said["folder"] == str(local)
    assert ended.err == said["moved"] + "\n"
    assert said["moved"].startswith(f"{cache}/vectors is on a network file system (nfs4)")


def test_a_folder_that_cannot_be_made(cli: Cli) -> None:
    ended = cli("cache", "info", "--cache-dir", "/proc/cache")
    assert ended.code == 2
    assert ended.errors[0].startswith("error: the vector store /proc/cache/vectors cannot be used")
    assert "--cache-dir DIR" in ended.errors[1]


def test_a_misspelt_verb(cli: Cli) -> None:
    ended = cli("cache", "purge")
    assert ended.code == 2
    assert "angle-bench cache p" in ended.errors[1]


def test_cache_imports_neither_torch_nor_mteb(angle_bench: Command, cache: Path) -> None:
    env = dict(os.environ, PYTHONPROFILEIMPORTTIME="1")
    ended = angle_bench("cache", "info", "--cache-dir", cache, env=env)
    assert ended.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "lmdb" in imported
    assert not {"torch", "mteb", "transformers"} & imported


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500", 500),
        ("1K", 1024),
        ("1.5k", 1536),
        (".5M", 512 << 10),
        ("5G", 5 << 30),
        (" 5 GB ", 5 << 30),
        ("5GiB", 5 << 30),
        ("2T", 2 << 40),
        ("7B", 7),
    ],
)
def test_sizes_are_read_as_people_type_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["G", "5X", "1.2.3G", "5 5G", "nan", "inf", "9" * 400, "1,000"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size") as raised:
        parse_size(text)
    if raised.value.fix != "5G":
        parse_size(raised.value.fix)  # what is proposed is a size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1.0K"),
        (1536, "1.5K"),
        ((1 << 20) - 1, "1.0M"),
        (20 << 30, "20.0G"),
        (1 << 60, "1048576.0T"),
    ],
)
def test_sizes_are_shown_so_that_they_can_be_typed(size: int, text: str) -> None:
    assert show_size(size) == text
    assert parse_size(text) == pytest.approx(size, rel=0.05)
