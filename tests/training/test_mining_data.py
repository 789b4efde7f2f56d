"""What hard negatives are mined for: sources, columns, what is dropped, and the files written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angle_bench.errors import AngleBenchError, DataError, UsageError
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.mining.hard_negatives import (
    check_output,
    check_rule,
    check_texts,
    counted,
    triplets,
    write,
)
from angle_bench.training.mining.search import NONE, Rule
from angle_bench.training.mining.text_pool import gather, read_corpus, read_pairs, source_of
from angle_bench.training.recipe.recipe import Recipe
from tests.checkpoints import write_rows

PAIRS: list[dict[str, object]] = [{"query": f"q {n}", "positive": f"p {n}"} for n in range(4)]
EXPECTED = [(f"q {n}", f"p {n}") for n in range(4)]


def test_a_glob_is_one_source(tmp_path: Path) -> None:
    for number in range(2):
        row = {"query": f"q{number}", "positive": f"p{number}"}
        write_rows(tmp_path / f"part-{number}.jsonl", [row])
    pairs, counts = read_pairs(source_of(str(tmp_path / "*")), None)
    assert (pairs, counts.read) == ([("q0", "p0"), ("q1", "p1")], 2)


def test_every_source_of_training_gives_the_same_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.chdir(tmp_path)
    write_rows(Path("a.jsonl"), PAIRS)
    write_rows(Path("a.parquet"), PAIRS)
    write_rows(Path("folder/train.jsonl"), PAIRS)
    write_rows(Path("folder/dev.jsonl"), PAIRS[:1])
    write_rows(Path("mirror/org/name/train.jsonl"), PAIRS)
    for name, between in (("a.csv", ","), ("a.tsv", "\t")):
        lines = [f"q {n}{between}p {n}" for n in range(4)]
        Path(name).write_text("\n".join([f"query{between}positive", *lines]))
    datasets.Dataset.from_list(PAIRS).save_to_disk("saved")
    for word in ("a.jsonl", "a.parquet", "a.csv", "a.tsv", "folder", "saved", "org/name"):
        pairs, counts = read_pairs(source_of(word), Path("mirror"))
        assert pairs == EXPECTED, word
        assert (counts.read, counts.kept) == (4, 4)
    assert read_pairs(source_of("folder", split="dev"), None)[0] == EXPECTED[:1]
    with pytest.raises(DataError, match="folder has no test") as told:
        read_pairs(source_of("folder", split="test"), None)
    assert "--split" in told.value.fix


def test_a_hub_id_may_name_a_revision() -> None:
    source = source_of("org/name@abc", config="pair", split="dev")
    assert (source.hub, source.revision, source.config, source.split) == (
        "org/name",
        "abc",
        "pair",
        "dev",
    )


def test_negatives_of_the_data_are_mined_anew(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"anchor": "q 0", "positive": "p 0", "bad": "n"},
        {"anchor": "q 1", "positive": "p 1", "bad": None},  # trains only once it has a negative
    ]
    write_rows(tmp_path / "c.jsonl", rows)
    columns = ["anchor=query", "bad=negative"]
    pairs, counts = read_pairs(source_of(str(tmp_path / "c.jsonl"), columns), None)
    assert pairs == EXPECTED[:2]
    assert counts.dropped == {}


def test_lists_give_every_pair_and_rows_without_texts_are_counted(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query": ["a", "b"], "positive": ["x", " ", "y"]},
        {"query": "", "positive": ["x"]},
        {"query": "c", "positive": []},
        {"query": "c", "positive": None},
    ]
    write_rows(tmp_path / "a.jsonl", rows)
    pairs, counts = read_pairs(source_of(str(tmp_path / "a.jsonl")), None)
    assert pairs == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    assert counts.dropped == {"empty query": 1, "empty positive": 1, "no positive": 1}


def test_a_column_that_is_not_there_is_a_wrong_word(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", [{"query": "a", "b": "b"}])
    with pytest.raises(UsageError, match="no column c") as told:
        read_pairs(source_of(str(tmp_path / "a.jsonl"), ["c=positive"]), None)
    assert told.value.fix.startswith("--column THEIRS=query")


@pytest.mark.parametrize(
    ("rows", "columns", "said", "fix"),
    [
        ([{"text1": "a", "text2": "b", "label": 1}], [], "labelled pairs", "--column text1=query"),
        ([{"query": "a", "answer": "b"}], [], "has no positive", "--column answer=positive"),
        (
            [{"anchor": "a", "x": "b"}],
            [],
            "no query and no positive",
            "--column anchor=query",
        ),
        ([{"query": "a", "posit": "b"}], [], "has no positive", "--column posit=positive"),
        ([{"query": "a", "positive": ""}], [], "no row with a query and a positive (1 empty", ""),
        ([{"query": 3, "positive": "b"}], [], "line 1 has 3 in query, which is no text", ""),
        ([], [], "has no rows", "query and positive"),
    ],
)
def test_data_without_pairs_is_refused(
    tmp_path: Path, rows: Any, columns: list[str], said: str, fix: str
) -> None:
    write_rows(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError) as told:
        read_pairs(source_of(str(tmp_path / "a.jsonl"), columns), None)
    assert said in told.value.what
    assert fix in told.value.fix
    assert "[[data" not in told.value.fix


@pytest.mark.parametrize(
    ("word", "more", "said"),
    [
        ("none.csv", {}, "no file or folder none.csv"),
        ("none", {}, "no file or folder none"),
        ("org/none.jsonl", {}, "no file or folder"),
        ("here.csv", {"split": "test"}, "without splits"),
        ("here.csv", {"config": "x"}, "--config is for data sets of the hub"),
        ("here.csv", {"columns": ["query"]}, "says no new name"),
        ("here.csv", {"columns": ["=query"]}, "says no new name"),
        ("here.csv", {"columns": ["a=anchor"]}, "renames to anchor"),
        ("here.csv", {"columns": ["a=query", "b=query"]}, "the same column twice"),
    ],
)
def test_what_names_no_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, more: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here.csv").write_text("query,positive\na,b\n")
    with pytest.raises(UsageError) as told:
        source_of(word, **more)
    assert said in told.value.what


def test_a_corpus_has_no_blank_texts(tmp_path: Path) -> None:
    write_rows(tmp_path / "c.jsonl", [{"id": "1", "text": "a"}, {"id": "2", "text": " "}])
    found = read_corpus(tmp_path / "c.jsonl", "text")
    assert (found.texts, found.unused) == (["a"], ["id"])
    with pytest.raises(UsageError) as told:
        read_corpus(tmp_path / "c.jsonl", None)
    assert told.value.fix == "--corpus-column id"
    write_rows(tmp_path / "d.jsonl", [{"text": ""}])
    with pytest.raises(DataError, match="no text in text"):
        read_corpus(tmp_path / "d.jsonl", None)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(top_k=0), "--top-k 0"),
        (Rule(first=10, last=10), "holds no rank"),
        (Rule(first=-1, last=10), "holds no rank"),
        (Rule(top_k=6, first=10, last=15), "5 ranks, fewer than --top-k 6"),
        (Rule(margin=float("nan")), "--margin nan"),
        (Rule(margin=2.5), "--margin 2.5"),
    ],
)
def test_a_rule_that_takes_nothing_is_refused(rule: Rule, said: str) -> None:
    with pytest.raises(UsageError) as told:
        check_rule(rule)
    assert said in told.value.what


@pytest.mark.parametrize(
    ("name", "said"),
    [("t.tsv", "ends in none of .jsonl, .parquet or .csv"), ("t.csv", "is there already")],
)
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "t.csv").write_text("old")
    with pytest.raises(UsageError) as told:
        check_output(tmp_path / name, overwrite=False)
    assert said in told.value.what
    check_output(tmp_path / "t.csv", overwrite=True)


HARD = [
    'a "quoted", text',
    "two\nlines\r\nand a tab\t",
    "\ufeffmark",
    " spaces ",
    "é\u2028",
    "NULL",
]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_what_is_written_trains_to_the_character(tmp_path: Path, suffix: str) -> None:
    texts = gather(zip(HARD, reversed(HARD), strict=True))
    negatives = np.array([[0, NONE], [1, 3], [NONE, NONE], [4, 5], [5, NONE], [0, 1]])
    found = counted(negatives)
    assert (found.rows, found.complete, found.fewer, found.none) == (8, 3, 2, 1)
    place = tmp_path / f"out{suffix}"
    write(place, texts, negatives)
    recipe = Recipe.model_validate(
        {"model": {"name": "m"}, "data": {"train": [{"path": str(place)}]}}
    )
    rows = load_rows(recipe)
    assert rows.format == "C"
    expected = list(triplets(texts, negatives))
    assert [tuple(text for (text,) in rows.row(n).texts) for n in range(len(rows))] == expected
    first = (HARD[0], HARD[5], texts.documents[0])
    assert (expected[0], len(expected)) == (first, 8)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"out{suffix}"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_lone_surrogate_is_kept(tmp_path: Path, suffix: str) -> None:
    texts = gather([("a \ud800", "b"), ("c", "d")])
    write(tmp_path / f"out{suffix}", texts, np.array([[1], [0]]))
    assert read_pairs(source_of(str(tmp_path / f"out{suffix}")), None)[0] == [
        ("a \ud800", "b"),
        ("c", "d"),
    ]


def test_a_csv_cannot_hold_a_lone_surrogate(tmp_path: Path) -> None:
    texts = gather([("a \ud800", "b"), ("c", "d")])
    with pytest.raises(UsageError, match="lone surrogate") as told:
        check_texts(tmp_path / "out.csv", texts)
    assert told.value.fix.endswith("out.jsonl")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    texts = gather([("a", "b"), ("c", "d")])
    with pytest.raises(IndexError):
        write(tmp_path / "out.csv", texts, np.array([[1], [7]]))  # no such document
    assert (tmp_path / "out.csv").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    (tmp_path / "file").write_text("")
    with pytest.raises(AngleBenchError, match="cannot be written"):
        write(tmp_path / "file" / "out.csv", texts, np.array([[1], [0]]))
