"""`angle-bench recipes`: the ready recipes, listed and shown."""

import json
from pathlib import Path

from angle_bench.training.recipe.read_recipe import recipe_names
from tests.conftest import Cli


def test_every_recipe_is_listed(cli: Cli) -> None:
    ended = cli("recipes", "list")
    assert ended.code == 0
    listed = [line.split()[0] for line in ended.out.splitlines()[2:]]
    assert listed == recipe_names()
    assert "recipes show NAME" in ended.err
    (row,) = [
        each for each in json.loads(cli("recipes", "list", "--json").out) if each["name"] == "sts-b"
    ]
    assert row["models"] == ["all-MiniLM-L6-v2"]
    assert row["data"] == ["mteb/stsbenchmark-sts"]
    assert row["description"].startswith("STS-B train")


def test_one_is_shown_as_a_start_for_another(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    ended = cli("recipes", "show", "sts-b")
    assert (ended.code, ended.err) == (0, "")
    (tmp_path / "mine.toml").write_text(ended.out)
    assert cli("recipes", "show", "mine.toml").out == ended.out
    said = json.loads(cli("recipes", "show", "sts-b", "--json").out)
    assert said["train"]["epochs"] == 5


def test_an_unknown_one_gives_the_nearest(cli: Cli) -> None:
    ended = cli("recipes", "show", "stsb")
    assert ended.code == 2
    assert "Did you mean sts-b" in ended.errors[0]
    assert ended.errors[1] == "  type: angle-bench recipes show sts-b"
