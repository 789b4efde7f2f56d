"""Folders of result files, in every layout."""

import json
import os
from pathlib import Path

import pytest

from angle_bench.errors import UsageError
from angle_bench.results.find.collect import Collected, ResultFolder, collect
from tests.result_files import put, put_old, put_record, write


def found(*paths: Path) -> list[tuple[str, str, str | None, list[str]]]:
    return [
        (folder.name, folder.revision, folder.settings, sorted(folder.files))
        for folder in collect(paths).folders
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "clone" / "results"
    put(root / "org__model" / "abc", "STS12", 0.5)
    put(root / "org__model" / "external", "STS13", 0.5)
    put(root / "org__model" / "abc" / "experiments" / "k_v", "STS12", 0.4)
    write(root / "org__model" / "abc" / "model_meta.json", "{}")
    write(root / "paths.json", "{}")  # as in mteb's repository
    return root


WHOLE = [
    ("org/model", "abc", None, ["STS12"]),
    ("org/model", "abc", "k_v", ["STS12"]),
    ("org/model", "external", None, ["STS13"]),
]


def test_a_results_folder_and_its_parent_are_the_same(root: Path) -> None:
    assert found(root.parent) == WHOLE
    (root / "paths.json").unlink()
    assert found(root) == WHOLE


def test_what_lies_beside_a_folder_of_results_is_counted_and_named(root: Path) -> None:
    parent = root.parent
    put(parent / "older" / "org__model" / "abc", "STS14", 0.5)
    put(parent / "older" / "org__model" / "abc", "STS15", 0.5)
    put(parent / "ours" / "deep" / "local__x" / "1", "faq", 0.5)
    (parent / "ours" / "deep" / "local__x" / "1" / ".angle-bench").mkdir()
    put(parent, "STS16", 0.5)
    write(parent / "data" / "config.json", "{}")
    write(parent / ".hidden" / "STS12.json", "{}")
    assert found(parent) == WHOLE
    (warning,) = [line for line in collect([parent]).warnings if " beside " in line]
    assert warning.startswith(f"4 results beside {root} left out: ")
    for name in ("STS16.json", "older", "ours"):
        assert str(parent / name) in warning
    for name in ("data", ".hidden"):
        assert name not in warning
    # those that were typed are read
    both = collect([parent, parent / "older", parent / "ours"])
    assert len(both.folders) == len(WHOLE) + 2
    (warning,) = [line for line in both.warnings if " beside " in line]
    assert warning.startswith(f"1 result beside {root} left out: {parent / 'STS16.json'};")


def test_one_model_or_one_revision_may_be_typed(root: Path) -> None:
    assert found(root / "org__model") == WHOLE
    assert found(root / "org__model" / "external") == WHOLE[2:]


def test_the_layout_from_before_revisions(tmp_path: Path) -> None:
    put_old(tmp_path / "old" / "UAE-Large-V1", "STS12", test={})
    expected = [("UAE-Large-V1", "no_revision_available", None, ["STS12"])]
    assert found(tmp_path / "old") == expected
    assert found(tmp_path / "old" / "UAE-Large-V1") == expected


def test_layouts_mix(root: Path, tmp_path: Path) -> None:
    put_old(tmp_path / "old" / "m", "STS12", test={})
    names = [name for name, *_ in found(tmp_path / "old", root)]
    assert names == ["m", *["org/model"] * 3]


def test_our_folders_are_known_by_their_side_folder(root: Path) -> None:
    put_record(root / "org__model" / "abc", "STS12", {})
    own = {folder.path.name: folder.own for folder in collect([root]).folders}
    assert own == {"abc": True, "k_v": False, "external": False}


def test_hidden_folders_are_not_looked_into(root: Path) -> None:
    put(root / ".git" / "x__y", "STS12", 0.5)
    put(root / "org__model" / ".hidden", "STS12", 0.5)
    assert found(root.parent) == WHOLE


def test_a_path_that_is_not_there_is_answered_with_the_nearest(root: Path) -> None:
    with pytest.raises(UsageError, match=r"Did you mean .*clone"):
        collect([root.parents[1] / "clon"])
    with pytest.raises(UsageError, match="is a file"):
        collect([root / "paths.json"])


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert collect([tmp_path]) == Collected()


def test_a_link_that_leads_back_is_followed_once(root: Path) -> None:
    (root / "org__model" / "again").symlink_to(root / "org__model" / "abc")
    (root / "loop").symlink_to(root)
    collected = collect([root.parent])
    assert [folder.path.name for folder in collected.folders] == ["abc", "k_v", "external"]
    assert sum("leads back to" in warning for warning in collected.warnings) == 2


def test_links_to_other_folders_are_followed(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "r1", "STS12", 0.5)
    (root / "org__linked").symlink_to(tmp_path / "elsewhere")
    (root / "paths.json").unlink()
    assert ("org/linked", "r1", None, ["STS12"]) in found(root.parent)
    assert collect([root.parent]).warnings == []


def test_links_to_themselves_and_to_nothing_are_named(root: Path) -> None:
    folder = root / "org__model" / "external"
    (folder / "STS14.json").symlink_to(folder / "STS14.json")
    (folder / "STS15.json").symlink_to(folder / "gone.json")
    (root / "org__self").symlink_to(root / "org__self")
    collected = collect([root.parent])
    assert len(collected.folders) == 3
    *left_out, other = collected.warnings
    assert len(left_out) == 3
    assert all("left out" in warning for warning in left_out)
    assert other == f"1 JSON file is no result: {root / 'paths.json'}"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_that_may_not_be_read_is_named(root: Path) -> None:
    closed = root / "org__closed"
    closed.mkdir(mode=0)
    try:
        collected = collect([root.parent])
    finally:
        closed.chmod(0o755)
    assert len(collected.folders) == 3
    assert "Permission denied" in collected.warnings[0]


def test_what_is_no_file_is_no_result(root: Path) -> None:
    os.mkfifo(root / "org__model" / "external" / "STS14.json")  # reading it would wait for ever
    (root / "org__model" / "external" / "STS15.json").mkdir()
    assert found(root.parent) == WHOLE


@pytest.mark.parametrize("name", ["<script>alert(1)<", "..__..__x", "a b", "%2e%2e", "a|b"])
def test_odd_names_are_but_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / "in" / name
    put(path / "r", "STS12", 0.5)
    (folder,) = collect([tmp_path / "in"]).folders
    assert folder.path == path / "r"
    assert folder.file("STS12").is_file()


def test_labels_come_from_the_last_command_that_used_them(root: Path) -> None:
    place = root / "org__model" / "abc"
    for stamp, label in (("20260101T000000Z-a", "first"), ("20260102T000000Z-b", "tuned")):
        outcome = {label: {"folder": f"elsewhere/results/org__model/{place.name}"}}
        write(root / ".runs" / f"{stamp}.json", {"outcome": outcome})
    write(root / ".runs" / "20260103T000000Z-c.json", '{"outcome": {"cut"')
    write(root / ".runs" / "20260104T000000Z-d.json", json.dumps({"outcome": ["odd"]}))
    folders = {folder.path.name: folder for folder in collect([root]).folders}
    assert folders["abc"].labels == ("first", "tuned")
    labels = {name: folder.label for name, folder in folders.items()}
    assert labels == {"abc": "tuned", "k_v": None, "external": None}


def test_short_names() -> None:
    folder = ResultFolder("org/model", "r", None, Path("x"), frozenset(), False)
    assert folder.short_name == "model"
    assert folder.file("STS12") == Path("x/STS12.json")
