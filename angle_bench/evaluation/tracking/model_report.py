"""What a tracker is told of one model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROJECT = "angle-bench"  # the project or experiment, where the environment names none


@dataclass(frozen=True)
class TrackedTable:
    """A table of plain values.

    Attributes:
        columns: Their names.
        rows: A value for each column; None where it is not known.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def by_column(self) -> dict[str, list[Any]]:
        """The values of each column."""
        return {name: [row[at] for row in self.rows] for at, name in enumerate(self.columns)}

    def to_markdown(self) -> str:
        """As a table in Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join(
            f"| {' | '.join('' if cell is None else str(cell) for cell in line)} |"
            for line in lines
        )


@dataclass(frozen=True)
class ModelReport:
    """What came of a model, or of a layer, size or precision of it, over the tasks of a run.

    Attributes:
        name: What tables call it.
        group: The suite, by which runs are told apart.
        scores: The main scores in points (×100), by task.
        mean: Their mean in points; None where a task has no score, or there is one task alone.
        config: How it came about, as plain values: identity, signature, command, versions.
        tables: By their names.
        failures: Why tasks have no score.
    """

    name: str
    group: str
    scores: Mapping[str, float]
    mean: float | None
    config: Mapping[str, Any]
    tables: Mapping[str, TrackedTable]
    failures: Mapping[str, str]

    @property
    def metrics(self) -> dict[str, float]:
        """Scores as trackers name them: `score/STS12`, and `score/mean` where there is one."""
        found = {f"score/{task}": score for task, score in self.scores.items()}
        return found if self.mean is None else found | {"score/mean": self.mean}
