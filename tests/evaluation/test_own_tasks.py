"""Own tasks: what their data must be, and what becomes of it."""

from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import DataError
from angle_bench.evaluation.scoring.score import Prepared, prepare
from angle_bench.evaluation.task_data import locate
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import OwnTask
from tests.own_data import Rows, labelled, write_table

PAIRS: Rows = [{"sentence1": f"a{n}", "sentence2": f"b{n}", "score": n} for n in range(4)]
DOUBLES: Rows = [{"sentence1": f"a{n}", "sentence2": "b", "label": n % 2} for n in range(4)]
RANKED: Rows = [{"query": "q", "positive": ["p"], "negative": ["n", "m"]}]


def own(type_: str, path: Any, **changes: Any) -> Task:
    return OwnTask.model_validate({"name": "mine", "type": type_, "path": path, **changes}).task()


def prepared(task: Task) -> Prepared:
    return prepare(task, locate(task, None))


def changed(rows: Rows, number: int, **cells: Any) -> Rows:
    return [{**row, **cells} if at == number else row for at, row in enumerate(rows)]


def refused(task: Task) -> DataError:
    with pytest.raises(DataError) as raised:
        prepared(task)
    return raised.value


def test_columns_take_their_fields_names(tmp_path: Path) -> None:
    rows = [{"q": r["sentence1"], "a": r["sentence2"], "gold": r["score"], "x": 1} for r in PAIRS]
    write_table(tmp_path / "pairs.parquet", rows)
    columns = {"sentence1": "q", "sentence2": "a", "score": "gold"}
    ready = prepared(own("STS", tmp_path / "pairs.parquet", columns=columns))
    assert ready.mteb_task.dataset["test"].to_list() == PAIRS  # type: ignore[index]
    assert ready.verification.verdict == "file"


@pytest.mark.parametrize(
    ("type_", "rows", "says", "types"),
    [
        (
            "STS",
            [{"sentence1": "a", "sentence": "b", "score": 1}],
            "no column sentence2",
            '"sentence2" = "sentence',
        ),
        (
            "STS",
            [{"sentence1": "a", "sentence2": "b", "gold": 1}],
            "no column score; its columns are sentence1, sentence2, gold",
            "columns = ",
        ),
        (
            "STS",
            changed(PAIRS, 2, score="high"),
            "line 3 has 'high' in score, which is no finite",
            "line 3",
        ),
        ("STS", changed(PAIRS, 3, score=float("nan")), "line 4 has NaN in score", "line 4"),
        ("STS", changed(PAIRS, 1, score=None), "line 2 has null in score", "line 2"),
        ("STS", changed(PAIRS, 1, score=True), "line 2 has true in score", "line 2"),
        (
            "STS",
            changed(PAIRS, 0, sentence2=None),
            "line 1 has null in sentence2, which is no text",
            "line 1",
        ),
        (
            "STS",
            [{**row, "score": 1} for row in PAIRS],
            "same score in all of its 4 rows",
            "differ",
        ),
        (
            "pair classification",
            changed(DOUBLES, 1, label=2),
            "line 2 has 2 in label, which is neither 0 nor 1",
            "line 2",
        ),
        (
            "pair classification",
            changed(DOUBLES, 1, label="yes"),
            "which is neither 0 nor 1",
            "line 2",
        ),
        (
            "pair classification",
            [{**row, "label": 1} for row in DOUBLES],
            "has the label 1 alone",
            "both 0 and 1",
        ),
        (
            "clustering",
            [{"text": "a", "label": None}],
            "line 1 has null in label, which is no label",
            "line 1",
        ),
        ("clustering", [{"text": "a", "label": 0.5}], "which is no label", "line 1"),
        (
            "reranking",
            changed(RANKED, 0, negative=[]),
            "has no row with both positives and negatives",
            "both",
        ),
        (
            "reranking",
            changed(RANKED, 0, positive="p"),
            "has 'p' in positive, which is no list of texts",
            "line 1",
        ),
    ],
)
def test_data_that_is_not_what_the_type_needs(
    type_: str, rows: Rows, says: str, types: str, tmp_path: Path
) -> None:
    place = tmp_path / "data.jsonl"
    write_table(place, rows)
    error = refused(own(type_, place))
    assert says in error.what
    assert str(place) in error.what
    assert types in error.fix


def test_a_csv_of_text_is_read_as_numbers(tmp_path: Path) -> None:
    write_table(tmp_path / "pairs.csv", PAIRS)
    ready = prepared(own("STS", tmp_path / "pairs.csv"))
    assert ready.mteb_task.dataset["test"]["score"][:] == [0.0, 1.0, 2.0, 3.0]  # type: ignore[index]
    write_table(tmp_path / "pairs.csv", changed(PAIRS, 1, score=""))
    assert "line 3 has '' in score" in refused(own("STS", tmp_path / "pairs.csv")).what


# classification


def classified(folder: Path, learnt: Rows, scored: Rows, **changes: Any) -> Task:
    write_table(folder / "train.jsonl", learnt)
    write_table(folder / "test.jsonl", scored)
    return own("classification", folder, **changes)


