"""Tables: what stands in a cell, what is averaged, and how it is laid out."""

import pytest

from angle_bench.reporting.tables.run_table import as_json
from angle_bench.reporting.tables.table import LEGEND, MARKS, Table, TableCell, TableRow
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite, Task


def task(name: str, type_: str = "STS") -> Task:
    return Task(
        name=name, type=type_, dataset="o/d", revision="r", splits=("test",), metric="main_score"
    )


def row(
    *scores: float | None, label: str = "base", data: str = "hub", line: str = "sig"
) -> TableRow:
    return TableRow(label, tuple(TableCell(score, data) for score in scores), line)


def table(*rows: TableRow, names: tuple[str, ...] = ("STS12", "STS13")) -> Table:
    suite = Suite(name="S", version="1", task=tuple(task(name) for name in names))
    return Table(suite, rows)


def widest(text: str) -> int:
    return max(len(line) for line in text.splitlines())


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (TableCell(0.7909144), "79.09"),
        (TableCell(0.79096), "79.10"),
        (TableCell(1.0), "100.00"),
        (TableCell(0.0), "0.00"),
        (TableCell(-0.0189535), "-1.90"),
        (TableCell(None), "–"),
        (TableCell(None, "differs"), "–"),
        (TableCell(0.5, "hub"), "50.00"),
        (TableCell(0.5, "package"), "50.00"),
        (TableCell(0.5, "equal"), "50.00✓"),
        (TableCell(0.5, "differs"), "50.00≠"),
        (TableCell(0.5, "no reference"), "50.00?"),
    ],
)
def test_a_cell_has_two_decimals_and_a_mark(cell: TableCell, text: str) -> None:
    assert cell.text() == text


def test_other_decimals() -> None:
    assert [TableCell(0.123456).text(decimals) for decimals in (0, 1, 4)] == [
        "12",
        "12.3",
        "12.3456",
    ]


@pytest.mark.parametrize(
    ("scores", "mean", "coverage"),
    [
        ((0.1, 0.2, 0.6), 0.3, "3 of 3"),
        ((0.0, 0.0, 0.0), 0.0, "3 of 3"),
        ((0.1, None, 0.6), None, "2 of 3"),
        ((None, None, None), None, "0 of 3"),
    ],
)
def test_only_a_whole_row_has_an_average(
    scores: tuple[float | None, ...], mean: float | None, coverage: str
) -> None:
    made = table(row(*scores), names=("A", "B", "C"))
    assert made.average(made.rows[0]) == (None if mean is None else pytest.approx(mean))
    assert made.coverage(made.rows[0]) == coverage


def test_a_missing_task_shows_as_six_of_seven() -> None:
    names = tuple(f"STS1{digit}" for digit in range(7))
    text = table(row(0.5, 0.5, None, 0.5, 0.5, 0.5, 0.5), names=names).text(200)
    header, line = (part.split() for part in text.splitlines())
    assert header[-4:] == ["│", "mean", "of", "7"]
    assert line == ["50.00", "50.00", "–", *["50.00"] * 4, "│", "6", "of", "7"]


def test_the_average_is_of_the_scores_not_of_what_is_shown() -> None:
    shown = table(row(0.100049, 0.100049, 0.100049), names=("A", "B", "C")).text(200)
    assert shown.count("10.00") == 4
    assert as_json(table(row(0.100049, 0.100051)))[0]["mean"] == 10.005


def test_one_row_across() -> None:
    text = table(row(0.7909144, 0.8961583)).text(80)
    assert text.splitlines() == [
        "STS12  STS13  │  mean of 2",
        "79.09  89.62  │      84.35",
    ]


def test_several_rows_have_labels() -> None:
    text = table(
        row(0.7909144, 0.8961583, label="base"), row(1.0, None, label="ft", data="differs")
    ).text(80)
    assert text.splitlines() == [
        "        STS12  STS13  │  mean of 2",
        "base    79.09  89.62  │      84.35",
        "ft    100.00≠      –  │     1 of 2",
    ]


def test_one_task_has_no_average() -> None:
    assert table(row(0.5), names=("STS12",)).text(80) == "STS12\n50.00"


