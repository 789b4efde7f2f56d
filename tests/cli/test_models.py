"""`angle-bench models`: list, show, check."""

import json
from pathlib import Path

import pytest

from angle_bench.checkpoints.registry.registry import registry
from tests.checkpoints import add_sentence_transformers_files
from tests.conftest import Cli


@pytest.fixture(autouse=True)
def _no_personal_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_the_list_has_every_row(cli: Cli) -> None:
    ended = cli("models", "list")
    assert ended.code == 0
    for name in registry():
        assert any(line.startswith(f"{name} ") for line in ended.out.splitlines()), name
    assert "adapter of NousResearch/Llama-2-7b-hf" in ended.out


def test_own_rows_are_listed_and_shown(cli: Cli, tmp_path: Path) -> None:
    row = '[[model]]\nname = "mine"\nextends = "UAE-Large-V1"\nmax_length = 99\n'
    (tmp_path / "angle-bench.toml").write_text(row)
    rows = {row["name"]: row for row in json.loads(cli("models", "list", "--json").out)}
    assert rows["mine"]["max_length"] == 99
    shown = cli("models", "show", "mine").out
    assert "max_length            99" in shown
    assert "hub                   WhereIsAI/UAE-Large-V1" in shown


def test_show_has_prompts_and_published_scores(cli: Cli) -> None:
    shown = cli("models", "show", "UAE-Large-V1").out
    assert "prompts.task.ArguAna.query" in shown
    assert "STS12 79.09" in shown
    llama = json.loads(cli("models", "show", "angle-llama-7b-nli-v2", "--json").out)
    assert llama["prepare_sentence"] is True


def test_show_of_a_name_that_mteb_loads(cli: Cli) -> None:
    """Who computes it, and what is missing; of a row what its vectors equal."""
    jina = json.loads(cli("models", "show", "jinaai/jina-embeddings-v3", "--json").out)
    assert jina["extras"] == ["jina", "flash-attention"]
    assert "cannot run here" in jina["cannot_run"]
    assert jina["instead"].startswith("uv run --no-project --with 'mteb[jina,flash-attention]'")
    assert "SentenceTransformer" in cli("models", "show", "intfloat/e5-small").out
    assert "code of its own" in cli("models", "show", "openai/text-embedding-3-small").out
    qwen = cli("models", "show", "Qwen3-Embedding-0.6B").out
    assert "tests/models/test_instructed.py" in qwen


def test_a_misspelt_name_is_answered(cli: Cli) -> None:
    ended = cli("models", "show", "UAE-Large-V2")
    assert (ended.code, len(ended.errors)) == (2, 2)
    assert "Did you mean WhereIsAI/UAE-Large-V1" in ended.errors[0]


def test_check_of_the_package(cli: Cli, minilm: Path) -> None:
    ended = cli("models", "check", "all-MiniLM-L6-v2")
    assert (ended.code, ended.out) == (0, "all-MiniLM-L6-v2  agrees with its files\n")


def test_check_says_what_differs(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    add_sentence_transformers_files(tiny_bert, "mean", normalize=True, max_length=32)
    row = f'[[model]]\nname = "t"\npath = "{tiny_bert}"\npooling = "cls"\nmax_length = 64\n'
    (tmp_path / "angle-bench.toml").write_text(row)
    ended = cli("models", "check", "t", "--json")
    assert ended.code == 3
    assert json.loads(ended.out)["differences"]["t"] == [
        "pooling: the row says cls, the files mean",
        "max_length: the row says 64, the files 32",
    ]


def test_check_of_what_is_not_here(cli: Cli) -> None:
    ended = cli("models", "check", "UAE-Large-V1", "--offline")
    assert ended.code == 1
    assert "error: UAE-Large-V1: WhereIsAI/UAE-Large-V1 is not in the local hub cache" in ended.err
