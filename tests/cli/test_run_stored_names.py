"""`run` takes the names, labels and globs that `compare` and `leaderboard` take."""

import json
from pathlib import Path

import pytest

from tests.checkpoints import build_tiny
from tests.conftest import Cli

pytestmark = pytest.mark.process

COMMON = ("-t", "AngleBenchDemo", "-d", "cpu:1", "--mirror", ".", "--pooling", "mean")


@pytest.fixture
def seeds(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two checkpoints in other places, scored under labels."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for seed in (1, 2):
        build_tiny(tmp_path / f"out/run-{seed}/best", "bert", seed=seed)
        ended = cli("run", "-m", f"ft-{seed}=out/run-{seed}/best", *COMMON, "-q")
        assert ended.code == 0, ended.err
    return ["ft-1", "ft-2"]


def planned(cli: Cli, *words: str) -> list[tuple[str, list[str]]]:
    ended = cli("run", *[part for word in words for part in ("-m", word)], *COMMON, "-n", "--json")
    assert ended.code == 0, ended.err
    return [
        (model["label"], [task["state"] for task in model["tasks"]])
        for model in json.loads(ended.out)
    ]


@pytest.mark.long
def test_labels_globs_and_seeds_are_the_checkpoints_that_were_scored(
    cli: Cli, seeds: list[str], tmp_path: Path
) -> None:
    both = [(seed, ["stored"]) for seed in seeds]
    assert planned(cli, "ft-1") == both[:1]
    assert sorted(planned(cli, "ft-*")) == both  # in the order of the results folder
    assert planned(cli, "x=ft-1,ft-2") == planned(cli, "ft-1,FT-2") == both
    assert planned(cli, "x=ft-2") == [("x", ["stored"])]
    # the same words in the other verbs
    assert cli("compare", "ft-1", "ft-2", "-t", "AngleBenchDemo").code == 0
    assert cli("leaderboard", "-m", "x=ft-1,ft-2", "-t", "AngleBenchDemo").code == 0
    ended = cli("run", "-m", "ft-3", *COMMON)
    assert ended.code == 2
    assert "no model is called ft-3. Did you mean ft-" in ended.err
