"""TOML as editors of Windows save it: a mark of UTF-8 at the start changes nothing."""

import codecs
import json
from pathlib import Path

import pytest

from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

OURS = """[[model]]
name = "mine"
path = "tiny-bert"
pooling = "mean"

[[task]]
name = "faq"
type = "STS"
path = "pairs.jsonl"
"""
SUITE = """name = "ours"
version = "1"

[[task]]
name = "faq-2"
type = "STS"
path = "pairs.jsonl"
"""
RECIPE = """[model]
name = "tiny-bert"
[[data.train]]
path = "pairs.jsonl"
columns = {sentence1 = "text1", sentence2 = "text2", score = "label"}
label_range = [0, 5]
[loss]
ibn_w = 0
"""


def marked(name: str, text: str, returns: bool = False) -> None:
    ended = text.replace("\n", "\r\n") if returns else text
    Path(name).write_bytes(codecs.BOM_UTF8 + ended.encode())


@pytest.mark.parametrize("returns", [False, True])
def test_every_toml_file_may_begin_with_a_mark(cli: Cli, tiny_bert: Path, returns: bool) -> None:
    write_rows(Path("pairs.jsonl"), sts_rows())
    marked("angle-bench.toml", OURS, returns)
    marked("suite.toml", SUITE, returns)
    marked("plan.toml", 'models = ["mine"]\ntasks = ["faq", "suite.toml"]\n', returns)
    ended = cli("run", "plan.toml", "-n", "--json")
    assert ended.code == 0, ended.err
    (model,) = json.loads(ended.out)
    assert (model["label"], [task["name"] for task in model["tasks"]]) == ("mine", ["faq", "faq-2"])
    marked("recipe.toml", RECIPE, returns)
    ended = cli("train", "recipe.toml", "-n")
    assert ended.code == 0, ended.err
    assert f"{len(sts_rows())} rows" in ended.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("angle-bench.toml", ("run", "-m", "all-MiniLM-L6-v2", "-t", "faq", "-n")),
        ("suite.toml", ("run", "-m", "all-MiniLM-L6-v2", "-t", "suite.toml", "-n")),
        ("recipe.toml", ("train", "recipe.toml", "-n")),
    ],
)
def test_a_line_after_a_mark_has_its_number(cli: Cli, name: str, words: tuple[str, ...]) -> None:
    text = {"angle-bench.toml": OURS, "suite.toml": SUITE, "recipe.toml": RECIPE}[name]
    number = text.splitlines().index('path = "pairs.jsonl"') + 1
    marked(name, text.replace('path = "pairs.jsonl"', 'pth = "pairs.jsonl"'))
    ended = cli(*words)
    assert ended.code == 2
    assert f"{name}:{number}: " in ended.err


def test_toml_in_utf_16_is_refused_by_name(cli: Cli) -> None:
    Path("angle-bench.toml").write_bytes(OURS.encode("utf-16"))
    ended = cli("run", "-m", "mine", "-n")
    assert ended.code == 2
    assert "angle-bench.toml cannot be read" in ended.err
    assert "a TOML file in UTF-8" in ended.err


@pytest.mark.process
def test_a_saved_row_keeps_the_mark_at_the_start(cli: Cli, tiny_bert: Path) -> None:
    marked("angle-bench.toml", OURS)
    write_rows(Path("pairs.jsonl"), sts_rows())
    words = ("-m", f"other={tiny_bert}", "--pooling", "cls", "--save-spec", "-t", "faq")
    assert cli("run", *words).code == 0
    content = Path("angle-bench.toml").read_bytes()
    assert (content[:3], content.count(codecs.BOM_UTF8)) == (codecs.BOM_UTF8, 1)
    assert cli("run", "-m", "mine", "-m", "other", "-t", "faq", "-n").code == 0
