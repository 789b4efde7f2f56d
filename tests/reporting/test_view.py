"""What is shown: places, marks, notes."""

import re
from dataclasses import replace

import pytest

from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.stored_rows import runs_row
from angle_bench.reporting.tables.table import Origin, ScoreSource, TableCell, TableRow
from angle_bench.reporting.tables.table_layout import TableLayout
from angle_bench.reporting.tables.table_notes import notes
from angle_bench.reporting.tables.view import View, view
from tests.reporting.boards import board, row, suite


def shown(made: Board) -> View:
    return view(made, made.columns)


def places(made: Board, header: str) -> list[str]:
    at = shown(made).headers.index(header)
    return [line[at].place for line in shown(made).lines]


def texts(made: Board) -> list[list[str]]:
    return [[cell.plain for cell in line] for line in shown(made).lines]


@pytest.mark.parametrize(
    ("scores", "decimals", "expected"),
    [
        ((0.9, 0.8, 0.7), 2, ["best", "second", ""]),
        ((0.9, 0.9, 0.8, 0.8, 0.1), 2, ["best", "best", "second", "second", ""]),
        ((0.90004, 0.90001, 0.8), 2, ["best", "best", "second"]),  # tied as they are shown
        ((0.90004, 0.90001, 0.8), 4, ["best", "second", ""]),
        ((0.9, 0.9), 2, ["best", "best"]),
        ((0.9,), 2, [""]),  # nothing to be better than
        ((0.9, None), 2, ["", ""]),
        ((-0.1, -0.2), 2, ["best", "second"]),
    ],
)
def test_best_and_second_are_all_that_tie(
    scores: tuple[float | None, ...], decimals: int, expected: list[str]
) -> None:
    made = board(*(row(f"m{at}", score) for at, score in enumerate(scores)), decimals=decimals)
    assert places(made, "A") == expected


def test_partial_averages_and_ranks_are_never_best() -> None:
    made = board(row("a", 0.1, 0.1), row("b", 0.9, None), row("c", 0.2, 0.2), partial=True)
    assert texts(made) == [
        ["c", "20.00", "20.00", "20.00", "1"],
        ["a", "10.00", "10.00", "10.00", "2"],
        ["b", "90.00", "–", "90.00 (1 of 2)", "–"],
    ]
    assert places(made, "mean of 2") == ["best", "second", ""]
    assert places(made, "Borda") == ["", "", ""]


def test_a_missing_average_says_how_many_there_are() -> None:
    made = board(row("a", 0.1, None, 0.2), row("b", None, None, 0.5), of=suite("R:A", "B", "C"))
    assert texts(made) == [
        ["a", "2 of 3", "2 of 3", "10.00", "1 of 2", "–"],
        ["b", "1 of 3", "1 of 3", "–", "1 of 2", "–"],
    ]


def test_differences_have_signs_but_no_negative_nothing() -> None:
    rows = [row("a", 0.5), row("b", 0.499999), row("c", 0.6), row("d", 0.1)]
    made = board(*rows, base="a", sort="model")
    assert [line[1] for line in texts(made)] == [
        "50.00",
        "50.00 (0.00)",
        "60.00 (+10.00)",
        "10.00 (-40.00)",
    ]
    assert "in parentheses: difference to a" in notes(made)


def test_runs_show_their_deviation_and_are_named() -> None:
    made = board(runs_row("ft", [row("ft-1", 0.1), row("ft-2", 0.2)]), row("x", 0.5))
    assert texts(made)[1][:2] == ["ft (2 runs)", "15.00 ± 7.07"]
    assert "ft (2 runs): mean ± standard deviation over ft-1, ft-2" in notes(made)


def test_runs_of_several_rows_are_one_note() -> None:
    seeds = [[row(f"{name}-seed{number}", 0.1) for number in (1, 2, 3)] for name in ("a", "b")]
    others = [row("first", 0.2), row("second", 0.3)]
    made = board(*(runs_row(name, runs) for name, runs in zip("ab", seeds, strict=True)))
    assert "mean ± standard deviation over runs: a-seed1, 2, 3; b-seed1, 2, 3" in notes(made)
    made = board(*made.rows, runs_row("c", others))
    (line,) = (note for note in notes(made) if note.startswith("mean ±"))
    assert "; a-seed1, 2, 3; b-seed1, 2, 3" in line
    assert "first, second" in line


