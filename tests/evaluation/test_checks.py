"""Data that is not what a task needs is named before anything is computed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import DataError
from angle_bench.evaluation.scoring.checks import Findings
from angle_bench.evaluation.scoring.score import Prepared, data_warnings, prepare
from angle_bench.evaluation.scoring.verify import Verification
from angle_bench.evaluation.task_data import locate
from tests.checkpoints import sts_rows, write_rows
from tests.cli.test_run import model_folders
from tests.conftest import Cli
from tests.mirrors import classification, pair_classification, retrieval, task_of, texts

Rows = list[dict[str, Any]]
Spoil = Callable[[Rows], Rows]


def prepared(name: str, mirror: Path) -> Prepared:
    task = task_of(name)
    made = prepare(task, locate(task, mirror))
    made.release()
    return made


def refused(name: str, mirror: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        prepared(name, mirror)
    assert task_of(name).dataset in raised.value.what
    assert raised.value.fix
    return raised.value


def spoil(place: Path, how: Spoil) -> None:
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    write_rows(place, how(rows))


# pairs


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda rows: [{**row, "score": 2.5} for row in rows], "has the gold score 2.5 for all 12"),
        (lambda rows: rows[:2], "has 2 pairs"),
        (lambda rows: [*rows, {**rows[0], "sentence2": None}], "row 12 has null in the column"),
        (lambda rows: [*rows, {**rows[0], "score": None}], "row 12 has the gold score null"),
    ],
)
def test_gold_scores_that_nothing_correlates_with(how: Spoil, why: str, tmp_path: Path) -> None:
    place = tmp_path / "mteb/sts12-sts/test.jsonl"
    write_rows(place, sts_rows(12))
    spoil(place, how)
    said = refused("STS12", tmp_path).what
    assert why in said
    assert "mteb/sts12-sts default/test" in said


def test_three_pairs_are_enough(tmp_path: Path) -> None:
    write_rows(tmp_path / "mteb/sts12-sts/test.jsonl", sts_rows(3))
    assert prepared("STS12", tmp_path).warnings == ()


@pytest.mark.parametrize("single_row", [False, True])
@pytest.mark.parametrize(("label", "why"), [(1, "the label 1 for all 20"), (2, "has the label 2")])
def test_labels_that_tell_no_pairs_apart(
    label: int, why: str, single_row: bool, tmp_path: Path
) -> None:
    place = tmp_path / task_of("TwitterSemEval2015").dataset / "test.jsonl"
    pair_classification(place, ("sent1", "sent2"), single_row=single_row)
    labels = [label] * 20
    spoil(
        place,
        lambda rows: [{**row, "labels": labels if single_row else labels[0]} for row in rows],
    )
    assert why in refused("TwitterSemEval2015", tmp_path).what


@pytest.mark.process
def test_pairs_with_an_empty_text_are_counted_and_scored(
    cli: Cli, tiny_bert: Path, tmp_path: Path
) -> None:
    rows = sts_rows(12)
    rows[3]["sentence1"] = ""
    rows[5]["sentence2"] = " \n"
    rows[6]["sentence1"] = rows[6]["sentence2"] = ""
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.jsonl", rows)
    ended = cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", "mirror")
    assert ended.code == 0, ended.err
    warning = "3 of 12 pairs of STS12 have an empty text"
    assert ended.err.count(warning) == 1
    (folder,) = model_folders()
    record = json.loads((folder / ".angle-bench/STS12.json").read_text())
    assert record["warnings"] == [warning]


# retrieval


@pytest.mark.parametrize(
    ("config", "how", "why"),
    [
        ("corpus", lambda rows: [*rows, rows[3]], "1 ids in corpus more than once, such as 'd3'"),
        ("queries", lambda rows: [*rows, rows[0]], "1 ids in queries more than once, such as 'q0'"),
        (
            "default",
            lambda rows: [*rows, {**rows[0], "query-id": "q99"}],
            "1 of 7 judged queries are not there, such as 'q99'",
        ),
        (
            "default",
            lambda rows: [*rows, {**rows[0], "corpus-id": "d99"}],
            "1 of 13 judgements name a document that is not there, such as 'd99'",
        ),
        (
            "default",
            lambda rows: [{**row, "query-id": f"x{row['query-id']}"} for row in rows],
            "has no query with a judgement",
        ),
        (
            "top_ranked",
            lambda rows: [{**rows[0], "corpus-ids": ["d1", "d99"]}, *rows[1:]],
            "candidates are not in the corpus, such as 'd99'",
        ),
    ],
)
def test_ids_that_do_not_fit(config: str, how: Spoil, why: str, tmp_path: Path) -> None:
    task = task_of("AskUbuntuDupQuestions")
    retrieval(tmp_path / task.dataset, candidates=5)
    (place,) = (tmp_path / task.dataset / config).iterdir()
    spoil(place, how)
    assert why in refused(task.name, tmp_path).what


@pytest.mark.parametrize("verdict", ["hub", "equal", "smoke run"])
def test_mteb_s_own_data_is_scored_as_it_is(verdict: Any) -> None:
    doubt = DataError("a/b default/test has 1 ids in corpus more than once.", "another file")
    (said,) = data_warnings(Findings(doubts=(doubt,)), Verification(verdict))
    assert said == f"{doubt.what} It is scored as it is."


@pytest.mark.parametrize("verdict", ["differs", "no reference", "package"])
def test_other_data_in_doubt_is_refused(verdict: Any) -> None:
    doubt = DataError("a/b default/test has 1 ids in corpus more than once.", "another file")
    with pytest.raises(DataError) as raised:
        data_warnings(Findings(doubts=(doubt,)), Verification(verdict))
    assert raised.value is doubt


# classification


def test_a_train_split_of_one_class(tmp_path: Path) -> None:
    classification(tmp_path, "Banking77Classification", classes=1)
    said = refused("Banking77Classification", tmp_path).what
    assert "mteb/banking77 default/train has one class only, 0" in said


def test_a_missing_train_split(tmp_path: Path) -> None:
    classification(tmp_path, "Banking77Classification")
    (tmp_path / "mteb/banking77/train.jsonl").unlink()
    error = refused("Banking77Classification", tmp_path)
    assert "mteb/banking77 default/train is not there (there: test)" in error.what
    assert "train.parquet" in error.fix


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"text": "a", "label": None}, "has a row without a label"),
        ({"text": None, "label": 1}, "row 17 has null in the column text"),
    ],
)
def test_a_row_without_text_or_label(row: dict[str, Any], why: str, tmp_path: Path) -> None:
    classification(tmp_path, "Banking77Classification")
    spoil(tmp_path / "mteb/banking77/test.jsonl", lambda rows: [*rows, row])
    assert why in refused("Banking77Classification", tmp_path).what


def test_few_texts_of_a_class_are_a_warning(tmp_path: Path) -> None:
    classification(tmp_path, "Banking77Classification", classes=3)
    rows: Rows = [{"text": text, "label": 7} for text in texts(2, seed=9)]
    spoil(tmp_path / "mteb/banking77/train.jsonl", lambda there: there + rows)
    (warning,) = prepared("Banking77Classification", tmp_path).warnings
    assert warning == (
        "mteb/banking77 default/train: 1 classes have fewer than 8 texts to train on"
    )


def test_fewer_rows_than_folds(tmp_path: Path) -> None:
    task = task_of("SciRepEvalBiomimicryClassification")
    rows: Rows = [
        {"title": text, "abstract": "", "label": number % 2} for number, text in enumerate(texts(4))
    ]
    write_rows(tmp_path / task.dataset / "biomimicry/evaluation.jsonl", rows)
    assert "has 4 rows; cross-validation needs 5" in refused(task.name, tmp_path).what
