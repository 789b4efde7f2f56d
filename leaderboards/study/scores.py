"""The stored scores of the study on one suite, item by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from angle_bench.errors import ResultsError
from angle_bench.reporting.comparison.common_items import (
    CommonItems,
    Mask,
    TextNumbers,
    common_items,
)
from angle_bench.reporting.comparison.compare import read_sides, verdicts
from angle_bench.reporting.comparison.comparison_table import MARGIN
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.comparison.ranking import better
from angle_bench.reporting.comparison.seen import seen_masks
from angle_bench.reporting.comparison.verdict import DifferenceVerdict
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.ranks import rank_intervals
from angle_bench.results.find.stored_models import StoredModel, stored_models
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite
from leaderboards.study import plan

Masks = Sequence[Mask]


@dataclass(frozen=True)
class Scores:
    """Base and recipes on the same items.

    Attributes:
        suite: The tasks.
        sides: The base and every recipe with scores, by name.
        items: What all were scored on.
        evidence: By side, for each of its models, each task.
        numbers: Of the texts.
    """

    suite: Suite
    sides: Mapping[str, Side]
    items: CommonItems
    evidence: Mapping[str, Sequence[Sequence[Evidence]]]
    numbers: TextNumbers

    def seen(self, name: str) -> list[Mask]:
        """Which items of each task a recipe was trained on or chosen by."""
        return seen_masks(self.items, self.sides[name].training, self.numbers.hashes)

    @cached_property
    def unseen(self) -> list[Mask]:
        """The items of each task that no recipe has seen."""
        each = [self.seen(name) for name in self.sides]
        return [~np.logical_or.reduce(masks) for masks in zip(*each, strict=True)]

    @cached_property
    def every(self) -> list[Mask]:
        """All items of each task."""
        return [np.ones(len(items.nodes), dtype=bool) for items in self.items.tasks]

    def means(self, name: str, masks: Masks) -> list[Scored]:
        """The mean over tasks of each of a side's models, over some of the items."""
        return [
            self.items.mean(self.items.scored_on(model, masks)) for model in self.evidence[name]
        ]

    def verdicts(self, pairs: Sequence[tuple[str, str]], masks: Masks) -> list[DifferenceVerdict]:
        """The second of each two beside the first, by Holm over all of them."""
        found = [
            difference(
                self.means(one, masks),
                self.means(other, masks),
                self.items.shared,
                fixed=self.sides[one].fixed or self.sides[other].fixed,
            )
            for one, other in pairs
        ]
        return verdicts(found, MARGIN)

    def ranks(self, masks: Masks) -> dict[str, tuple[int, int]]:
        """The best and the worst rank of each side, every two compared."""
        means = [self.means(name, masks) for name in self.sides]
        fixed = [side.fixed for side in self.sides.values()]
        found = rank_intervals(better(means, self.items.shared, fixed))
        return dict(zip(self.sides, found, strict=True))


def read_scores(tasks: Sequence[str], stored: Mapping[str, StoredModel]) -> Scores:
    """The scores of the base and of every recipe's seeds.

    Args:
        tasks: Names of tasks, which all of them were scored on.
        stored: By name, models under their own settings.

    Raises:
        ResultsError: The base has no scores, or a model lacks one of the tasks.
    """
    suite = select([",".join(tasks)])
    sides = _sides(suite, stored)
    warnings: list[str] = []
    read = read_sides(list(sides.values()), suite, warnings)
    if warnings:
        raise ResultsError("\n".join(warnings), "the files mended, or the study run again")
    by_model = {
        label: [read[label].usable[task.name] for task in suite.task]
        for side in sides.values()
        for label in side.named()
    }
    numbers = TextNumbers()
    items = common_items(suite.task, suite.average, by_model, numbers)
    evidence = {name: [by_model[each] for each in side.named()] for name, side in sides.items()}
    return Scores(suite, sides, items, evidence, numbers)


def own_settings() -> dict[str, StoredModel]:
    """The models of results/study that were used as they are, by name."""
    return {
        model.name: model
        for model in stored_models(plan.ROOT / plan.RESULTS)
        if model.settings_id is None
    }


def _sides(suite: Suite, stored: Mapping[str, StoredModel]) -> dict[str, Side]:
    base = next((model for name, model in stored.items() if name.endswith(f"/{plan.BASE}")), None)
    if base is None:
        raise ResultsError(
            f"{plan.RESULTS} has no scores of {plan.BASE}.", "python -m leaderboards.study MIRROR"
        )
    odd: list[str] = []
    sides = {plan.BASE: Side.of(plan.BASE, [base], odd)}
    for recipe in plan.RECIPES:
        found = [stored[name] for seed in plan.SEEDS if (name := recipe.model(seed)) in stored]
        whole = [model for model in found if _has_all(model, suite)]
        if whole:
            sides[recipe.name] = Side.of(recipe.name, whole, odd)
    if odd:
        raise ResultsError(odd[0], f"git checkout {plan.RESULTS}")
    return sides


def _has_all(model: StoredModel, suite: Suite) -> bool:
    answers = model.answers(suite.task, [])
    return all(task.name in answers for task in suite.task)
