"""Files that are read without being named: where the search ends, whose they may be."""

import grp
import json
import os
import pwd
from pathlib import Path

import pytest

from angle_bench.checkpoints.registry.registry import users_entries
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import UsageError
from angle_bench.files.owner import refuse_others_file
from angle_bench.files.toml import FILE_NAME, user_files
from tests.checkpoints import build_tiny
from tests.conftest import Cli

ROW = '[[model]]\nname = "a"\nextends = "UAE-Large-V1"\n'
SOMEBODY = 54321


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home/project"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(folder)
    return folder


def give_away(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a file somebody else's: root can, others seem to be somebody else."""
    if os.getuid() == 0:
        os.chown(place, SOMEBODY, -1, follow_symlinks=False)
    else:
        other = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: other)


def test_the_search_ends_at_home(project: Path, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(ROW)
    assert user_files() == []
    (tmp_path / "home" / FILE_NAME).write_text(ROW)
    assert user_files() == [tmp_path / "home" / FILE_NAME]


@pytest.mark.parametrize("mark", [".git", ".hg"])
def test_the_search_ends_at_the_repository(
    project: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    (project.parent / FILE_NAME).write_text(ROW)
    below = project / "a/b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert user_files() == [project.parent / FILE_NAME]
    (project / mark).mkdir()
    assert user_files() == []
    (project / FILE_NAME).write_text(ROW)
    assert user_files() == [project / FILE_NAME]


def test_another_users_file_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = project / FILE_NAME
    place.write_text(ROW)
    give_away(place, monkeypatch)
    with pytest.raises(UsageError, match="belongs to") as caught:
        users_entries()
    assert str(place) in caught.value.what
    assert "chown" in caught.value.fix


def test_a_link_belongs_to_whoever_made_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "own.toml").write_text(ROW)
    place = project / FILE_NAME
    place.symlink_to("own.toml")
    refuse_others_file(place)
    give_away(place, monkeypatch)
    with pytest.raises(UsageError, match="belongs to"):
        refuse_others_file(place)


@pytest.mark.parametrize("mode", [0o646, 0o666])
def test_what_others_may_write_is_refused(project: Path, mode: int) -> None:
    place = project / FILE_NAME
    place.write_text(ROW)
    place.chmod(mode)
    with pytest.raises(UsageError, match="can be written by others") as caught:
        users_entries()
    assert caught.value.fix == f"chmod go-w {place}"
    place.chmod(0o644)
    assert [entry.name for entry in users_entries()] == ["a"]


def test_a_group_of_others_may_not_write_and_ones_own_may(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / FILE_NAME
    place.write_text(ROW)
    place.chmod(0o664)
    me = pwd.getpwuid(place.stat().st_uid).pw_name
    number = place.stat().st_gid

    def group(name: str, members: list[str]) -> None:
        found = grp.struct_group((name, "x", number, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _: found)

    group(me, [])
    refuse_others_file(place)
    group(me, [me])
    refuse_others_file(place)
    for name, members in (("staff", []), (me, ["mallory"])):
        group(name, members)
        with pytest.raises(UsageError, match="written by others"):
            refuse_others_file(place)


@pytest.mark.parametrize("key", ["trust_remote_code", "allow_pickle"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_trust_is_never_taken_from_a_file(project: Path, key: str, value: str) -> None:
    place = project / FILE_NAME
    place.write_text(f"{ROW}{key} = {value}\n")
    with pytest.raises(UsageError, match=f"{key} is never taken from a file") as caught:
        users_entries()
    assert f"{place}:4: " in caught.value.what
    assert caught.value.fix.startswith(f"--{key.replace('_', '-')}")


def test_trust_is_never_taken_from_a_plan(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'models = ["all-MiniLM-L6-v2"]\ntrust-remote-code = true\n'
    )
    ended = cli("run", "study.toml")
    assert ended.code == 2
    assert "trust-remote-code is never taken from a file" in ended.errors[0]


def test_a_name_of_the_registry_that_is_taken_is_said(project: Path) -> None:
    build_tiny(project / "ckpt", "bert")
    place = project / FILE_NAME
    row = '[[model]]\nname = "{}"\npath = "ckpt"\npooling = "mean"\n'
    for taken in ("all-MiniLM-L6-v2", "whereisai/uae-large-v1", "intfloat/e5-base"):
        place.write_text(row.format(taken))
        spec = resolve(taken)
        assert spec.note == f"{taken} is the row of {place}, not the known checkpoint of that name"
        assert spec.row_file == place
    place.write_text(row.format("mine"))
    assert resolve("mine").note is None
    assert resolve("mine").row_file == place
    assert resolve("UAE-Large-V1").row_file is None
    place.write_text('[[model]]\nname = "mxbai-embed-large-v1"\nextends = "UAE-Large-V1"\n')
    assert "is the row of" in str(resolve("mxbai-embed-large-v1").note)


@pytest.mark.process
def test_the_first_line_and_the_records_name_the_file(cli: Cli, tmp_path: Path) -> None:
    build_tiny(tmp_path / "ckpt", "bert")
    place = tmp_path / FILE_NAME
    place.write_text('[[model]]\nname = "all-MiniLM-L6-v2"\npath = "ckpt"\npooling = "mean"\n')
    words = ("-m", "all-MiniLM-L6-v2", "-d", "cpu:1")
    ended = cli("run", *words, "-t", "demo", "--json")
    assert ended.code == 0, ended.err
    assert "is the row of" in ended.err.splitlines()[0]
    said = json.loads(ended.out)
    assert said["own_files"] == [str(place)]
    assert said["models"][0]["row_file"] == str(place)
    command = json.loads(next((tmp_path / "results/.runs").iterdir()).read_text())
    assert command["own_files"] == [str(place)]
    (record,) = (tmp_path / "results").rglob(".angle-bench/*.json")
    assert json.loads(record.read_text())["model"]["row_file"] == str(place)
    (tmp_path / "texts.txt").write_text("a dog\n")
    ended = cli("encode", "texts.txt", *words, "--json")
    assert "is the row of" in ended.err.splitlines()[0]
    assert json.loads(ended.out)["row_file"] == str(place)
    ended = cli("doctor", "-m", "all-MiniLM-L6-v2")
    assert f"own rows      {place}" in ended.out
    assert json.loads(cli("doctor", "--json").out)["own_files"] == [str(place)]
