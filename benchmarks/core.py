"""What a benchmark is given and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[1]


class SkipBenchmark(Exception):
    """The benchmark cannot run here; the message says why."""


@dataclass(frozen=True)
class Context:
    """How a benchmark is run.

    Attributes:
        rounds: How often every case is timed.
        quick: Small inputs: whether it works, not how fast it is.
        shared: The folder with the reference data.
        scratch: A folder that is removed at the end.
        passages: How many passages `retrieval` searches; None is its own number.
    """

    rounds: int
    quick: bool
    shared: Path
    scratch: Path
    passages: int | None = None

    @property
    def data(self) -> Path:
        """The local mirror of the data sets.

        Raises:
            SkipBenchmark: It is not here.
        """
        folder = self.shared / "data"
        if not (folder / "mteb").is_dir():
            raise SkipBenchmark(f"no data in {self.shared.name}/data/mteb; --shared DIR names it")
        return folder


@dataclass(frozen=True)
class Target:
    """A bound, and what was measured."""

    what: str
    relation: Literal[">=", "<="]
    bound: float
    measured: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the measured value is within the bound."""
        if self.relation == ">=":
            return self.measured >= self.bound
        return self.measured <= self.bound


@dataclass(frozen=True)
class Outcome:
    """What came of a benchmark.

    Attributes:
        timings: Seconds of every round, by case.
        targets: What was to be reached.
        ratios: Derived figures: ratios, shares, rates.
        facts: What else a reader needs in order to judge the figures.
        notes: What was left out, and why.
    """

    timings: Mapping[str, list[float]]
    targets: list[Target]
    ratios: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def medians(self) -> dict[str, float]:
        """The median seconds of each case."""
        return {name: median(seconds) for name, seconds in self.timings.items()}


Benchmark = Callable[[Context], Outcome]
