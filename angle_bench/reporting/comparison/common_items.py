"""The items that several models were scored on, and the texts that these share."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from angle_bench.errors import ResultsError, shell_word
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.statistics.clustering import Clusterings
from angle_bench.reporting.statistics.clusters import Nodes
from angle_bench.reporting.statistics.difference import Repeats, Scored
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.predictions import without_texts
from angle_bench.results.text_hash import text_hash
from angle_bench.suites.averages import counted_tasks
from angle_bench.suites.task import Task

Mask = NDArray[np.bool_]


class TextNumbers:
    """A number for every normalised text, counted from 0 in the order of meeting."""

    def __init__(self) -> None:
        self._by_hash: dict[bytes, int] = {}
        self._by_text: dict[str | bytes, int] = {}
        self._items: dict[tuple[Any, ...], CommonItems] = {}

    def items(self, key: tuple[Any, ...], make: "Callable[[], CommonItems]") -> "CommonItems":
        """The items that were numbered under a key, made when they are first asked for."""
        if key not in self._items:
            self._items[key] = make()
        return self._items[key]

    def of(self, texts: pa.ChunkedArray) -> Nodes:
        """The numbers of texts, or of their hashes where these stand for them."""
        return np.asarray([self._number(text) for text in texts.to_pylist()], dtype=np.intp)

    def own(self, names: Sequence[str]) -> Nodes:
        """Numbers of items without text, such as queries, which share nothing else."""
        return np.asarray(
            [self._by_hash.setdefault(name.encode(), len(self._by_hash)) for name in names],
            dtype=np.intp,
        )

    @property
    def hashes(self) -> list[bytes]:
        """The hash of every text, by its number."""
        return list(self._by_hash)

    def _number(self, text: str | bytes) -> int:
        if (known := self._by_text.get(text)) is None:
            digest = text if isinstance(text, bytes) else text_hash(text)
            known = self._by_hash.setdefault(digest, len(self._by_hash))
            self._by_text[text] = known
        return known


@dataclass(frozen=True)
class TaskItems:
    """The items of one task, part after part.

    Attributes:
        task: The task.
        weight: Of its score in the mean.
        keys: What identifies the items of each part.
        nodes: What they share with others, as numbers: their two texts, or the group of
            translations that they belong to, (items, 2).
        texts: Their texts as numbers, (items, 2).
    """

    task: Task
    weight: float
    keys: tuple[pa.Table, ...]
    nodes: Nodes
    texts: Nodes

    def scored(self, evidence: Evidence) -> Scored:
        """A model's score on the task, the influence of every item, and what each counts."""
        share = 1 / len(evidence.parts)
        return Scored(
            evidence.score,
            np.concatenate([share * part.measure.influence() for part in evidence.parts]),
            np.concatenate([np.full(n, share / n) for n in map(_rows, self.keys)]),
            self._repeats(evidence),
        )

    def scored_on(self, evidence: Evidence, chosen: Mask) -> Scored:
        """The same over some of the items, (items,) true or false; NaN where it is undefined."""
        influence, weight = np.zeros(len(chosen)), np.zeros(len(chosen))
        ends = np.cumsum([keys.num_rows for keys in self.keys])
        places = [span[chosen[span]] for span in np.split(np.arange(len(chosen)), ends[:-1])]
        used = [at for at, place in enumerate(places) if len(place)]
        first = [0, *ends[:-1]]
        scores = []
        for at in used:
            mask = np.zeros(evidence.parts[at].measure.size, dtype=bool)
            mask[places[at] - first[at]] = True
            measure = evidence.parts[at].measure.part(mask)
            scores.append(measure.value())
            weight[places[at]] = 1 / len(places[at]) / len(used)
            if math.isfinite(scores[-1]):
                influence[places[at]] = measure.influence() / len(used)
        score = float(np.mean(scores)) if scores else math.nan
        return Scored(score, influence, weight, self._repeats(evidence))

    def _repeats(self, evidence: Evidence) -> tuple[Repeats, ...]:
        ends = np.cumsum([0, *map(_rows, self.keys)]).tolist()
        return tuple(
            Repeats(slice(ends[at], ends[at + 1]), part.measure.degrees_of_freedom)
            for at, part in enumerate(evidence.parts)
            if isinstance(part.measure, Clusterings)
        )

    @cached_property
    def shared(self) -> SharedTexts:
        """Which items of the task share texts."""
        return SharedTexts(self.nodes, self.parts)

    @property
    def parts(self) -> Nodes:
        """The part of every item as a number, (items,)."""
        return np.repeat(np.arange(len(self.keys)), [_rows(keys) for keys in self.keys])

    @property
    def part_names(self) -> list[str]:
        """Subset and split of each part."""
        return [f"{keys['subset'][0]}/{keys['split'][0]}" for keys in self.keys]

    def part(self, place: int) -> "TaskItems":
        """One split and subset as a task of its own."""
        start = sum(keys.num_rows for keys in self.keys[:place])
        keys = self.keys[place]
        own = slice(start, start + keys.num_rows)
        return TaskItems(self.task, 1.0, (keys,), self.nodes[own], self.texts[own])