def origin(revision: str, main: bool, other_data: bool = False) -> Origin:
    return Origin("f", revision, main, "d", other_data, None)


def test_cells_of_other_revisions_are_marked_and_counted() -> None:
    cells = (
        TableCell(0.5, "hub", origin("abc", True)),
        TableCell(0.6, "hub", origin("external", False, True)),
        TableCell(0.7, "differs", origin("external", False, True)),
    )
    made = board(TableRow("m", cells, "model:m", ScoreSource("public", "o/m", "abc")))
    assert texts(made)[0][1:4] == ["50.00", "60.00°", "70.00≠°"]
    assert notes(made) == [
        "≠ local data, whose samples or characters differ from mteb's own",
        "° 2 of 3 scores of m stand on the model card, without a revision",
        "2 scores by mteb are over another commit of their data than S/1 names: B, C",
    ]


def test_rows_made_in_another_way_are_marked_and_explained() -> None:
    rows = [
        row(name, 0.5, kind="own", signature=f"model:org/{name}|dtype:{dtype}")
        for name, dtype in (("a", "float32"), ("b", "float16"), ("c", "float32"))
    ]
    made = board(*rows, sort="model")
    assert [line[0] for line in texts(made)] == ["a", "b‡", "c"]
    assert notes(made) == ["‡ b: dtype float16, not float32"]


def test_published_rows_name_their_source() -> None:
    made = board(row("a", 0.5), row("b †", 0.6, kind="published", said="their paper"))
    assert notes(made) == ["† published, their paper: b"]
    assert [line[0] for line in texts(made)] == ["b †", "a"]


def test_without_marks_published_rows_say_so_in_words() -> None:
    cells = (TableCell(0.7, "differs", origin("external", False, True)),)
    rows = [
        TableRow("m", cells, "model:m", ScoreSource("public", "o/m", "abc")),
        row("b †", 0.6, kind="published", said="their paper"),
    ]
    made = board(*rows, layout=TableLayout(marks=False))
    assert texts(made) == [["m", "70.00"], ["b (published)", "60.00"]]
    assert not any(sign in line for line in notes(made) for sign in "≠°†")


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("external", ["the scores of a stand on the model card, without a revision"]),
        ("no_revision_available", ["the scores of a were stored without a revision"]),
        ("0123456789abcdef", []),
    ],
)
def test_no_revision_is_said_in_words(revision: str, said: list[str]) -> None:
    assert notes(board(row("a", 0.5, revision=revision))) == said


def test_columns_by_type_end_with_the_mean_of_each() -> None:
    made = board(row("a", 0.1, 0.2, 0.6), of=suite("R:A", "B", "R:C"), layout=TableLayout("tasks"))
    assert shown(made).headers == (
        *("model", "A", "C", "R", "B", "STS"),
        *("mean of 3", "mean of 2 types"),
    )
    assert [cell.text for cell in shown(made).lines[0]][1:] == [
        *("10.00", "60.00", "35.00", "20.00", "20.00"),
        *("30.00", "27.50"),
    ]


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ({"a": (1, 1), "b": (2, 2)}, []),
        ({"a": (1, 2), "b": (1, 2)}, ["no model is", "no model is"]),
        ({"a": (1, 1), "b": (2, 3), "c": (2, 3)}, ["1 model is", "no model is"]),
        # a is better than c alone: the ranks of b and c overlap although they may not
        ({"a": (1, 2), "b": (1, 3), "c": (2, 3)}, ["no model is", "no model is"]),
    ],
)
def test_overlapping_ranks_are_explained(
    intervals: dict[str, tuple[int, int]], said: list[str]
) -> None:
    made = board(*(row(label, 0.5) for label in intervals))
    lines = [line for line in notes(replace(made, intervals=intervals)) if "overlap" in line]
    assert [re.findall(r"(?:no model|\d models?) (?:is|are)", line) for line in lines] == (
        [said] if said else []
    )


def test_a_turned_view_keeps_the_places_of_the_models() -> None:
    turned = shown(board(row("a", 0.5, 0.25), row("b", 0.25, 0.5))).turned()
    assert turned.headers == ("model", "a", "b")
    assert [[cell.text for cell in line] for line in turned.lines] == [
        ["A", "50.00", "25.00"],
        ["B", "25.00", "50.00"],
        ["mean of 2", "37.50", "37.50"],
        ["Borda", "1", "1"],
    ]
    assert [line[1].place for line in turned.lines] == ["best", "second", "best", ""]
