"""`angle-bench reproduce` on real weights and real data."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli

SIX = "STS12,STS13,STS14,STS16,STSBenchmark,SICK-R"


@pytest.fixture(autouse=True)
def _no_personal_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.process
@pytest.mark.long
def test_minilm_matches_on_the_tasks_at_hand(cli: Cli, minilm: Path, shared: Path) -> None:
    ended = cli("reproduce", "all-MiniLM-L6-v2", "--mirror", shared / "data")
    assert ended.code == 1  # STS15 is not there
    assert "measured 77.86, mean of 6 tasks" in ended.out
    assert "without STS15, which could not be measured" in ended.out
    assert "It matches: no task differs by more than 0.05." in ended.out
    again = cli("reproduce", "all-MiniLM-L6-v2", "-t", SIX, "--mirror", shared / "data", "--json")
    assert again.code == 0
    said = json.loads(again.out)
    assert (said["matches"], said["changes"]) == (True, [])
    assert said["measured"]["largest_gap"] == 0


@pytest.mark.process
@pytest.mark.long
def test_a_wrong_default_is_explained(cli: Cli, minilm: Path, shared: Path, tmp_path: Path) -> None:
    """With `cls` registered as its pooling, `mean` is named."""
    row = '[[model]]\nname = "wrong"\nextends = "all-MiniLM-L6-v2"\npooling = "cls"\n'
    (tmp_path / "angle-bench.toml").write_text(row)
    words = ("reproduce", "wrong", "-t", "STS16", "--mirror", shared / "data")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("published 78.99 (MTEB's result files")
    assert any(line.startswith("pooling mean") and "← closest" in line for line in lines)
    assert lines[-1] == "pooling mean explains it: no task differs by more than 0.05."
    said = json.loads(cli(*words, "--json").out)
    assert (said["closest"], said["explained"], said["matches"]) == ("pooling mean", True, False)
    tried = [change["change"] for change in said["changes"]]
    assert "pooling max" in tried  # from the same forward pass
    assert not any(change.startswith("prompt") for change in tried)  # it was explained before


@pytest.mark.process
@pytest.mark.long
def test_what_nothing_explains(cli: Cli, tiny_bert: Path, tmp_path: Path) -> None:
    row = f'''[[model]]
name = "tiny"
path = "{tiny_bert}"
pooling = "mean"
[[model.published]]
suite = "demo"
source = "nobody"
[model.published.scores]
AngleBenchDemo = 99.0
'''
    (tmp_path / "angle-bench.toml").write_text(row)
    ended = cli("reproduce", "tiny", "--json", "-d", "cpu:1")
    assert ended.code == 3, ended.err
    said = json.loads(ended.out)
    assert not said["explained"]
    tried = [change["change"] for change in said["changes"]]
    assert {"pooling cls", "pooling cls_avg_v0", "prompt A", "sentence preparation"} <= set(tried)
    text = cli("reproduce", "tiny", "-d", "cpu:1").out
    assert "no single setting" in text.lower()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("UAE-Code-Large-V1",), "no published score of UAE-Code-Large-V1"),
        (("all-MiniLM-L6-v2", "-t", "demo"), "has published scores on STS or STS-10 alone"),
        (("all-MiniLM-L6-v2", "--tolerance", "-1"), "no difference in points"),
        (("all-MiniLM-L6-v2", "--tolerance", "nan"), "no difference in points"),
    ],
)
def test_what_cannot_be_meant(
    cli: Cli, minilm: Path, tmp_path: Path, tiny_bert: Path, words: tuple[str, ...], what: str
) -> None:
    if words[0] == "UAE-Code-Large-V1":
        row = f'[[model]]\nname = "{words[0]}"\npath = "{tiny_bert}"\n'
        (tmp_path / "angle-bench.toml").write_text(row)
    ended = cli("reproduce", *words)
    assert ended.code == 2
    assert what in ended.errors[0]
    assert not (tmp_path / "results").exists()
