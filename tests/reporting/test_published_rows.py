"""Published scores stand only where their protocol is the suite's."""

from typing import Any

import pytest

from angle_bench.reporting.tables.published_rows import published_rows
from angle_bench.reporting.tables.table import TableRow
from angle_bench.suites.published import PublishedRow, published_of, shipped
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite

STS = select(["STS"])
V1 = select(["MTEB(eng, v1)"])
STS10 = Suite(name="STS-10", version="1", task=tuple(t for t in V1.task if t.type == "STS"))


def entry(suite: str, scores: dict[str, float], **more: Any) -> PublishedRow:
    row = {"model": "org/m", "suite": suite, "source": "paper", "scores": scores, **more}
    return PublishedRow.model_validate(row)


def only(suite: Suite, *entries: PublishedRow) -> TableRow:
    (row,) = published_rows(suite, entries)
    return row


ALL_STS = {task.name: 80.0 for task in STS.task}


def test_scores_become_fractions_and_name_their_source() -> None:
    row = only(STS, entry("STS", ALL_STS, average=80.12))
    assert row.scores == [0.8] * 7
    assert row.stated == {"mean": 0.8012}
    assert row.label == "m †"
    assert row.source is not None
    assert (row.source.kind, row.source.said) == ("published", "paper")


def test_a_row_on_its_own_suite_may_have_gaps() -> None:
    assert only(STS, entry("STS", {"STS12": 79.0})).scores == [0.79, *[None] * 6]


def test_another_protocol_stays_out() -> None:
    # its STS12 is one Spearman over concatenated subsets, its SICK another test set
    paper = entry("STS-SentEval", {"STS12": 75.0, "SICKRelatedness": 81.0}, average=82.0)
    assert published_rows(STS, [paper]) == []
    assert published_rows(select(["SICK-R"]), [paper]) == []


def test_another_suite_of_the_same_tasks_fills_in_if_it_covers_all() -> None:
    sts12 = select(["STS12"])
    assert only(sts12, entry("STS", ALL_STS, average=80.0)).scores == [0.8]
    assert only(sts12, entry("STS", ALL_STS, average=80.0)).stated == {}
    assert published_rows(V1, [entry("STS", ALL_STS)]) == []  # 7 of 56


def test_the_same_tasks_in_other_languages_are_another_column() -> None:
    every_language = select(["STS17"])
    english = entry("STS-10", {"STS17": 88.99})
    assert published_rows(every_language, [english]) == []
    assert only(STS10, english).scores[
        [t.name for t in STS10.task].index("STS17")
    ] == pytest.approx(0.8899)


def test_what_is_said_twice_stands_once() -> None:
    again = entry("STS", ALL_STS)
    assert len(published_rows(STS, [again, entry("STS", ALL_STS, average=80.0), again])) == 2
    assert len(published_rows(STS, [entry("STS", ALL_STS, average=80.0), again])) == 1


def test_averages_alone_are_a_row_of_their_suite() -> None:
    types = {"STS": 84.54, "Retrieval": 54.66}
    row = only(V1, entry("MTEB(eng, v1)", {}, average=64.64, types=types))
    assert row.stated == pytest.approx(
        {"mean": 0.6464, "type:STS": 0.8454, "type:Retrieval": 0.5466}
    )
    assert set(row.scores) == {None}


def test_the_shipped_rows_of_sts_10() -> None:
    rows = {row.label: row for row in published_rows(STS10, shipped())}
    means = {label: round(100 * row.stated["mean"], 2) for label, row in rows.items()}
    assert means == {
        "UAE-Large-V1 †": 84.59,
        "mxbai-embed-large-v1 †": 84.66,
        "bge-large-en-v1.5 †": 83.16,
        "all-MiniLM-L6-v2 †": 78.95,
    }
    for row in rows.values():  # ten scores each, whose mean is the stated one
        scores = [score for score in row.scores if score is not None]
        assert len(scores) == 10
        assert sum(scores) / 10 == pytest.approx(row.stated["mean"], abs=5.1e-5)


def test_the_shipped_rows_of_the_56_tasks() -> None:
    rows = published_rows(V1, shipped())
    assert sorted(round(100 * row.stated["mean"], 2) for row in rows) == [64.44, 64.55, 64.64]
    assert all(len(row.stated) == 8 for row in rows)


def test_the_registry_knows_what_was_published_of_a_model() -> None:
    sources = [each.source for each in published_of("SeanLee97/angle-bert-base-uncased-nli-en-v1")]
    assert sources[:2] == ["paper", "the author's rerun with version 0.1.1"]
    assert published_of("nobody/nothing") == ()
    assert all(0 < score <= 100 for row in shipped() for score in row.scores.values())
    assert all(row.source for row in shipped())
