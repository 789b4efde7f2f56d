"""The saved steps of trainings as a drawing: lines and marks in percent, told apart by shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from angle_bench.reporting.site.axes import Axis
from angle_bench.reporting.site.trajectories import Trajectory

SHAPES = "●▲■◆▼★○△□◇▽☆"


@dataclass(frozen=True)
class CurveMark:
    """A saved step.

    Attributes:
        x: In percent from the left.
        y: In percent from the top.
        said: Training, step and score in words.
        best: Whether it is the best step of its training.
    """

    x: float
    y: float
    said: str
    best: bool


@dataclass(frozen=True)
class DrawnCurve:
    """One training: its shape and its marks in the order of the steps."""

    training: str
    shape: str
    marks: tuple[CurveMark, ...]

    @property
    def lines(self) -> list[tuple[CurveMark, CurveMark]]:
        """From each mark to the next."""
        return list(pairwise(self.marks))


@dataclass(frozen=True)
class DrawnCurves:
    """All trainings of a board, with ticks as percent and text, and the line across."""

    what: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    curves: tuple[DrawnCurve, ...]
    limit: float | None = None


def drawn_curves(
    shown: Sequence[Trajectory], decimals: int, limit: float | None = None
) -> DrawnCurves | None:
    """The drawing; None where no step has a score.

    Args:
        shown: The trainings.
        decimals: Of the scores that marks say.
        limit: The score of a model beside them, in points, drawn as a line across.
    """
    scored = [[point for point in each.curve.points if point.score is not None] for each in shown]
    scores = [100 * (point.score or 0.0) for points in scored for point in points]
    if not scores:
        return None
    across = Axis.over([0.0, *(float(point.step) for points in scored for point in points)])
    up = Axis.over(scores if limit is None else [*scores, limit], upwards=True)
    curves = []
    for at, (each, points) in enumerate(zip(shown, scored, strict=True)):
        marks = [
            CurveMark(
                across.at(point.step),
                up.at(100 * (point.score or 0.0)),
                _said(each.curve.label, point.step, point.score or 0.0, decimals, best=best),
                best,
            )
            for point in points
            for best in (point is each.curve.best,)
        ]
        curves.append(DrawnCurve(each.curve.label, SHAPES[at % len(SHAPES)], tuple(marks)))
    return DrawnCurves(
        shown[0].curve.what,
        tuple((across.at(tick), f"{tick:,.0f}") for tick in across.ticks if tick == int(tick)),
        tuple((up.at(tick), f"{tick:g}") for tick in up.ticks),
        tuple(curves),
        None if limit is None else up.at(limit),
    )


def _said(training: str, step: int, score: float, decimals: int, *, best: bool) -> str:
    return f"{training}, step {step}: {100 * score:.{decimals}f}{', the best' if best else ''}"
