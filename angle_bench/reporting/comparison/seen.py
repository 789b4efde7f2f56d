"""The difference on pairs that training saw, and on the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from angle_bench.reporting.comparison.common_items import CommonItems, Mask
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.statistics.clusters import Nodes
from angle_bench.reporting.statistics.difference import FEWEST, Difference, Scored, difference
from angle_bench.reporting.statistics.inference import ALPHA, Estimate
from angle_bench.results.text_hash import pair_hash
from angle_bench.results.training_texts import TrainingTexts

FEWEST_SEEN = 30  # pairs of a task; a correlation over fewer is no figure


@dataclass(frozen=True)
class SeenTask:
    """One task, its items told apart.

    Attributes:
        name: The task's column header.
        seen: How many items are in the training data.
        items: How many there are.
        on_seen: The difference on these; NaN where they are fewer than `FEWEST_SEEN`.
        on_unseen: The difference on the others; NaN where there are none.
    """

    name: str
    seen: int
    items: int
    on_seen: float
    on_unseen: float


@dataclass(frozen=True)
class Seen:
    """What training saw of the items of a pairing.

    Attributes:
        tasks: One entry a task.
        unseen: The mean difference over the unseen items of all tasks that have some.
        unseen_tasks: How many these are.
        contrast: The mean difference on seen minus that on unseen items, over tasks with
            enough of both.
        holders: The sides whose training data holds them, by label.
    """

    tasks: tuple[SeenTask, ...]
    unseen: Difference | None
    unseen_tasks: int
    contrast: Estimate | None
    holders: tuple[str, ...] = ()

    @property
    def whose(self) -> str:
        """The sides whose training data holds them."""
        return " and ".join(self.holders)

    @property
    def count(self) -> int:
        """How many items were seen."""
        return sum(task.seen for task in self.tasks)

    @property
    def unseen_items(self) -> int:
        """How many items the difference on unseen ones is over."""
        told = [task for task in self.tasks if math.isfinite(task.on_unseen)]
        return sum(task.items - task.seen for task in told)

    @property
    def concentrated(self) -> bool:
        """Whether the difference is significantly larger on seen items."""
        gain = self.contrast
        return gain is not None and gain.difference > 0 and gain.p < ALPHA


def seen_masks(
    common: CommonItems, training: Sequence[TrainingTexts], hashes: Sequence[bytes]
) -> list[Mask]:
    """Which items of each task any of the records holds, (items,) each."""
    whole = np.concatenate([items.texts for items in common.tasks])
    ends = np.cumsum([len(items.texts) for items in common.tasks])[:-1]
    return np.split(seen_pairs(whole, training, hashes), ends)


def seen_pairs(texts: Nodes, training: Sequence[TrainingTexts], hashes: Sequence[bytes]) -> Mask:
    """Which pairs any of the records holds, (items,).

    Args:
        texts: The two texts of each as numbers, (items, 2).
        training: Records; where there are none, no pair is seen.
        hashes: Of every text, by its number.
    """
    seen = np.zeros(len(texts), dtype=bool)
    for one in training:
        seen |= _Known(one, hashes).holds(texts)
    return seen


class _Known:
    """A record of training texts, asked for many pairs of numbered texts."""

    def __init__(self, training: TrainingTexts, hashes: Sequence[bytes]) -> None:
        self._pairs, self._hashes = training.pairs, hashes
        self._text = np.array([each in training.texts for each in hashes], dtype=bool)

    def holds(self, texts: Nodes) -> Mask:
        """As `TrainingTexts.holds` of each pair, (items, 2) numbers."""
        pairs = [
            _pair(self._hashes[first], self._hashes[second]) in self._pairs
            for first, second in texts.tolist()
        ]
        return np.array(pairs, dtype=bool) | self._text[texts].all(axis=1)


@lru_cache(maxsize=1 << 17)
def _pair(first: bytes, second: bytes) -> bytes:
    """The hash of a pair, which every candidate and every base is asked for."""
    return pair_hash(first, second)


def tell_apart(
    common: CommonItems,
    base: Sequence[Sequence[Evidence]],
    candidate: Sequence[Sequence[Evidence]],
    masks: Sequence[Mask],
    fixed: bool = False,
) -> Seen:
    """The differences on seen and on unseen items.

    Args:
        common: The items.
        base: Evidence of each of the base's models, task by task.
        candidate: Evidence of each of the candidate's.
        masks: Which items of each task were seen.
        fixed: Whether a side of one model is that model and no draw of a recipe.
    """
    others = [~mask for mask in masks]
    on_seen = [[common.scored_on(model, masks) for model in side] for side in (base, candidate)]
    on_unseen = [[common.scored_on(model, others) for model in side] for side in (base, candidate)]
    tasks = tuple(
        SeenTask(
            items.task.header,
            int(masks[at].sum()),
            len(masks[at]),
            _gap(on_seen, at) if masks[at].sum() >= FEWEST_SEEN else math.nan,
            _gap(on_unseen, at),
        )
        for at, items in enumerate(common.tasks)
    )
    whole = [at for at, task in enumerate(tasks) if math.isfinite(task.on_unseen)]
    unseen = _mean_difference(common, on_unseen, whole, fixed) if whole else None
    gains = [
        [_gains(*model) for model in zip(*side, strict=True)]
        for side in zip(on_seen, on_unseen, strict=True)
    ]
    both = [
        at for at in whole if math.isfinite(tasks[at].on_seen) and _enough(common, gains[0][0], at)
    ]
    contrast = None
    if both:
        contrast = _mean_difference(common, gains, both, fixed).estimate
    return Seen(tasks, unseen, len(whole), contrast)


Sides = Sequence[Sequence[Sequence[Scored]]]  # base and candidate, their models, the tasks


def _enough(common: CommonItems, gains: Sequence[Scored], at: int) -> bool:
    """Whether a task's seen and unseen pairs are enough sentences to tell a difference."""
    return common.shared.weighted(common.mean(gains, [at]).shares).effective >= FEWEST


def _gap(sides: Sides, at: int) -> float:
    base, candidate = (np.mean([model[at].score for model in side]) for side in sides)
    return float(candidate - base)


def _gains(seen: Sequence[Scored], unseen: Sequence[Scored]) -> list[Scored]:
    """A model's score on seen minus that on unseen items, on each task."""
    return [
        Scored(
            one.score - other.score,
            one.influence - other.influence,
            one.shares - other.shares,
            one.repeats,
        )
        for one, other in zip(seen, unseen, strict=True)
    ]


def _mean_difference(
    common: CommonItems, sides: Sides, tasks: Sequence[int], fixed: bool
) -> Difference:
    base, candidate = ([common.mean(model, tasks) for model in side] for side in sides)
    return difference(base, candidate, common.shared, fixed=fixed)
