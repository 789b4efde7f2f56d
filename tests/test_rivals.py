"""The commands of the guide "Compare with rivals", with a tiny model of each kind in the table."""

import json
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import st_zoo, zoo
from tests.checkpoints import WORDS, add_sentence_transformers_files, build_tiny_bert
from tests.conftest import Cli
from tests.embeddings_server import EmbeddingsServer, of_checkpoint, serving
from tests.handed_over_folders import static
from tests.other_kinds import cross_encoder
from tests.own_data import Rows, write_table
from tests.test_guide import DOCS, Example, examples, named_toml

PAGE = DOCS / "guide" / "rivals.md"
pytestmark = pytest.mark.process


def answers(count: int) -> Rows:
    """Queries with the text that has most of their words, and three that have fewer."""
    random_ = random.Random(3)
    rows = []
    for _ in range(count):
        query = random_.sample(WORDS, 6)
        near, *others = (_sharing(query, words, random_) for words in (4, 3, 3, 2))
        rows.append({"query": " ".join(query), "positive": [near], "negative": others})
    return rows


def _sharing(words: list[str], count: int, random_: random.Random) -> str:
    kept = random_.sample(words, count)
    made = [*kept, *random_.sample(WORDS, len(words) - count)]
    random_.shuffle(made)
    return " ".join(made)


def rated(count: int) -> Rows:
    """Pairs that share some words, rated by how many."""
    random_ = random.Random(4)
    rows = []
    for _ in range(count):
        first, shared = random_.sample(WORDS, 6), random_.randint(0, 6)
        second = _sharing(first, shared, random_)
        rows.append({"question": " ".join(first), "answer": second, "rating": shared})
    return rows


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingsServer]:
    """A server; the page's data in the working folder, its models in a mirror."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ANGLE_BENCH_MIRROR", str(tmp_path / "mirror"))
    write_table(Path("answers.jsonl"), answers(60))
    write_table(Path("faq.csv"), rated(120))
    decoder = st_zoo.Said("qwen3", "left", "last", normalize=True)
    st_zoo.write(decoder, Path("mirror/Qwen/Qwen3-Embedding-0.6B"), plain)
    static(Path("mirror/minishlab/potion-base-8M"))
    cross_encoder(Path("mirror/cross-encoder/ms-marco-MiniLM-L6-v2"))
    build_tiny_bert(Path("served"))
    add_sentence_transformers_files(Path("served"))
    with serving(EmbeddingsServer(of_checkpoint("served"), model="bge-m3")) as started:
        yield started


def plain(base: str, side: str) -> Path:
    """The transformer of a folder, of texts as long as the real one takes."""
    folder = Path("plain").absolute()
    zoo.transformer(base, folder, side)
    config = json.loads((folder / "config.json").read_text())
    longer = config | {"max_position_embeddings": 32768}
    (folder / "config.json").write_text(json.dumps(longer))
    return folder


RECIPE = """
[model]
name = "all-MiniLM-L6-v2"
max_length = 32
[[data.train]]
path = "faq.csv"
columns = { question = "text1", answer = "text2", rating = "label" }
label_range = [0, 6]
[train]
epochs = 1
batch_size = 16
[select]
suite = ""
"""


MODELS = {"base", "ours", "decoder", "static", "hosted", "reranker"}


def test_the_guides_commands(server: EmbeddingsServer, minilm: Path, cli: Cli) -> None:
    """Each kind of model is in the table, with an identity of its own and an interval."""
    (toml,) = named_toml(PAGE)["rivals.toml"]
    Path("rivals.toml").write_text(toml, encoding="utf-8")
    Path("ours.toml").write_text(RECIPE, encoding="utf-8")
    assert cli("train", "ours.toml", "-o", "checkpoints/ours", "-q").code == 0
    commands = [each.command.replace("http://127.0.0.1:8000/v1", server.url) for each in shown()]
    run, compare, *tables = [shlex.split(command)[1:] for command in commands]

    ended = cli(*run)
    assert ended.code == 0, ended.err
    assert "1 of 2 tasks left out: faq" in ended.err
    assert "prompt 'Instruct: {instruction}" in ended.err
    scored = {line.split()[0]: line.split()[1:3] for line in ended.out.splitlines()[1:7]}
    assert set(scored) == MODELS
    assert scored["reranker"][0] == "–"
    assert len({tuple(scores) for scores in scored.values()}) == len(MODELS)

    ended = cli(*compare, "--json")
    assert ended.code == 0, ended.err
    assert "reranker, a cross-encoder, cannot be scored on faq" in ended.err
    rows = {row["label"]: row["mean"] for row in json.loads(ended.out)["candidates"]}
    assert set(rows) == MODELS - {"base"}
    for name, mean in rows.items():
        low, high = mean["interval"]
        assert low < mean["difference"] < high, name

    for words in tables:
        assert cli(*words).code == 0
    signatures = Path("rivals.md").read_text(encoding="utf-8").partition("Signatures:")[2]
    revisions = re.findall(r"^ +(\w+): model:\S+?\|rev:(\w+)\|", signatures, re.MULTILINE)
    assert {name for name, _ in revisions} == MODELS
    assert len({revision for _, revision in revisions}) == len(MODELS)
    assert "dtype float32, not none" not in Path("rivals.md").read_text(encoding="utf-8")


def shown() -> list[Example]:
    """The commands of the page."""
    return [each for each in examples(PAGE) if each.command.startswith("angle-bench")]
