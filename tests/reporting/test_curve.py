"""The trajectory of a training in print."""

from angle_bench.reporting.tables.curve import Curve, Point


def test_a_line_for_each_step_and_the_best_one_marked() -> None:
    points = [Point(50, 0.5, 2.34567), Point(100, 0.7, None), Point(1000, 0.6, float("nan"))]
    assert Curve("run1", "STS12", points).text().splitlines() == [
        "run1",
        "step  STS12   loss",
        "  50  50.00  2.346  ●",
        " 100  70.00      –  ·····························● best",
        "1000  60.00    nan  ··············●",
    ]


def test_without_losses_there_is_no_column_of_them() -> None:
    lines = Curve("r", "mean of 7", [Point(1, 0.5), Point(2, None)]).text().splitlines()
    assert lines == ["r", "step  mean of 7", "   1      50.00  ● best", "   2          –"]


def test_of_equal_scores_the_earliest_is_the_best() -> None:
    curve = Curve("r", "x", [Point(1, None), Point(2, -0.1), Point(3, -0.1)])
    assert curve.best == Point(2, -0.1)
    assert Curve("r", "x", [Point(1, None)]).best is None