@dataclass(frozen=True)
class CommonItems:
    """The tasks that two sides were scored on, with the same items in the same order."""

    tasks: tuple[TaskItems, ...]

    @cached_property
    def shared(self) -> SharedTexts:
        """Which items share texts, across tasks too."""
        first = np.cumsum([0, *(len(items.keys) for items in self.tasks)])
        parts = [at + items.parts for at, items in zip(first, self.tasks, strict=False)]
        return SharedTexts(
            np.concatenate([items.nodes for items in self.tasks]), np.concatenate(parts)
        )

    def scored(self, evidence: Sequence[Evidence]) -> list[Scored]:
        """A model's score on each task, and the influence of every item."""
        return [items.scored(one) for items, one in zip(self.tasks, evidence, strict=True)]

    def scored_on(self, evidence: Sequence[Evidence], masks: Sequence[Mask]) -> list[Scored]:
        """The same over some of the items of each task."""
        return [
            items.scored_on(one, mask)
            for items, one, mask in zip(self.tasks, evidence, masks, strict=True)
        ]

    def mean(self, scored: Sequence[Scored], chosen: Sequence[int] | None = None) -> Scored:
        """The weighted mean of what each task has; over some of the tasks where these are given."""
        used = range(len(self.tasks)) if chosen is None else chosen
        weights = np.zeros(len(self.tasks))
        weights[list(used)] = [self.tasks[at].weight for at in used]
        weights /= weights.sum()
        score = math.fsum(weights[at] * scored[at].score for at in used)
        each = list(zip(weights, scored, strict=True))
        before = np.cumsum([0, *(len(one.influence) for one in scored)]).tolist()
        return Scored(
            score,
            np.concatenate([weight * one.influence for weight, one in each]),
            np.concatenate([weight * one.shares for weight, one in each]),
            tuple(
                repeats.after(count)
                for count, one in zip(before, scored, strict=False)
                for repeats in one.repeats
            ),
        )


def common_items(
    tasks: Sequence[Task],
    average: str,
    models: Mapping[str, Sequence[Evidence]],
    numbers: TextNumbers,
) -> CommonItems:
    """The items of tasks that all models have evidence on.

    Args:
        tasks: The tasks.
        average: `tasks`, or `types` for a mean over the means of task types.
        models: By label, evidence for each task.
        numbers: Of texts, kept over several comparisons.

    Raises:
        ResultsError: Two models were scored on other items, or in another order.
    """
    every = []
    for at, task in enumerate(tasks):
        (first, evidence), *others = [(label, each[at]) for label, each in models.items()]
        keys = tuple(part.keys for part in evidence.parts)
        for label, other in others:
            if not _same(keys, tuple(part.keys for part in other.parts)):
                raise ResultsError(
                    f"{label} and {first} were scored on other items of {task.name}, or in "
                    "another order, although the data's revision is the same.",
                    f"angle-bench run -m {shell_word(label)} -t {task.name} --overwrite",
                )
        every.append(keys)
    # of the same base beside other candidates they are the same; what is kept keeps its keys, too
    same = (average, *(task.name for task in tasks), *(id(keys) for each in every for keys in each))
    return numbers.items(same, lambda: _numbered(tasks, average, every, numbers))


