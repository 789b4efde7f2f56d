"""`-m openai:MODEL@URL` in the verbs: the same scores as computed here, and the key nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.checkpoints import add_sentence_transformers_files, sts_rows, write_rows
from tests.conftest import Cli
from tests.embeddings_server import KEY, EmbeddingsServer, of_checkpoint, serving

pytestmark = pytest.mark.process

TASK = ("-t", "STS12", "--mirror", "mirror")


@pytest.fixture
def server(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddingsServer]:
    """A server over a tiny checkpoint, with a key, and a mirror of STS12."""
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    add_sentence_transformers_files(tiny_bert)
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(40, seed=1))
    made = EmbeddingsServer(of_checkpoint(str(tiny_bert)))
    made.key = KEY
    with serving(made) as started:
        yield started


def main_score(of: str) -> float:
    (place,) = Path("results").glob(f"{of}/*/STS12.json")
    return float(json.loads(place.read_text())["scores"]["test"][0]["main_score"])


def test_an_endpoint_is_a_model_like_any_other(
    cli: Cli, server: EmbeddingsServer, tiny_bert: Path, tmp_path: Path
) -> None:
    both = ("-m", f"here={tiny_bert}", "-m", server.name, *TASK)
    ended = cli("run", *both, "-n")
    assert ended.code == 0, ended.err
    assert f"how long {server.url} takes is not known" in ended.out
    ended = cli("run", *both)
    assert ended.code == 0, ended.err
    assert f"no prompt · computed by {server.url}" in ended.err
    assert "tokens by the server's count" in ended.err
    here, there = main_score("local__tiny-bert"), main_score("endpoint__tiny")
    assert there == pytest.approx(here, abs=1e-6)
    (folder,) = Path("results").glob("endpoint__tiny/sha256-*")
    record = json.loads((folder / ".angle-bench/STS12.json").read_text())
    assert record["model"]["endpoint"]["url"] == server.url
    assert record["encoded_so_far"]["tokens"] > 0
    assert record["device"] == server.url

    asked = len(server.asked)
    ended = cli("run", *both)
    assert "all stored before" in ended.err
    ended = cli("run", "-m", server.name, *TASK, "--overwrite")
    assert ended.code == 0, ended.err
    assert len(server.asked) == asked + 2  # who are you, twice: the vectors are in the store

    compared = cli("compare", "here", server.name, *TASK[:2])
    assert compared.code == 0, compared.err
    assert "openai:tiny" in compared.out
    assert cli("compare", "here", "openai:tiny", *TASK[:2]).out == compared.out
    assert cli("run", "-m", server.name, *TASK, "--prompt", "q: {text}").code == 0
    (prompted,) = Path("results").glob("endpoint__tiny/*/experiments/settings_*")
    different = cli("compare", "here", prompted, *TASK[:2])
    assert different.errors[0].endswith("openai:tiny: prompts 'q: {text}', base none.")
    board = cli("leaderboard", "-m", server.name, "-m", "here", *TASK[:2])
    assert board.code == 0, board.err
    assert "openai:tiny" in board.out
    assert "settings:endpoint|prompts:none|size:full" in board.out + board.err
    assert cli("doctor", "-m", server.name).code == 0
    assert_no_key(tmp_path)


def assert_no_key(folder: Path) -> None:
    files = [place for place in folder.rglob("*") if place.is_file()]
    assert len(files) > 10
    for place in files:
        assert KEY.encode() not in place.read_bytes(), place


def test_sizes_and_prompts_are_results_of_their_own(cli: Cli, server: EmbeddingsServer) -> None:
    ended = cli("run", "-m", server.name, *TASK, "--sizes", "8,32")
    assert ended.code == 0, ended.err
    assert "by the server" in ended.out
    (cut,) = Path("results").glob("endpoint__tiny/*/experiments/settings_*/STS12.json")
    assert main_score("endpoint__tiny") != json.loads(cut.read_text())["scores"]["test"][0]
    ended = cli("run", "-m", server.name, *TASK, "--prompt", "query: {text}")
    assert ended.code == 0, ended.err
    assert cli("run", "-m", f"mine={server.name}", *TASK).code == 0
    again = cli("run", "-m", "mine", *TASK)  # what is stored under a label is that server's
    assert again.code == 0, again.err
    assert "all stored before" in again.err
    board = cli("leaderboard", "-t", "STS12")
    assert board.code == 0, board.err
    assert "size 8" in board.out


def test_vectors_of_a_file(cli: Cli, server: EmbeddingsServer) -> None:
    Path("texts.txt").write_text("A cat.\nA dog.\n")
    ended = cli("encode", "texts.txt", "-m", server.name, "-o", "v.parquet")
    assert ended.code == 0, ended.err
    assert "tokens by the server's count" in ended.out + ended.err
    table = pq.read_table("v.parquet")
    assert table.num_rows == 2
    assert table.schema.metadata[b"loader"] == b"endpoint"


def test_failures_hold_no_key_and_what_is_there_is_kept(
    cli: Cli, server: EmbeddingsServer, tmp_path: Path
) -> None:
    assert cli("run", "-m", server.name, *TASK).code == 0
    write_rows(tmp_path / "mirror/mteb/sts13-sts/test.parquet", sts_rows(40, seed=2))
    server.faults += ["", *(["401"] * 20)]
    ended = cli("run", "-m", server.name, "-t", "STS12,STS13", "--mirror", "mirror", "--debug")
    assert ended.code == 1
    assert ended.errors[0].startswith("error: STS13: openai:tiny@")
    assert "refuses the key" in ended.errors[0]
    assert ended.errors[1] == "  type: export OPENAI_API_KEY=KEY"
    assert KEY not in ended.err + ended.out
    assert_no_key(tmp_path)
    server.faults.clear()
    ended = cli("run", "-m", server.name, "-t", "STS12,STS13", "--mirror", "mirror")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", *TASK, "--layers", "1"], "--layers cannot change that"),
        (["run", *TASK, "--pooling", "cls"], "--pooling cannot change that"),
        (["run", *TASK, "-d", "cpu:2"], "whose device -d cannot choose"),
        (["run", *TASK, "--save-spec"], "no row has settings of it"),
        (["download"], "there is nothing to download"),
    ],
)
def test_what_no_endpoint_has_is_refused_by_name(
    cli: Cli, server: EmbeddingsServer, words: list[str], said: str
) -> None:
    ended = cli(*words, "-m", server.name)
    assert ended.code != 0
    assert said in ended.err + ended.out


def test_a_server_that_is_not_there(cli: Cli) -> None:
    name = "openai:tiny@http://127.0.0.1:9/v1"
    ended = cli("run", "-m", name, "-t", "STS12")
    assert ended.code == 1
    assert len(ended.errors) == 2
    assert "cannot be reached" in ended.errors[0]
    assert cli("doctor", "-m", name).code == 1


def put_row(server: EmbeddingsServer, *lines: str) -> None:
    head = ["[[model]]", 'name = "small"', f'endpoint = "{server.name}"', *lines]
    Path("angle-bench.toml").write_text("\n".join([*head, ""]))


def test_a_row_names_an_endpoint_and_its_price(cli: Cli, server: EmbeddingsServer) -> None:
    put_row(server, "usd_per_million_tokens = 20", '[model.prompts]\ndefault = "q: {text}"')
    ended = cli("run", "-m", "small", *TASK)
    assert ended.code == 0, ended.err
    (folder,) = Path("results").glob("endpoint__tiny/*/experiments/settings_*")
    record = json.loads((folder / ".angle-bench/STS12.json").read_text())
    tokens = record["encoded_so_far"]["tokens"]
    assert f"{tokens:,} tokens by the server's count, {tokens * 2e-5:.2g} USD" in ended.err
    assert server.asked[-1]["input"][0].startswith("q: ")

    typed = cli("run", "-m", server.name, *TASK, "--prompt", "q: {text}", "--json")
    assert typed.code == 0, typed.err
    (row,) = json.loads(typed.out)["models"]
    assert Path(row["folder"]).absolute() == folder.absolute()  # the same model
    assert row["usd"] is None
    again = cli("run", "-m", "small", *TASK, "--overwrite", "--no-cache", "--json")
    (row,) = json.loads(again.out)["models"]
    assert row["usd"] == pytest.approx(row["tokens"] * 2e-5)
    assert row["row_file"].endswith("angle-bench.toml")

    (listed,) = (line for line in cli("models", "list").out.splitlines() if "small" in line.split())
    assert "endpoint" in listed.split()
    checked = cli("models", "check", "small")
    assert "computed by a server" in checked.err
    assert cli("run", "-m", "small@1a2b", *TASK).errors == [
        "error: small is computed by a server, whose answers make its revision.",
        "  type: -m small",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pooling = "cls"', "line 4: pooling cannot be set: the server of the endpoint decides it"),
        ('path = "here"', "line 4: path cannot be set"),
        ("max_length = 64", "line 4: max_length cannot be set"),
        ("usd_per_million_tokens = nan", "line 4: usd_per_million_tokens: "),
        ("usd_per_million_tokens = -1", "line 4: usd_per_million_tokens: "),
        ("usd_per_tokens = 1", "there is no key usd_per_tokens"),
    ],
)
def test_a_row_of_an_endpoint_that_cannot_be(
    cli: Cli, server: EmbeddingsServer, line: str, said: str
) -> None:
    put_row(server, line)
    ended = cli("run", "-m", "small", *TASK)
    assert ended.code == 2
    assert said in ended.errors[0].replace("angle-bench.toml:4:", "line 4:")
    assert server.asked == []


def test_a_price_is_an_endpoints(cli: Cli, tiny_bert: Path) -> None:
    place = Path("angle-bench.toml")
    head = '[[model]]\nname = "small"\n'
    place.write_text(f'{head}path = "{tiny_bert}"\nusd_per_million_tokens = 1\n')
    ended = cli("run", "-m", "small", *TASK)
    assert "usd_per_million_tokens is the price of an endpoint" in ended.errors[0]
    place.write_text(f'{head}endpoint = "http://127.0.0.1:1/v1"\n')
    ended = cli("run", "-m", "small", *TASK)
    assert "endpoint is no openai:MODEL, or openai:MODEL@URL" in ended.errors[0]
