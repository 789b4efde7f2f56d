"""A leaderboard: values, order, differences, runs."""

import pytest

from angle_bench.errors import UsageError
from angle_bench.reporting.tables.leaderboard import Board, BoardValue, Column
from angle_bench.reporting.tables.stored_rows import runs_row
from angle_bench.reporting.tables.table import TableRow
from tests.reporting.boards import board, row, suite

TYPES = suite("Retrieval:A", "B", "C")


def headers(made: Board) -> list[str]:
    return [column.header for column in made.columns]


def order(made: Board) -> list[str]:
    return [each.label for each in made.rows]


def value(made: Board, label: str, key: str) -> BoardValue:
    (found,) = (each for each in made.rows if each.label == label)
    return made.value(found, column(made, key))


def column(made: Board, key: str) -> Column:
    (found,) = (each for each in made.every if each.key == key)
    return found


def test_one_type_shows_its_tasks_and_several_show_averages() -> None:
    one = board(row("x", 0.1, 0.2), row("y", 0.1, 0.2))
    assert headers(one) == ["A", "B", "mean of 2", "Borda"]
    several = board(row("x", 0.1, 0.2, 0.3), of=TYPES)
    assert headers(several) == ["mean of 3", "mean of 2 types", "Retr.", "STS"]
    assert [each.key for each in several.every[-3:]] == ["A", "B", "C"]
    assert headers(board(row("x", 0.1))) == ["A"]


def test_both_means_are_shown_and_named() -> None:
    made = board(row("x", 0.9, 0.3, 0.3), of=TYPES)
    assert value(made, "x", "mean").score == pytest.approx(0.5)
    assert value(made, "x", "types").score == pytest.approx(0.6)
    assert value(made, "x", "type:STS").score == pytest.approx(0.3)


def test_a_missing_task_leaves_no_average_but_a_share() -> None:
    made = board(row("x", 0.9, None, 0.3), of=TYPES)
    assert value(made, "x", "mean") == BoardValue(None, "2 of 3")
    assert value(made, "x", "type:STS") == BoardValue(None, "1 of 2")
    assert value(made, "x", "type:Retrieval").score == 0.9
    assert made.coverage(made.rows[0]) == "2 of 3"


def test_partial_averages_say_so() -> None:
    made = board(row("x", 0.9, None, 0.3), row("y", 0.1, 0.1, 0.1), of=TYPES, partial=True)
    assert value(made, "x", "mean") == BoardValue(pytest.approx(0.6), "2 of 3", partial=True)
    assert not value(made, "y", "mean").partial
    assert order(made) == ["y", "x"]  # a partial average is no reason to be first


def test_the_suites_average_sorts_and_missing_ones_are_last() -> None:
    rows = [
        row("half", 0.9, None),
        row("low", 0.1, 0.1),
        row("none", None, None),
        row("high", 0.5, 0.9),
    ]
    assert order(board(*rows)) == ["high", "low", "half", "none"]
    types = suite("Retrieval:A", "B", "C", average="types")
    tied = [row("tasks", 0.1, 0.9, 0.9), row("types", 0.9, 0.3, 0.5)]
    assert order(board(*tied, of=types)) == ["types", "tasks"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("A", ["b", "c", "a"]),
        ("a", ["b", "c", "a"]),
        ("Retr.", ["b", "c", "a"]),
        ("retrieval", ["b", "c", "a"]),
        ("mean of 3", ["c", "b", "a"]),
        ("Mean  of 2 Types", ["c", "b", "a"]),
        ("borda", ["c", "a", "b"]),
        ("model", ["a", "b", "c"]),
        ("coverage", ["a", "b", "c"]),
    ],
)
def test_any_column_sorts(sort: str, expected: list[str]) -> None:
    rows = [row("a", 0.1, 0.2, 0.3), row("b", 0.9, 0.1, 0.1), row("c", 0.8, 0.3, 0.2)]
    if sort == "borda":
        rows[0] = row("a", 0.1, 0.4, 0.15)
    assert order(board(*rows, of=TYPES, sort=sort)) == expected


def test_a_column_that_is_not_there_is_answered() -> None:
    with pytest.raises(UsageError, match=r"Did you mean STS12"):
        board(row("a", 0.1, 0.2), of=suite("STS12", "X"), sort="STS-12")


def test_differences_are_to_the_base() -> None:
    made = board(row("a", 0.5, 0.5), row("b", 0.25, None), base="A", partial=True)
    a, b = made.rows
    assert made.base == a
    assert made.difference(b, column(made, "A")) == -0.25
    assert made.difference(b, column(made, "B")) is None
    assert made.difference(b, column(made, "mean")) is None  # over other tasks
    assert made.difference(a, column(made, "A")) is None
    assert made.difference(b, column(made, "borda")) is None


def test_a_base_goes_by_label_or_name() -> None:
    rows = [row("a", 0.5), row("bb", 0.25)]
    assert board(*rows, base="org/bb").base.label == "bb"  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=r"Did you mean bb"):
        board(*rows, base="bbb")


def test_a_whole_label_is_no_other_row_of_the_same_model() -> None:
    whole = row("a", 0.5)
    cut = TableRow("a layer 4", whole.cells, "model:org/a|rev:r|layer:4", whole.source)
    made = board(cut, whole, base="a")
    assert made.base is not None
    assert made.base.label == "a"


def test_a_base_that_may_be_two_rows_is_refused() -> None:
    twice = [row("a", 0.5, signature=f"model:org/a|rev:{rev}") for rev in "12"]
    with pytest.raises(UsageError, match=r"a \(rev 1\) or a \(rev 2\)"):
        board(*twice, base="a")


def test_published_rows_are_not_ranked() -> None:
    made = board(row("a", 0.5), row("p", 0.9, kind="published"), row("b", 0.4))
    assert made.ranks == {"a": 1, "b": 2}


def test_runs_of_one_recipe_are_a_mean_and_a_deviation() -> None:
    runs = [row(f"ft-{at}", score, 0.5) for at, score in enumerate((0.1, 0.2, 0.6))]
    made = board(runs_row("ft", runs), row("base", 0.2, 0.2))
    label = "ft (3 runs)"
    assert order(made) == [label, "base"]
    first = value(made, label, "A")
    assert (first.score, first.spread) == (pytest.approx(0.3), pytest.approx(0.2645751))
    mean = value(made, label, "mean")
    assert (mean.score, mean.spread) == (pytest.approx(0.4), pytest.approx(0.1322876))
    assert value(made, label, "B").spread == 0.0


def test_a_task_that_a_run_lacks_has_no_mean() -> None:
    made = board(runs_row("ft", [row("a", 0.1, 0.5), row("b", 0.2, None)]), row("x", 0.1, 0.1))
    assert value(made, "ft (2 runs)", "A").score == pytest.approx(0.15)
    assert value(made, "ft (2 runs)", "B").score is None
    assert value(made, "ft (2 runs)", "mean").score is None


def test_warnings_stand_once() -> None:
    from angle_bench.reporting.tables.arrange import LeaderboardOptions, arrange

    made = arrange(suite("A"), [row("a", 0.1)], LeaderboardOptions(), ["x", "y", "x"])
    assert made.warnings == ("x", "y")