def _numbered(
    tasks: Sequence[Task],
    average: str,
    every: Sequence[tuple[pa.Table, ...]],
    numbers: TextNumbers,
) -> CommonItems:
    found = []
    for task, weight, each in zip(tasks, task_weights(tasks, average), every, strict=True):
        texts = np.concatenate([_nodes(task, keys, numbers) for keys in each])
        nodes = _translations(texts) if task.type == "BitextMining" else texts
        found.append(TaskItems(task, weight, each, nodes, texts))
    return CommonItems(tuple(found))


def task_weights(tasks: Sequence[Task], average: str) -> list[float]:
    """What each task's score counts in the mean."""
    counted = counted_tasks(tasks)
    types = [task.type for task in counted]
    if average == "tasks":
        return [float(task in counted) / len(counted) for task in tasks]
    return [
        1 / len(set(types)) / types.count(task.type) if task in counted else 0.0 for task in tasks
    ]


def _rows(keys: pa.Table) -> int:
    return int(keys.num_rows)


def _same(first: tuple[pa.Table, ...], second: tuple[pa.Table, ...]) -> bool:
    return len(first) == len(second) and all(
        one.equals(other)
        if one.schema == other.schema
        else without_texts(one).equals(without_texts(other))
        for one, other in zip(first, second, strict=True)
    )


def _translations(texts: Nodes) -> Nodes:
    """The group of every pair: all that a chain of translations links, as its first pair's text.

    A set of many languages translates the same sentences into all of them: pairs of four
    languages, two and two, have no text in common and still say the same.
    """
    group = connected(texts)[texts[:, 0]]
    _, first, own = np.unique(group, return_index=True, return_inverse=True)
    return np.stack([texts[first, 0][own]] * 2, axis=1)


def connected(links: Nodes) -> Nodes:
    """The smallest number that each number is linked with, over any number of links.

    Args:
        links: Two numbers a row, (links, 2).

    >>> connected(np.array([[1, 0], [1, 2], [4, 4]])).tolist()
    [0, 0, 0, 3, 4]
    """
    least = np.arange(int(links.max(initial=-1)) + 1)
    while True:
        before = least.copy()
        both = least[links].min(axis=1)
        np.minimum.at(least, links[:, 0], both)
        np.minimum.at(least, links[:, 1], both)
        least = least[least]
        if np.array_equal(least, before):
            return least


def _nodes(task: Task, keys: pa.Table, numbers: TextNumbers) -> Nodes:
    names = keys.column_names
    if "text1" in names:
        return np.stack([numbers.of(keys["text1"]), numbers.of(keys["text2"])], axis=1)
    if "query_id" in names:
        # a query has one id in all languages of a set: its translations err together
        own = numbers.own([f"{task.name} {query}" for query in keys["query_id"].to_pylist()])
    else:
        own = _text_nodes(task, keys, numbers)
    return np.stack([own, own], axis=1)


def _text_nodes(task: Task, keys: pa.Table, numbers: TextNumbers) -> Nodes:
    """Of texts; a clustering of many has none and is a node of its own."""
    without = np.asarray(keys["text"].is_null().to_numpy(), dtype=bool)
    nodes = np.empty(len(without), dtype=np.intp)
    nodes[~without] = numbers.of(keys["text"].drop_null())
    if without.any():
        runs = keys.filter(pa.array(without)).drop_columns(["index", "text"]).to_pylist()
        nodes[without] = numbers.own([f"{task.name} {run}" for run in runs])
    return nodes
