"""Compare stored models on the same items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from angle_bench.errors import UsageError
from angle_bench.reporting.comparison.common_items import CommonItems, TaskItems, TextNumbers
from angle_bench.reporting.comparison.comparison_table import (
    ComparedRow,
    ComparisonTable,
    How,
    copies_among,
)
from angle_bench.reporting.comparison.evidence import Evidence, model_evidence
from angle_bench.reporting.comparison.pairing import Pairing, Read, Side, pair
from angle_bench.reporting.comparison.seen import Seen, seen_masks, tell_apart
from angle_bench.reporting.comparison.verdict import DifferenceVerdict
from angle_bench.reporting.statistics.bootstrap import item_bootstrap
from angle_bench.reporting.statistics.difference import Difference, difference
from angle_bench.reporting.statistics.inference import holm
from angle_bench.reporting.statistics.measures import Vector
from angle_bench.reporting.tables.copies import copy_lines
from angle_bench.suites.task import Suite


def read_sides(sides: Sequence[Side], suite: Suite, warnings: list[str]) -> Read:
    """What the files of all models of these sides say, each read once.

    Args:
        sides: Under labels of their own.
        suite: The tasks.
        warnings: Takes a line for each file that is left out.
    """
    return {
        name: model_evidence(model, suite, warnings)
        for side in sides
        for name, model in side.named().items()
    }


def compare(
    base: Side,
    candidates: Sequence[Side],
    suite: Suite,
    how: How,
    read: Read | None = None,
    numbers: TextNumbers | None = None,
) -> ComparisonTable:
    """Compare candidates with a base.

    Args:
        base: The base.
        candidates: The others.
        suite: The tasks.
        how: How they are compared.
        read: What their files say, where that is known already.
        numbers: Of texts, where others were numbered before.

    Raises:
        UsageError: They were used differently beside their weights, and that was not allowed.
        ResultsError: Two were scored on other items of the same data.
    """
    warnings: list[str] = []
    read = read or read_sides([base, *candidates], suite, warnings)
    numbers = numbers or TextNumbers()
    pairings = [pair(base, side, suite, read, numbers) for side in candidates]
    if not how.allow_different:
        _refuse_different(base, pairings)
    judged = [
        _judge(pairing, pairing.items, base, how, numbers)
        for pairing in pairings
        if pairing.items is not None
    ]
    alike = copies_among(base, candidates)
    warnings += copy_lines({one: other for one, other in alike.items() if other != base.label})
    heads = _heads(base, judged, how.margin)
    rows = [one.row(verdict, how.margin) for one, verdict in zip(judged, heads, strict=True)]
    rows.sort(key=_difference, reverse=True)
    rows += [ComparedRow(pairing) for pairing in pairings if pairing.items is None]
    return ComparisonTable(base, suite, how, tuple(rows), tuple(dict.fromkeys(warnings)))


def _difference(row: ComparedRow) -> float:
    return row.verdict.estimate.difference if row.verdict else 0.0


def _refuse_different(base: Side, pairings: Sequence[Pairing]) -> None:
    lines = [
        f"{pairing.side.label}: {'; '.join(pairing.differing)}"
        for pairing in pairings
        if pairing.differing and pairing.items is not None
    ]
    if lines:
        raise UsageError(
            f"more than the model differs from {base.label}. {'. '.join(lines)}.",
            "--allow-different to compare them all the same",
        )


def verdicts(differences: Sequence[Difference], margin: float) -> list[DifferenceVerdict]:
    """Verdicts on differences, adjusted for being asked for together (Holm)."""
    estimates = [one.estimate for one in differences]
    p_values = holm([estimate.p for estimate in estimates])
    equivalent = holm([estimate.p_equivalent(margin) for estimate in estimates])
    return [
        DifferenceVerdict(estimate, p, p_equivalent, margin)
        for estimate, p, p_equivalent in zip(estimates, p_values, equivalent, strict=True)
    ]


def _heads(base: Side, judged: "Sequence[_Judged]", margin: float) -> list[DifferenceVerdict]:
    """Verdicts on the means, adjusted over checkpoints: a copy asks no question of its own."""
    alike = copies_among(base, [one.pairing.side for one in judged])
    asked = {one.pairing.side.label: one.headline for one in judged}
    firsts = [label for label in asked if label not in alike]
    found = dict(zip(firsts, verdicts([asked[label] for label in firsts], margin), strict=True))
    for label in (label for label in asked if label in alike):
        others = {one: asked[one] for one in firsts if one != alike[label]} | {label: asked[label]}
        found[label] = verdicts([*others.values()], margin)[-1]
    return [found[label] for label in asked]


@dataclass(frozen=True)
class _Judged:
    """A pairing's differences, before they are adjusted for one another."""

    pairing: Pairing
    full: Difference
    by_task: Mapping[str, Difference]
    by_subset: Mapping[str, Difference]
    seen: Seen | None
    headline: Difference

    def row(self, verdict: DifferenceVerdict, margin: float) -> ComparedRow:
        """The row, once the verdict is adjusted for the other candidates."""
        by_task = verdicts([*self.by_task.values()], margin)
        by_subset = verdicts([*self.by_subset.values()], margin)
        return ComparedRow(
            self.pairing,
            verdict,
            self.full,
            dict(zip(self.by_task, by_task, strict=True)),
            dict(zip(self.by_subset, by_subset, strict=True)),
            self.seen,
            self.headline is not self.full,
        )


