"""`write_together`: several files whole or none of them."""

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from angle_bench.errors import ResultsError, UsageError
from angle_bench.files.atomic import (
    FileToWrite,
    json_file,
    text_file,
    write_json,
    write_together,
)
from angle_bench.files.output_file import refuse_odd_place
from angle_bench.files.whole_folder import write_folder

NAMES = ["side/record.json", "side/rows.parquet", "result.json"]


def nothing() -> None:
    """Stands for a rename that sets nothing aside."""


def old_files(folder: Path) -> dict[str, bytes]:
    """Put files of an earlier run in place, bytes that are no text included."""
    old = {name: f"old {name}".encode() + bytes(range(256)) for name in NAMES}
    for name, data in old.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return old


def held(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {
        str(place.relative_to(folder)): place.read_bytes()
        for place in folder.rglob("*")
        if place.is_file()
    }


def writes(folder: Path, name: str) -> FileToWrite:
    def write(temporary: Path) -> None:
        temporary.write_bytes(b"new")

    return FileToWrite(folder / name, write)


def full_disk(temporary: Path) -> None:
    temporary.write_bytes(b"half of it")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_all_files_are_written_and_their_folders_made(tmp_path: Path) -> None:
    write_together([writes(tmp_path, name) for name in NAMES], before_renaming=nothing)
    assert held(tmp_path) == dict.fromkeys(NAMES, b"new")


def test_files_can_be_read_by_the_group(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {})
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("failing", range(len(NAMES)))
def test_a_writer_that_fails_changes_nothing(tmp_path: Path, failing: int) -> None:
    old = old_files(tmp_path)
    files = [writes(tmp_path, name) for name in NAMES]
    files[failing] = FileToWrite(tmp_path / NAMES[failing], full_disk)
    asked: list[bool] = []
    with pytest.raises(ResultsError) as raised:
        write_together(files, before_renaming=lambda: asked.append(True))
    assert held(tmp_path) == old
    assert asked == []  # nothing is set aside for files that do not come
    assert str(tmp_path / NAMES[failing]) in raised.value.what
    assert "No space left on device" in raised.value.what
    assert raised.value.fix.startswith("-r ")
    assert raised.value.exit_code == 1


def test_setting_aside_that_fails_changes_nothing(tmp_path: Path) -> None:
    old = old_files(tmp_path)

    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(ResultsError, match="Permission denied"):
        write_together([writes(tmp_path, name) for name in NAMES], before_renaming=refuse)
    assert held(tmp_path) == old


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_any_other_end_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    old = old_files(tmp_path)

    def stop(temporary: Path) -> None:
        temporary.write_bytes(b"half of it")
        raise error

    files = [writes(tmp_path, NAMES[0]), FileToWrite(tmp_path / NAMES[2], stop)]
    with pytest.raises(error):
        write_together(files, before_renaming=nothing)
    assert held(tmp_path) == old


# a file size limit makes the kernel refuse writes in the middle of a file, as a full disk does
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from angle_bench.errors import ResultsError
from angle_bench.files.atomic import FileToWrite, json_file, write_together

folder = Path(sys.argv[1])
table = pa.table({"text": [f"{n} {n * n}" for n in range(50_000)]})
files = [
    json_file(folder / "side/record.json", {"new": 1}),
    FileToWrite(folder / "side/rows.parquet", lambda place: pq.write_table(table, place)),
    json_file(folder / "result.json", {"new": "x" * int(sys.argv[2])}),
]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    write_together(files, before_renaming=lambda: (folder / "result.json").unlink())
except ResultsError as error:
    print(error.what, error.fix, sep="\\n")
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("size", "limit", "stopped"),
    [(10, 0, "result.json"), (10, 4096, "rows.parquet"), (8_000_000, 4_000_000, "result.json")],
)
def test_a_full_disk_changes_nothing(tmp_path: Path, size: int, limit: int, stopped: str) -> None:
    old = old_files(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path, str(size), str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    what, fix = done.stdout.splitlines()
    assert f"/{stopped} cannot be written: " in what
    assert fix.startswith("-r ")
    assert held(tmp_path) == old


@pytest.mark.parametrize("blocked", range(len(NAMES)))
def test_files_are_renamed_in_their_order(tmp_path: Path, blocked: int) -> None:
    # a folder cannot be replaced by a file, so the renames end there
    (tmp_path / NAMES[blocked] / "in the way").mkdir(parents=True)
    with pytest.raises(ResultsError, match=Path(NAMES[blocked]).name):
        write_together([writes(tmp_path, name) for name in NAMES], before_renaming=nothing)
    assert held(tmp_path) == dict.fromkeys(NAMES[:blocked], b"new")


def test_old_files_are_set_aside_when_the_new_ones_are_complete(tmp_path: Path) -> None:
    old = old_files(tmp_path)

    def check() -> None:
        waiting = [place for place in tmp_path.rglob("*.tmp") if place.read_bytes() == b"new"]
        assert len(waiting) == len(NAMES)
        assert all(place.name.startswith(".") for place in waiting)
        assert {name: (tmp_path / name).read_bytes() for name in NAMES} == old

    write_together([writes(tmp_path, name) for name in NAMES], before_renaming=check)


@pytest.mark.parametrize(
    "value",
    [
        {"text": "ü 汉 🙂"},
        {"text": "a lone surrogate \ud800, and the byte \udcff of a file name"},
        {"text": "line\u2028separator \x00 and \\ud800 spelt out"},
        [],
    ],
)
def test_json_comes_back_as_it_went_in(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value


def test_text_is_readable_in_the_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"text": "ü 汉"})
    assert "ü 汉" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_value_that_is_no_json_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        json_file(tmp_path / "side" / "a.json", {(1, 2): "a key that JSON has not"})
    assert held(tmp_path) == {}


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    target, link = tmp_path / "deep/target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to("deep/target.txt")
    before = target.stat().st_ino
    write_together([text_file(link, "new")])
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_ino != before  # by a rename
    assert sorted(place.name for place in tmp_path.rglob("*")) == ["deep", "link.txt", "target.txt"]


@pytest.mark.parametrize("kind", ["device", "pipe", "ring", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "odd"
    made: dict[str, Callable[[], object]] = {
        "device": lambda: place.symlink_to("/dev/full"),
        "pipe": lambda: os.mkfifo(place),
        "ring": lambda: place.symlink_to(place),
        "folder": place.mkdir,
    }
    made[kind]()
    refuse_odd_place(tmp_path / "not there")
    with pytest.raises(UsageError, match=str(place)):
        refuse_odd_place(place)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o007])
def test_the_umask_is_honoured(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", {})
        write_folder(tmp_path / "made", lambda place: (place / "x").touch(), "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o777 & ~umask


def test_what_a_killed_process_left_goes_after_a_day_and_no_file_of_others(tmp_path: Path) -> None:
    names = [".board.csv.0123.tmp", ".board.csv.4567.tmp", ".other.csv.0123.tmp", "board.csv.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    for name in (names[0], *names[2:]):
        os.utime(tmp_path / name, (0, 0))
    write_together([text_file(tmp_path / "board.csv", "whole")])
    assert sorted(held(tmp_path)) == sorted(["board.csv", *names[1:]])