def test_a_table_that_is_too_wide_is_turned() -> None:
    made = table(row(0.7909144, 0.8961583), row(0.5, None, label="ft", data="equal"))
    across = made.text(80)
    assert made.text(widest(across)) == across
    assert made.text(widest(across) - 1).splitlines() == [
        "            base      ft",
        "STS12      79.09  50.00✓",
        "STS13      89.62       –",
        "mean of 2  84.35  1 of 2",
    ]


def test_one_row_that_is_too_wide_is_turned() -> None:
    assert table(row(0.5, 0.25)).text(10).splitlines() == [
        "            base",
        "STS12      50.00",
        "STS13      25.00",
        "mean of 2  37.50",
    ]


def test_a_turned_table_of_one_task_has_no_average_either() -> None:
    made = table(row(0.5), row(0.25, label="ft"), names=("STS12",))
    assert "mean" not in made.text(80)
    assert "mean" not in made.text(5)


def test_two_models_over_sts_fit_a_terminal() -> None:
    rows = [row(*[0.7909] * 7, label=label, data="equal") for label in ("base", "tuned")]
    text = Table(select(["STS"]), tuple(rows)).text(80)
    assert text.splitlines()[0].split()[:2] == ["STS12", "STS13"]  # across, as in CLI.md


def test_turning_does_not_make_a_table_wider() -> None:
    rows = [row(0.5, 0.5, label=f"checkpoint-{step}") for step in range(100, 2000, 100)]
    made = table(*rows)
    assert widest(made.text(40)) <= widest(made.text(10_000))


def test_a_header_is_the_short_name() -> None:
    suite = Suite(
        name="S",
        version="1",
        task=(task("STSBenchmark").model_copy(update={"short": "STS-B"}), task("SICK-R")),
    )
    header = Table(suite, (row(0.5, 0.5),)).text(80).splitlines()[0]
    assert header.split() == ["STS-B", "SICK-R", "│", "mean", "of", "2"]


@pytest.mark.parametrize("label", ["1e-5", "007", "0.10", "nan", "two  spaces"])
def test_labels_that_look_like_numbers_stay_as_they_are(label: str) -> None:
    text = table(row(0.5, 0.5, label=label), row(0.5, 0.5, label="b")).text(80)
    assert text.splitlines()[1].startswith(f"{label} ")


@pytest.mark.parametrize("verdict", MARKS)
@pytest.mark.parametrize("score", [0.5, 0.0, None])
def test_the_legend_explains_the_marks_that_are_shown(verdict: str, score: float | None) -> None:
    made = table(row(0.5, 0.5), TableRow("ft", (TableCell(0.5), TableCell(score, verdict)), "sig"))
    shown = made.text(80)
    explained = [line[0] for line in made.footer().splitlines() if line[0] in LEGEND]
    assert explained == [mark for mark in LEGEND if mark in shown]


def test_the_footer_explains_marks_and_then_signs_every_row() -> None:
    cells = (TableCell(0.5, "no reference"), TableCell(0.5, "equal"))
    rows = (TableRow("base", cells, "model:a"), row(0.5, None, label="ft", line="model:b"))
    assert table(*rows).footer().splitlines() == [
        f"✓ {LEGEND['✓']}",
        f"? {LEGEND['?']}",
        "base: model:a",
        "ft: model:b",
    ]


def test_a_single_row_is_signed_without_its_label() -> None:
    assert table(row(0.5, 0.5, line="model:a")).footer() == "model:a"


def test_json_has_scores_times_100_and_null_where_there_is_none() -> None:
    made = table(row(0.79091445, None, data="differs"), row(0.5, 0.25, label="ft"))
    assert as_json(made) == [
        {
            "label": "base",
            "scores": {"STS12": 79.0914, "STS13": None},
            "data": {"STS12": "differs"},
            "mean": None,
            "coverage": "1 of 2",
            "signature": "sig",
        },
        {
            "label": "ft",
            "scores": {"STS12": 50.0, "STS13": 25.0},
            "data": {"STS12": "hub", "STS13": "hub"},
            "mean": 37.5,
            "coverage": "2 of 2",
            "signature": "sig",
        },
    ]


def test_a_suite_that_averages_over_types_does_so() -> None:
    tasks = (task("STS12"), task("STS13"), task("ArguAna", "Retrieval"))
    suite = Suite(name="S", version="1", average="types", task=tasks)
    assert as_json(Table(suite, (row(0.8, 0.6, 0.3),)))[0]["mean"] == 50.0