def _judge(
    pairing: Pairing, items: CommonItems, base: Side, how: How, numbers: TextNumbers
) -> _Judged:
    drawn = _drawn(pairing, items) if how.method == "pairs" else None
    by_task, by_subset = {}, {}
    for at, task in enumerate(items.tasks):
        sides = [[model[at] for model in side] for side in (pairing.base, pairing.candidate)]
        resampled = None if drawn is None else drawn[at]
        by_task[task.task.header] = _on_task(task, sides, resampled, pairing.fixed)
        for place, name in enumerate(task.part_names):
            parts = [[one.part(place) for one in side] for side in sides]
            one_drawn = None if resampled is None else resampled[place : place + 1]
            by_subset[f"{task.task.header} {name}"] = _on_task(
                task.part(place), parts, one_drawn, pairing.fixed
            )
    full = _on_mean(pairing, items, drawn)
    seen = _seen(pairing, items, base, numbers)
    unseen = seen.unseen if how.seen and seen is not None else None
    return _Judged(pairing, full, by_task, by_subset, seen, unseen or full)


def _on_task(
    items: TaskItems,
    sides: Sequence[Sequence[Evidence]],
    drawn: Sequence[Vector] | None,
    fixed: bool,
) -> Difference:
    base, candidate = ([items.scored(one) for one in side] for side in sides)
    variance = None if drawn is None else float(np.var(np.mean(drawn, axis=0)))
    return difference(base, candidate, items.shared, variance, fixed)


def _on_mean(
    pairing: Pairing, items: CommonItems, drawn: Sequence[Sequence[Vector]] | None
) -> Difference:
    base, candidate = (
        [items.mean(items.scored(model)) for model in side]
        for side in (pairing.base, pairing.candidate)
    )
    variance = None
    if drawn is not None:
        weights = [task.weight for task in items.tasks]
        variance = float(np.var(np.dot(weights, [np.mean(task, axis=0) for task in drawn])))
    return difference(base, candidate, items.shared, variance, pairing.fixed)


def _drawn(pairing: Pairing, items: CommonItems) -> list[list[Vector]]:
    """Differences over resampled pairs, of each task and part."""
    return [
        [
            item_bootstrap(
                [model[at].parts[place].measure for model in pairing.base],
                [model[at].parts[place].measure for model in pairing.candidate],
                seed=1000 * at + place,  # tasks and parts are drawn independently
            )
            for place, _ in enumerate(task.keys)
        ]
        for at, task in enumerate(items.tasks)
    ]


def _seen(pairing: Pairing, items: CommonItems, base: Side, numbers: TextNumbers) -> Seen | None:
    """What training saw; None where nothing was recorded, or nothing of these items was seen."""
    by_side = {
        side.label: seen_masks(items, side.training, numbers.hashes)
        for side in (base, pairing.side)
        if side.training
    }
    holding = [label for label, masks in by_side.items() if any(mask.any() for mask in masks)]
    if not holding:
        return None
    each = zip(*(by_side[label] for label in holding), strict=True)
    masks = [np.logical_or.reduce(of_task) for of_task in each]
    seen = tell_apart(items, pairing.base, pairing.candidate, masks, pairing.fixed)
    return replace(seen, holders=tuple(holding))
