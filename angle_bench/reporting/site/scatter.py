"""Scores against what models cost: points, and those that nothing smaller or faster beats."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from angle_bench.reporting.site.axes import Axis
from angle_bench.reporting.site.facts import ModelFacts
from angle_bench.reporting.tables.leaderboard import Board


@dataclass(frozen=True)
class Cost:
    """What a score is drawn against.

    Attributes:
        key: In addresses and tables.
        header: What the axis is called.
        of: Its value for a model, None where it is unknown.
        more_is_better: Whether a larger value is the better one.
    """

    key: str
    header: str
    of: Callable[[ModelFacts], float | None]
    more_is_better: bool = False


COSTS = (
    Cost("parameters", "parameters", lambda facts: facts.parameters),
    Cost("dimensions", "dimensions", lambda facts: facts.dimensions),
    Cost("speed", "texts per second", lambda facts: facts.speed, more_is_better=True),
)


@dataclass(frozen=True)
class ScatterPoint:
    """A model in the plot, its place in percent.

    Attributes:
        row: Its number on the leaderboard, from 0.
        cost: What it costs, in words.
        score: As the table shows it.
        front: Whether no other model scores as much or more for less.
    """

    row: int
    label: str
    x: float
    y: float
    cost: str
    score: str
    front: bool


@dataclass(frozen=True)
class ScatterPlot:
    """One plot.

    Attributes:
        what: The score.
        ticks: Of the horizontal axis: percent and text.
        levels: Of the vertical one.
        points: The dearest last.
        missing: How many models of the board are not in it.
    """

    key: str
    header: str
    what: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    points: tuple[ScatterPoint, ...]
    missing: int

    @property
    def front(self) -> list[ScatterPoint]:
        """The Pareto front."""
        return [point for point in self.points if point.front]


def scatter_plots(board: Board, facts: Mapping[str, ModelFacts]) -> list[ScatterPlot]:
    """A plot for each cost that is known of two models or more, and differs between them."""
    plots = []
    for cost in COSTS:
        known = _known(board, facts, cost)
        if len({value for _, value, _ in known}) > 1:
            plots.append(_plot(board, cost, known))
    return plots


def _known(
    board: Board, facts: Mapping[str, ModelFacts], cost: Cost
) -> list[tuple[int, float, float]]:
    """Row, cost and score in points of what has both; partial means have no place beside whole."""
    found = []
    for at, row in enumerate(board.rows):
        value, known = board.value(row, board.headline), cost.of(facts[row.label])
        if known and value.score is not None and not value.partial:
            found.append((at, float(known), 100 * value.score))
    return sorted(found, key=lambda each: (each[1], each[2]))


def _plot(board: Board, cost: Cost, known: Sequence[tuple[int, float, float]]) -> ScatterPlot:
    across = Axis.logarithmic_over([value for _, value, _ in known])
    up = Axis.over([score for *_, score in known], upwards=True)
    best = front([(value if cost.more_is_better else -value, score) for _, value, score in known])
    points = tuple(
        ScatterPoint(
            row,
            board.rows[row].label,
            across.at(value),
            up.at(score),
            short_number(value),
            f"{score:.{board.decimals}f}",
            at in best,
        )
        for at, (row, value, score) in enumerate(known)
    )
    return ScatterPlot(
        cost.key,
        cost.header,
        board.headline.header,
        tuple((across.at(tick), short_number(tick)) for tick in across.ticks),
        tuple((up.at(tick), f"{tick:g}") for tick in up.ticks),
        points,
        len(board.rows) - len(points),
    )


def front(points: Sequence[tuple[float, float]]) -> set[int]:
    """The places of the points that no other one equals or exceeds in both values.

    >>> sorted(front([(1, 5), (2, 4), (1, 4), (3, 3)]))
    [0, 1, 3]
    """
    return {
        at
        for at, (cost, score) in enumerate(points)
        if not any(
            other[0] >= cost and other[1] >= score and other != (cost, score) for other in points
        )
    }


def short_number(value: float) -> str:
    """Three digits with M or B for millions and billions.

    >>> short_number(22713216), short_number(7.1e9), short_number(384), short_number(154.28)
    ('22.7M', '7.1B', '384', '154')
    """
    for size, unit in ((1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