@pytest.mark.parametrize("protocol", ["", "transfer", "logistic regression"])
def test_a_label_that_is_never_learnt_is_refused(protocol: str, tmp_path: Path) -> None:
    test = changed(labelled(10, 1), 4, label="hold")
    error = refused(classified(tmp_path, labelled(60, 2), test, protocol=protocol))
    assert "the label hold occurs 1 times in test and never in train" in error.what
    assert "train with texts of that label" in error.fix


@pytest.mark.parametrize(
    ("train", "count"), [("train", 9), ("test", 11)], ids=["inner folds", "nested folds"]
)
def test_too_few_texts_for_the_folds_are_refused(train: str, count: int, tmp_path: Path) -> None:
    few = [{"text": "x", "label": "rare"} for _ in range(count)]
    rows = [*labelled(60, 2), *few]
    task = classified(tmp_path, rows, rows, protocol="transfer", train=train)
    error = refused(task)
    assert f"the label rare has {count} texts in {train}, and 10 folds need" in error.what
    assert "folds = 3" in error.fix
    more = [*rows, {"text": "x", "label": "rare"}]
    assert prepared(classified(tmp_path, more, more, protocol="transfer", train=train))


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        ([{"text": "a", "label": 1}], [{"text": "b", "label": "1"}], "some labels are numbers"),
        ([{"text": "a", "label": 1}], [{"text": "b", "label": 1}], "1 is the only label"),
        ([{"text": "a", "label": None}], [{"text": "b", "label": 1}], "which is no label"),
    ],
)
def test_labels_that_cannot_be_meant(train: Rows, test: Rows, says: str, tmp_path: Path) -> None:
    assert says in refused(classified(tmp_path, train, test)).what


def test_labels_of_any_numbers_are_learnt(tmp_path: Path) -> None:
    turned = [
        [{**row, "label": 3 if row["label"] == "buy" else -1} for row in labelled(count, seed)]
        for count, seed in ((40, 1), (10, 2))
    ]
    ready = prepared(classified(tmp_path, *turned))
    assert ready.mteb_task.names["default"] == ["-1", "3"]  # type: ignore[attr-defined]
    data: Any = ready.mteb_task.dataset
    assert data["test"]["label"][:] == [int(row["label"] == 3) for row in turned[1]]


def test_a_bad_row_of_a_glob_is_told_by_its_own_file(tmp_path: Path) -> None:
    write_table(tmp_path / "1.csv", PAIRS[:2])
    write_table(tmp_path / "2.jsonl", changed(PAIRS[2:], 1, score="high"))
    error = refused(own("STS", tmp_path / "*.*"))
    assert f"{tmp_path / '2.jsonl'} line 2 has 'high' in score" in error.what
    write_table(tmp_path / "2.jsonl", PAIRS[2:])
    assert len(prepared(own("STS", tmp_path / "*.*")).mteb_task.dataset["test"]) == len(PAIRS)


def test_a_split_called_train_is_scored_where_nothing_learns(tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv", PAIRS)
    task = own("STS", tmp_path, splits=("train",))
    assert len(prepared(task).mteb_task.dataset["train"]) == len(PAIRS)


# retrieval

CORPUS: Rows = [{"id": n, "text": f"t{n}"} for n in range(3)]
QUERIES: Rows = [{"id": f"q{n}", "text": f"u{n}"} for n in range(3)]
QRELS: Rows = [{"query-id": "q0", "corpus-id": 0}, {"query-id": "q2", "corpus-id": 2}]


def retrieved(folder: Path, **parts: Rows) -> Task:
    rows = {"corpus": CORPUS, "queries": QUERIES, "qrels": QRELS} | parts
    for part, table in rows.items():
        write_table(folder / f"{part}.jsonl", table)
    return own("retrieval", folder)


def test_queries_without_a_judgement_are_left_out(tmp_path: Path) -> None:
    ready = prepared(retrieved(tmp_path))
    data: Any = ready.mteb_task.dataset
    found = data["default"]["test"]
    assert found["queries"]["id"][:] == ["q0", "q2"]
    assert found["corpus"]["id"][:] == ["0", "1", "2"]
    assert found["relevant_docs"] == {"q0": {"0": 1}, "q2": {"2": 1}}


@pytest.mark.parametrize(
    ("part", "rows", "says"),
    [
        ("corpus", [*CORPUS, CORPUS[1]], "corpus.jsonl has the id 1 2 times"),
        ("queries", [*QUERIES, QUERIES[0]], "queries.jsonl has the id q0 2 times"),
        (
            "qrels",
            [*QRELS, {"query-id": "q9", "corpus-id": 1}],
            "1 ids that are not in queries, such as q9",
        ),
        ("qrels", [*QRELS, {"query-id": "q1", "corpus-id": 7}], "not in corpus, such as 7"),
        ("qrels", [{**row, "score": 0} for row in QRELS], "judges no document as relevant"),
        ("qrels", [{**row, "score": 0.5} for row in QRELS], "which is no whole number"),
        ("corpus", [{"key": "0", "text": "t"}], "no column id; its columns are key, text"),
    ],
)
def test_retrieval_data_that_does_not_fit(part: str, rows: Rows, says: str, tmp_path: Path) -> None:
    error = refused(retrieved(tmp_path, **{part: rows}))
    assert says in error.what
    assert str(tmp_path / f"{part}.jsonl") in error.what
