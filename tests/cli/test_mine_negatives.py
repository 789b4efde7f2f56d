"""`angle-bench mine-negatives`: from pairs and a model to data of format C."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import angle_bench
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import WORDS, write_rows
from tests.conftest import Cli

CPU = ("-d", "cpu:1", "--batch-tokens", "4096", "--cache-dir", "store")
MEAN = ("--pooling", "mean", *CPU)  # the first token's vectors of a random model are all alike


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=random.integers(4, 10))) for _ in range(count)]


@pytest.fixture
def pairs(cli: Cli) -> list[tuple[str, str]]:
    """30 pairs in pairs.jsonl; the first query has two positives, the second one has spellings."""
    queries, positives = sentences(30, 0), sentences(30, 1)
    queries[1] = queries[0]
    queries[3] = queries[2].upper()
    rows = list(zip(queries, positives, strict=True))
    write_rows(Path("pairs.jsonl"), [{"query": q, "positive": p} for q, p in rows])
    return rows


def by_hand(
    model: Path, pairs: list[tuple[str, str]], corpus: list[str], skip: int, margin: float
) -> list[tuple[str, str, str]]:
    """The nearest text behind the first `skip`, by vectors of `load`."""
    encoder = angle_bench.load(str(model), device="cpu:1", pooling="mean")
    queries = encoder.encode([q for q, _ in pairs], role="query")
    positives = encoder.encode([p for _, p in pairs], role="document")
    documents = encoder.encode(corpus, role="document")
    encoder.close()
    for each in (queries, positives, documents):
        each /= np.linalg.norm(each, axis=1, keepdims=True)
    found = []
    for row, (query, positive) in enumerate(pairs):
        known = {p.lower() for q, p in pairs if q.lower() == query.lower()}
        near = documents @ queries[row]
        ranked = [n for n in np.argsort(-near, kind="stable") if corpus[n].lower() not in known]
        of_positive = float(positives[row] @ queries[row])
        fit = [n for n in ranked[skip:] if of_positive - near[n] >= margin]
        found += [(query, positive, corpus[fit[0]])] if fit else []
    return found


def rows_of(place: str) -> list[tuple[str, ...]]:
    recipe = Recipe.model_validate({"model": {"name": "m"}, "data": {"train": [{"path": place}]}})
    rows = load_rows(recipe)
    assert rows.format == "C"
    return [tuple(text for (text,) in rows.row(number).texts) for number in range(len(rows))]


@pytest.mark.process
def test_negatives_are_those_of_the_models_vectors(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    words = ("mine-negatives", "pairs.jsonl", "-m", tiny_bert, "--range", "2:30", *MEAN)
    ended = cli(*words, "-o", "out.jsonl")
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "saved out.jsonl  30 rows from 30 pairs" in ended.err
    expected = by_hand(tiny_bert, pairs, [p for _, p in pairs], 2, -9.0)
    assert rows_of("out.jsonl") == expected

    said = cli(*words, "--margin", "0.02", "-o", "out.parquet", "--json", "-q")
    assert said.code == 0, said.err
    assert said.err == ""
    expected = by_hand(tiny_bert, pairs, [p for _, p in pairs], 2, 0.02)
    assert 0 < len(expected) < 30  # this seed leaves some pairs without a negative
    assert rows_of("out.parquet") == expected
    result = json.loads(said.out)
    assert (result["pairs"], result["queries"], result["corpus"]) == (30, 29, 30)
    assert (result["rows"], result["complete"]) == (len(expected), len(expected))
    assert result["none"] == 30 - len(expected)


@pytest.mark.process
@pytest.mark.long
def test_several_negatives_of_a_corpus_with_prompts_by_role(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    policy = {"role": {"query": "red {text}", "document": "blue fish {text}"}}
    (tiny_bert / "angle_bench.json").write_text(
        json.dumps(
            {
                "made_by": "train",
                "settings": {"pooling": "mean", "max_length": 64, "prompts": policy},
            }
        )
    )
    corpus = [*sentences(50, 2), pairs[0][0], pairs[4][1].upper()]
    write_rows(Path("corpus.parquet"), [{"id": "x", "text": text} for text in corpus])
    of = ("--corpus", "corpus.parquet", "--corpus-column", "text", "-o", "out.csv")
    words = ("mine-negatives", "pairs.jsonl", "-m", tiny_bert, *of, *CPU)
    ended = cli(*words, "--top-k", "3", "--range", "0:3")
    assert ended.code == 0, ended.err
    assert "prompt of a query: red {text}" in ended.err
    found = rows_of("out.csv")
    assert len(found) == 90
    without = [
        text for text in corpus if text != pairs[0][0]
    ]  # which is also the first two queries
    firsts = found[::3]
    assert firsts[2:] == by_hand(tiny_bert, pairs, corpus, 0, -9.0)[2:]
    assert firsts[:2] == by_hand(tiny_bert, pairs[:2], without, 0, -9.0)
    assert all(len({negative for *_, negative in found[n : n + 3]}) == 3 for n in range(0, 90, 3))
    seen = cli(*words, "--range", "0:3", "-n", "--overwrite")
    assert "prompt of a query: red {text}\n  prompt of a document: blue fish {text}" in seen.out


def test_a_dry_run_computes_nothing(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    words = ("mine-negatives", "pairs.jsonl", "-m", tiny_bert, "-n", "--margin", "0.1")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert "data: 30 rows, 30 pairs" in ended.out
    assert "29 queries, 30 documents, of which 30 are searched" in ended.out
    assert "1 of a pair, from the ranks 10:100, 0.1 or more below the positive" in ended.out
    assert "loading" not in ended.err
    assert not Path("negatives.jsonl").exists()
    assert json.loads(cli(*words, "--json").out)["rule"] == {
        "top_k": 1,
        "first": 10,
        "last": 100,
        "margin": 0.1,
    }


@pytest.mark.process
def test_pairs_with_too_few_negatives_are_said(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    """Of 30 documents the first two pairs have 28 that may be negatives, and so the next two."""
    words = ("mine-negatives", "pairs.jsonl", "-m", tiny_bert, *CPU)
    ended = cli(*words, "--range", "27:29", "--top-k", "2")
    assert ended.code == 0, ended.err
    assert "56 rows from 30 pairs" in ended.err
    assert "4 pairs have fewer negatives than asked for" in ended.err
    ended = cli(*words, "--range", "28:29", "--overwrite")
    assert "26 rows from 26 pairs" in ended.err
    assert "4 pairs have none and are left out" in ended.err
    before = Path("negatives.jsonl").read_text()
    ended = cli(*words, "--range", "29:30", "--overwrite")
    assert ended.code == 1
    assert "no pair has a negative among the ranks 29:30 of 30 documents" in ended.errors[0]
    assert "--range 0:30" in ended.errors[1]
    assert Path("negatives.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("words", "code", "said", "fix"),
    [
        (["none.csv"], 2, "no file or folder none.csv", "a folder"),
        (["org/none"], 1, "org/none train could not be read", "--mirror DIR that holds it"),
        (["labelled.csv"], 1, "labelled pairs", "--column text1=query"),
        (["other.csv"], 1, "no query and no positive", "--column question=query"),
        (["pairs.csv", "--range", "10"], 2, "no range of ranks", "--range 10:100"),
        (["pairs.csv", "--range", "9:2"], 2, "holds no rank", "--range 10:100"),
        (["pairs.csv", "--range=-1:2"], 2, "no range of ranks", "--range 10:100"),
        (["pairs.csv", "--top-k", "0"], 2, "asks for nothing", "--top-k 1"),
        (["pairs.csv", "-o", "out.tsv"], 2, "ends in none of", "-o negatives.jsonl"),
        (["pairs.csv", "-o", "pairs.csv"], 2, "is there already", "--overwrite"),
        (["pairs.csv", "--corpus-column", "x"], 2, "needs --corpus", "--corpus FILE"),
        (["pairs.csv", "--corpus", "no.csv"], 2, "no file no.csv", ".parquet"),
        (["pairs.csv", "--mirror", "no"], 2, "mirror no is not there", "--mirror"),
        (["pairs.csv", "-m", "other"], 2, "one model, not 2", "-m "),
        (["pairs.csv", "--pooling", "all"], 2, "--pooling all", "--pooling cls"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(
    cli: Cli, tiny_bert: Path, words: list[str], code: int, said: str, fix: str
) -> None:
    Path("pairs.csv").write_text("query,positive\na cat,a dog\n")
    Path("labelled.csv").write_text("text1,text2,label\na cat,a dog,1\n")
    Path("other.csv").write_text("question,answer\na cat,a dog\n")
    ended = cli("mine-negatives", *words, "-m", tiny_bert)
    assert ended.code == code, ended.err
    assert said in ended.errors[0]
    assert fix in ended.errors[1]
    assert "loading" not in ended.err
    assert not Path("negatives.jsonl").exists()


@pytest.mark.process
def test_a_second_command_forwards_nothing_and_finds_the_same(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    long = {"query": "cat " * 90, "positive": "dog"}
    write_rows(Path("more.jsonl"), [long, *({"query": q, "positive": p} for q, p in pairs)])
    words = ("mine-negatives", "more.jsonl", "-m", tiny_bert, "--range", "1:20", *CPU)
    first, second = cli(*words, "-o", "a.parquet"), cli(*words, "-o", "b.parquet")
    assert second.code == 0, second.err
    assert "1 of 61 texts were cut to 64 tokens" in first.err
    assert "were cut" not in second.err  # nothing was forwarded
    assert pq.read_table("a.parquet").equals(pq.read_table("b.parquet"))


def test_what_is_left_out_of_data_and_corpus_is_printed(
    cli: Cli, tiny_bert: Path, pairs: list[tuple[str, str]]
) -> None:
    Path("corpus.csv").write_text("id,text\n1,a b\n2\n3,c d\n")
    words = ("mine-negatives", "pairs.jsonl", "-m", tiny_bert, "--corpus", "corpus.csv")
    more = ("--corpus-column", "text", "--skip-bad-rows", "-n", *MEAN)
    ended = cli(*words, *more)
    assert ended.code == 0, ended.err
    assert "corpus: 2 texts of text; not used: id" in ended.out
    line = "corpus.csv: 1 bad row skipped: line 3 has 1 cell, and the header 2"
    assert f"  ! {line}" in ended.out
    said = json.loads(cli(*words, *more, "--json").out)
    assert (said["corpus_unused_columns"], said["corpus_skipped"]) == (["id"], [line])
