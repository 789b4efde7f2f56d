"""`angle-bench train -n`: what a recipe would do."""

import json
from pathlib import Path

from angle_bench.training.recipe.read_recipe import read_recipe
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli


def put(folder: Path, model: Path) -> Path:
    write_rows(folder / "pairs.jsonl", sts_rows(33))
    place = folder / "r.toml"
    columns = '{ sentence1 = "text1", sentence2 = "text2", score = "label" }'
    place.write_text(
        f'[model]\nname = "{model}"\npooling = "mean"\n[[data.train]]\npath = "pairs.jsonl"\n'
        f"columns = {columns}\nlabel_range = [0, 5]\n[loss]\nibn_w = 0\ncosine_w = 1\n"
        "[train]\nbatch_size = 8\nepochs = 3\n"
    )
    return place


def test_a_dry_run_shows_everything_and_writes_nothing(
    cli: Cli, tmp_path: Path, tiny_bert: Path
) -> None:
    recipe = put(tmp_path, tiny_bert)
    before = sorted(tmp_path.iterdir())
    ended = cli("train", recipe, "-n")
    assert (ended.code, ended.errors) == (0, [])
    for said in (
        "batch_size = 8",
        "33 read, 33 kept",
        "[CLS]",
        "steps: 12",
        "memory: about",
        "time:",
    ):
        assert said in ended.out + ended.err
    # stdout alone is a recipe
    (tmp_path / "whole.toml").write_text(ended.out)
    assert read_recipe(str(tmp_path / "whole.toml")) == read_recipe(str(recipe))
    (tmp_path / "whole.toml").unlink()
    assert sorted(tmp_path.iterdir()) == before


def test_as_json(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    ended = cli("train", put(tmp_path, tiny_bert), "-n", "--json", "--set", "lora.r=2")
    said = json.loads(ended.out)
    # every linear layer of the two: 4 of 32 x 32 and 2 of 32 x 64
    assert said["trainable"] == 2 * 2 * (4 * 64 + 2 * 96)
    assert said["recipe"]["lora"]["r"] == 2
    assert said["memory"]["gradients"] == 4 * said["trainable"]
    assert len(said["batch"]) == 4


def test_which_rows_have_which_parts(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    """The format is that of all rows, whatever the first one has."""
    rows = [
        {"query": "a dog", "positive": "one dog"},
        {"query": "a cat", "positive": ["one cat", "the cat"], "negative_1": "a car"},
        {"query": "a man", "positive": "one man", "negative_1": "a bus", "negative_2": "a tram"},
        {"query": "", "positive": "one bird", "negative_1": "a ship"},
        {"query": "a king", "positive": "one king", "negative_1": "a road"},
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    place = tmp_path / "r.toml"
    place.write_text(
        f'[model]\nname = "{tiny_bert}"\npooling = "mean"\n[[data.train]]\npath = "rows.jsonl"\n'
    )
    ended = cli("train", place, "-n")
    assert (ended.code, ended.errors) == (0, [])
    assert "data: format C (query, positive, negative), 3 rows" in ended.err
    assert "5 read, 3 kept; dropped: 1 no negative_1 … negative_2, 1 empty query" in ended.err
    assert "rows with query 4, positive 5 (6 texts), negative 4 (5 texts)" in ended.err
    (_, counts) = json.loads(cli("train", place, "-n", "--json").out)["counts"][0]
    assert counts["dropped"] == {"no negative_1 … negative_2": 1, "empty query": 1}
    assert counts["parts"]["negative"] == {"rows": 4, "texts": 5}
