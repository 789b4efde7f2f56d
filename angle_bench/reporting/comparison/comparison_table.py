"""Candidates beside a base as values: how they are compared, their rows, the table of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from angle_bench.reporting.comparison.pairing import Pairing, Side
from angle_bench.reporting.comparison.seen import Seen
from angle_bench.reporting.comparison.verdict import DifferenceVerdict
from angle_bench.reporting.statistics.difference import Difference
from angle_bench.reporting.tables.copies import copies
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.task import Suite

Method = Literal["sentences", "pairs"]
MARGIN = 0.0030


@dataclass(frozen=True)
class How:
    """How a comparison is made.

    Attributes:
        margin: Within which a difference counts as none, as a fraction.
        method: Whether items that share sentences move together, or pairs are independent.
        seen: Whether the verdict is on the items that training did not see.
        allow_different: Whether models may be used differently beside their weights.
    """

    margin: float = MARGIN
    method: Method = "sentences"
    seen: bool = False
    allow_different: bool = False


@dataclass(frozen=True)
class ComparedRow:
    """One candidate's verdicts.

    Attributes:
        pairing: What was compared.
        verdict: On the mean, adjusted over candidates; None without per-item predictions.
        full: The difference on all items, seen ones included.
        by_task: On each task, by its column header, adjusted over tasks.
        by_subset: On each split and subset of each task, adjusted over all of them.
        seen: The items that training saw, and the others; None where it is not recorded.
        headline_unseen: Whether the verdict is on unseen items.
    """

    pairing: Pairing
    verdict: DifferenceVerdict | None = None
    full: Difference | None = None
    by_task: Mapping[str, DifferenceVerdict] = field(default_factory=dict)
    by_subset: Mapping[str, DifferenceVerdict] = field(default_factory=dict)
    seen: Seen | None = None
    headline_unseen: bool = False

    @property
    def label(self) -> str:
        """The candidate."""
        return self.pairing.side.label

    @property
    def judged_tasks(self) -> int:
        """Over how many tasks the verdict is: with unseen items alone, those that have some."""
        if self.headline_unseen and self.seen is not None:
            return self.seen.unseen_tasks
        return len(self.pairing.tasks)

    @property
    def judged_items(self) -> int:
        """Over how many items the verdict is."""
        if self.headline_unseen and self.seen is not None:
            return self.seen.unseen_items
        return 0 if self.pairing.items is None else len(self.pairing.items.shared.nodes)

    def count(self, word: str) -> int:
        """How many tasks have this verdict."""
        return sum(verdict.word == word for verdict in self.by_task.values())


@dataclass(frozen=True)
class ComparisonTable:
    """Candidates beside a base on one suite, the largest difference first.

    Attributes:
        warnings: Files that were left out, a line each; and checkpoints under several labels.
    """

    base: Side
    suite: Suite
    how: How
    rows: tuple[ComparedRow, ...]
    warnings: tuple[str, ...] = ()

    @property
    def checkpoints(self) -> int:
        """Over how many the verdicts are adjusted: those with one, without copies."""
        judged = [row.pairing.side for row in self.rows if row.verdict is not None]
        return len(judged) - len(copies_among(self.base, judged))

    @property
    def worse(self) -> list[ComparedRow]:
        """The candidates that are significantly worse."""
        return [row for row in self.rows if row.verdict and row.verdict.word == "worse"]

    @property
    def unjudged(self) -> list[ComparedRow]:
        """The candidates without a verdict, or with too little for one."""
        return [
            row
            for row in self.rows
            if row.verdict is None or (row.verdict.refusal and not row.pairing.same)
        ]

    @property
    def scored_nowhere(self) -> bool:
        """Whether no candidate has a task in common with the base."""
        return all(not row.pairing.tasks and row.pairing.over_tasks is None for row in self.rows)

    @property
    def missing(self) -> dict[str, list[str]]:
        """Tasks without scores, by model."""
        return {
            name: list(tasks) for row in self.rows for name, tasks in row.pairing.missing.items()
        }

    def model(self, name: str) -> StoredModel:
        """The model that `missing` calls so."""
        sides = [self.base, *(row.pairing.side for row in self.rows)]
        named = {name: model for side in sides for name, model in side.named().items()}
        return named[name]


def copies_among(base: Side, candidates: Sequence[Side]) -> dict[str, str]:
    """Of labels whose checkpoint an earlier one has, or the base, that label."""
    return copies({side.label: side.models for side in (base, *candidates)})
