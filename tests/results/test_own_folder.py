"""Folders with one writer, and files of caches: whole or not at all."""

import os
from pathlib import Path

import pytest

from angle_bench.files.atomic import put_in_cache
from angle_bench.files.cached_json import read_cached, write_cached
from angle_bench.files.whole_folder import write_into_own_folder, write_own_folder


def held(folder: Path) -> dict[str, str]:
    return {
        place.relative_to(folder).as_posix(): place.read_text()
        for place in folder.rglob("*")
        if place.is_file()
    }


def failing(folder: Path) -> None:
    (folder / "a").write_text("half")
    raise OSError("no space")


def test_a_folder_is_replaced_and_what_a_killed_process_left_of_it_goes(tmp_path: Path) -> None:
    for name in ("step", ".step.tmp", ".step.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("old")
    write_own_folder(tmp_path / "step", lambda folder: (folder / "new").write_text("new") and None)
    assert held(tmp_path) == {"step/new": "new"}
    assert os.listdir(tmp_path) == ["step"]


def test_a_folder_that_cannot_be_filled_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "old").write_text("old")
    with pytest.raises(OSError, match="no space"):
        write_own_folder(tmp_path / "step", failing)
    assert held(tmp_path) == {"step/old": "old"}
    assert os.listdir(tmp_path) == ["step"]


def test_files_come_into_a_folder_beside_others_and_the_last_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "mark").write_text("old")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "old").write_text("old")
    (tmp_path / ".mark.tmp").mkdir()
    (tmp_path / ".mark.tmp" / "left").write_text("left")
    moved: list[tuple[str, bool]] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved.append((target.name, (tmp_path / "mark").exists()))
        return replace(self, target)

    def fill(folder: Path) -> None:
        for name in ("mark", "weights"):
            (folder / name).write_text("new")
        (folder / "part").mkdir()
        (folder / "part" / "new").write_text("new")

    monkeypatch.setattr(Path, "replace", watched)
    write_into_own_folder(tmp_path, fill, last="mark")
    assert held(tmp_path) == {"kept": "kept", "mark": "new", "weights": "new", "part/new": "new"}
    assert sorted(os.listdir(tmp_path)) == ["kept", "mark", "part", "weights"]
    assert moved[-1] == ("mark", False)  # nothing says that the folder is whole before it is
    assert {name for name, _ in moved[:-1]} == {"weights", "part"}


def test_files_that_cannot_be_filled_leave_the_folder_whole(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("old")
    with pytest.raises(OSError, match="no space"):
        write_into_own_folder(tmp_path, failing, last="mark")
    assert held(tmp_path) == {"mark": "old"}
    assert os.listdir(tmp_path) == ["mark"]


def test_a_cached_file_is_whole_or_not_there(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "facts.json"
    assert read_cached(place) == {}
    write_cached(place, {"a": 1})
    assert read_cached(place) == {"a": 1}
    with pytest.raises(OSError, match="no space"):
        put_in_cache(place, lambda temporary: failing(temporary.parent))
    assert read_cached(place) == {"a": 1}
    assert sorted(os.listdir(place.parent)) == ["a", "facts.json"]


@pytest.mark.parametrize("content", ["", '{"a": ', "[1]", "\0"])
def test_a_cached_file_that_is_something_else_is_empty(tmp_path: Path, content: str) -> None:
    place = tmp_path / "facts.json"
    place.write_text(content)
    assert read_cached(place) == {}


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    write_cached(tmp_path / "cache" / "facts.json", {"a": 1})
    assert held(tmp_path) == {"cache": "a file"}


def test_a_link_in_a_cache_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("its own")
    link.symlink_to(target)
    put_in_cache(link, lambda temporary: temporary.write_text("new"))
    assert not link.is_symlink()
    assert held(tmp_path) == {"target": "its own", "link": "new"}
