"""Retrieval data as BEIR and TREC write it: judgements with and without a header."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import DataError
from angle_bench.evaluation.task_data import locate
from angle_bench.evaluation.user_tasks.build import own_task
from angle_bench.suites.task import Task
from angle_bench.suites.user_task import OwnTask
from tests.own_data import write_table

JUDGED = {"q 0": {"1": 2}, "q1": {"d2": 0, "d 3": 1}}
WITHOUT_SPACES = {"q1": {"d2": 0, "1": 3}, "q2": {"d2": 1}}


def beir(folder: Path, qrels: str | bytes, name: str = "qrels/test.tsv", **task: Any) -> Task:
    """A folder of BEIR's, with a query that nothing judges."""
    corpus = [{"_id": id_, "title": "t", "text": f"text {id_}"} for id_ in ("1", "d2", "d 3")]
    write_table(folder / "corpus.jsonl", corpus)
    queries = [{"_id": id_, "text": f"ask {id_}", "metadata": {}} for id_ in ("q 0", "q1", "q2")]
    write_table(folder / "queries.jsonl", queries)
    place = folder / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(qrels.encode() if isinstance(qrels, str) else qrels)
    return OwnTask(name="own", type="Retrieval", path=folder, **task).task()


def judged(task: Task) -> dict[str, dict[str, int]]:
    """What mteb is given as the judgements of the one split."""
    ready = own_task(task, locate(task, None))
    ready.load_data()
    data: Any = ready.dataset
    (split,) = data["default"].values()
    assert set(split["queries"]["id"][:]) == set(split["relevant_docs"])
    found: dict[str, dict[str, int]] = split["relevant_docs"]
    return found


def lines(sep: str, *, iteration: bool, rows: dict[str, dict[str, int]]) -> str:
    """Judgements, one a line."""
    middle = ["0"] if iteration else []
    return "".join(
        sep.join([query, *middle, document, str(score)]) + "\n"
        for query, scores in rows.items()
        for document, score in scores.items()
    )


HEADER = "query-id\tcorpus-id\tscore\n"


def test_a_folder_of_beir_is_a_retrieval_task(tmp_path: Path) -> None:
    task = beir(tmp_path, HEADER + lines("\t", iteration=False, rows=JUDGED))
    assert judged(task) == JUDGED


def test_the_judgements_are_those_of_the_split(tmp_path: Path) -> None:
    beir(tmp_path, HEADER + lines("\t", iteration=False, rows=JUDGED))
    dev = {"q2": {"1": 1}}
    text = HEADER + lines("\t", iteration=False, rows=dev)
    assert judged(beir(tmp_path, text, "qrels/dev.tsv", splits=("dev",))) == dev
    for splits in (("train",), ("dev", "test")):
        with pytest.raises(DataError, match=r"there: dev\.tsv, test\.tsv") as raised:
            judged(beir(tmp_path, text, splits=splits))
        assert raised.value.fix == 'splits = ["dev"] in the [[task]] of own'


@pytest.mark.parametrize("name", ["qrels.tsv", "qrels.txt", "qrels/test.tsv", "qrels.csv"])
@pytest.mark.parametrize("separator", [" ", "\t", "   \t"])
@pytest.mark.parametrize("header", ["", "query-id 0 corpus-id score\n"])
def test_trecs_four_columns(tmp_path: Path, name: str, separator: str, header: str) -> None:
    text = header + "\n" + lines(separator, iteration=True, rows=WITHOUT_SPACES)
    assert judged(beir(tmp_path, text, name)) == WITHOUT_SPACES


def test_trecs_columns_compressed_and_in_another_encoding(tmp_path: Path) -> None:
    text = lines(" ", iteration=True, rows=WITHOUT_SPACES)
    packed = gzip.compress(text.encode("utf-16"))
    assert judged(beir(tmp_path, packed, "qrels.txt.gz")) == WITHOUT_SPACES


def test_a_header_with_other_names_is_renamed(tmp_path: Path) -> None:
    text = "topic iter doc rel\n" + lines(" ", iteration=True, rows=WITHOUT_SPACES)
    with pytest.raises(DataError, match="no column query-id; its columns are topic, iter"):
        judged(beir(tmp_path, text, "qrels.txt"))
    columns = {"qrels.query-id": "topic", "qrels.corpus-id": "doc", "qrels.score": "rel"}
    assert judged(beir(tmp_path, text, "qrels.txt", columns=columns)) == WITHOUT_SPACES


def test_a_header_with_tabs_is_no_trec_whatever_follows(tmp_path: Path) -> None:
    header = "query-id\tcorpus-id\tscore\tnote\n"
    text = header + "q1\td2\t1\t7\nq 0\td 3\t2\ttwo words\n"
    assert judged(beir(tmp_path, text)) == {"q1": {"d2": 1}, "q 0": {"d 3": 2}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q1 0 d2 1\nq1 0 1\n", r"qrels\.txt line 2 has 3 columns, and qrels of TREC 4"),
        ("q1 0 d2 1\n\nq1 0 d 3 1\n", r"qrels\.txt line 3 has 5 columns"),
        ("q1 0 d2 1\nq1 0 1 high\n", r"qrels\.txt line 2 has 'high' in score"),
        ("q1 0 d2 0.5\n", r"qrels\.txt line 1 has '0\.5' in score, which is no whole number"),
        ("q1 0 d2 1\nq1 0 d9 1\nq2 0 d8 0\n", "names 2 ids that are not in corpus, such as d9"),
        ("q7 0 d2 1\n", "names 1 ids that are not in queries, such as q7"),
        ("q1 0 d2 1\nq1 0 d2 2\n", r"judges d2 for q1 as 1 and as 2"),
        ("q1 Q0 d2 1 0.7 run\n", "has no column query-id"),
        ("q1 d2 1\n", "has no column query-id"),
    ],
)
def test_judgements_that_cannot_be_meant(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        judged(beir(tmp_path, text, "qrels.txt"))


def test_bad_lines_of_trec_are_skipped_where_that_was_asked_for(tmp_path: Path) -> None:
    text = lines(" ", iteration=True, rows=WITHOUT_SPACES) + "q2 0 1\n"
    task = beir(tmp_path, text, "qrels.txt", skip_bad_rows=True)
    assert judged(task) == WITHOUT_SPACES
    assert locate(task, None).read["default/qrels"].bad_rows == 1


def test_a_judgement_that_stands_twice_is_one(tmp_path: Path) -> None:
    text = lines(" ", iteration=True, rows=WITHOUT_SPACES)
    assert judged(beir(tmp_path, text + text, "qrels.txt")) == WITHOUT_SPACES


@pytest.mark.parametrize("name", ["qrels.csv", "qrels.tsv"])
def test_three_columns_without_a_header_are_refused(tmp_path: Path, name: str) -> None:
    text = lines("\t" if name.endswith("tsv") else ",", iteration=False, rows=WITHOUT_SPACES)
    with pytest.raises(DataError, match="first line reads like a row of 3 cells"):
        judged(beir(tmp_path, text, name))
