"""Leaderboards made by hand, for tests of what is done with them."""

from angle_bench.reporting.tables.arrange import LeaderboardOptions, arrange
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.tables.table import ScoreSource, TableCell, TableRow
from angle_bench.suites.task import Suite, Task


def task(name: str, kind: str = "STS", parts: tuple[str, ...] = ()) -> Task:
    return Task(
        name=name,
        type=kind,
        dataset="o/d",
        revision="r",
        splits=("test",),
        metric="m",
        parts=parts,
    )


def suite(*names: str, average: str = "tasks") -> Suite:
    """Tasks by name; `Retrieval:ArguAna` is of another type than STS."""
    pairs = [name.rpartition(":") for name in names]
    tasks = [task(name, kind or "STS") for kind, _, name in pairs]
    return Suite.model_validate(
        {"name": "S", "version": "1", "average": average, "task": [t.model_dump() for t in tasks]}
    )


def row(
    label: str, *scores: float | None, kind: str = "public", signature: str = "", **more: str
) -> TableRow:
    source = ScoreSource(kind, f"org/{label}", **more)  # type: ignore[arg-type]
    line = signature or f"model:org/{label}|rev:r|suite:S/1|data:hub"
    return TableRow(label, tuple(TableCell(score) for score in scores), line, source)


def board(*rows: TableRow, of: Suite | None = None, **wishes: object) -> Board:
    names = "ABCDEFG"[: len(rows[0].cells)]
    return arrange(of or suite(*names), rows, LeaderboardOptions(**wishes))  # type: ignore[arg-type]
