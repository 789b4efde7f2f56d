"""The trajectory of a training: the score of each saved step, in print."""

from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.reporting.tables.table import ABSENT, plain

WIDTH = 30  # columns that the points are spread over


@dataclass(frozen=True)
class Point:
    """A saved step with its score, a fraction, and the loss by then; None where there is none."""

    step: int
    score: float | None
    loss: float | None = None


@dataclass(frozen=True)
class Curve:
    """The saved steps of one training, ascending.

    Attributes:
        label: The training.
        what: What the score is of, such as `mean of 7`.
    """

    label: str
    what: str
    points: Sequence[Point]

    @property
    def best(self) -> Point | None:
        """The step with the highest score, the earliest of equal ones; None without any score."""
        scored = [point for point in self.points if point.score is not None]
        return max(scored, key=lambda point: point.score or 0.0, default=None)

    def text(self) -> str:
        """A line for each step: score, loss where one was logged, and a point from low to high.

        Points are spread between the lowest and the highest score, so their distances say nothing
        of how large differences are.
        """
        headers = ["step", self.what]
        lines = [[str(point.step), _percent(point.score)] for point in self.points]
        if any(point.loss is not None for point in self.points):
            headers.append("loss")
            for line, point in zip(lines, self.points, strict=True):
                line.append(ABSENT if point.loss is None else f"{point.loss:.4g}")
        table = plain(headers, lines, labelled=False).splitlines()
        width = max(map(len, table))
        drawn = [
            f"{line.ljust(width)}  {mark}".rstrip()
            for line, mark in zip(table, ["", *map(self._mark, self.points)], strict=True)
        ]
        return "\n".join([self.label, *drawn])

    def _mark(self, point: Point) -> str:
        if point.score is None:
            return ""
        scores = [each.score for each in self.points if each.score is not None]
        low, high = min(scores), max(scores)
        at = round((WIDTH - 1) * (point.score - low) / (high - low)) if high > low else 0
        best = " best" if point is self.best else ""
        return f"{'·' * at}●{best}"


def _percent(score: float | None) -> str:
    return ABSENT if score is None else f"{100 * score:.2f}"
