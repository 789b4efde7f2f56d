"""`angle-bench tasks`: suites and tasks, listed and explained."""

import json
import re
from pathlib import Path

import pytest

from angle_bench.suites.names import known_names
from angle_bench.suites.shipped import suites
from tests.conftest import Cli


def test_every_suite_is_listed_with_its_size(cli: Cli) -> None:
    ended = cli("tasks", "list")
    assert ended.code == 0
    lines = {line.split()[0]: line for line in ended.out.splitlines()}
    assert set(suites()) <= set(lines)
    assert lines["STS"].split()[1:3] == ["7", "47,700"]
    assert "angle-bench tasks list --all" in ended.err


def test_every_name_that_t_takes_is_listed(cli: Cli) -> None:
    ended = cli("tasks", "list", "--all")
    assert ended.out.splitlines() == known_names()


def test_a_list_for_scripts(cli: Cli) -> None:
    said = json.loads(cli("tasks", "list", "--json").out)
    assert said["names"] == list(suites())
    assert {suite["name"] for suite in said["suites"]} == set(suites())


def test_a_suite_is_explained(cli: Cli) -> None:
    ended = cli("tasks", "show", "STS-10")
    assert ended.code == 0
    assert "10 STS; the mean is over tasks" in ended.out
    (row,) = [line for line in ended.out.splitlines() if line.startswith("STS17 ")]
    assert row.split() == [
        *("STS17", "STS", "mteb/sts17-crosslingual-sts", "test", "en-en", "cosine_spearman", "250")
    ]


def test_a_task_is_explained_as_mteb_has_it(cli: Cli) -> None:
    said = json.loads(cli("tasks", "show", "STS17", "--json").out)
    assert len(said["task"][0]["subsets"]) == 11


def test_other_names_of_a_benchmark(cli: Cli) -> None:
    ended = cli("tasks", "show", "MTEB(eng, classic)")
    assert ended.out.startswith("MTEB-eng-v1, version 1: ")
    assert "also: MTEB(eng, v1)" in ended.out


def test_an_unknown_name_gives_the_nearest(cli: Cli) -> None:
    ended = cli("tasks", "show", "STS-12")
    assert ended.code == 2
    assert "Did you mean STS12" in ended.errors[0]


def test_an_own_task_has_its_own_version_and_files(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "angle-bench.toml").write_text(
        '[[task]]\nname = "faq"\ntype = "STS"\npath = "faq.csv"\n'
    )
    ended = cli("tasks", "show", "faq")
    assert re.match(r"faq, version [0-9a-f]{8}: 1 STS", ended.out)
    assert str(tmp_path / "faq.csv") in ended.out
    assert "your own tasks: faq" in cli("tasks", "list").err
