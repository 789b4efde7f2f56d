"""What mteb draws, and which clusters it finds, while it scores a clustering task."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import datasets
import numpy as np
from mteb.abstasks import AbsTaskClustering
from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy

from angle_bench.evaluation.mteb_internals import subset_evaluation_replaced
from angle_bench.results.item_predictions import (
    ClusteringPredictions,
    ClusterPredictions,
    ClusterSetPredictions,
)

Part = tuple[str, str]  # subset and split
NO_CLUSTER = "0"  # of every text in a set with one label, which mteb does not cluster


class Recorder(random.Random):
    """Random numbers as those of another generator, whose draws are kept."""

    def __init__(self, other: random.Random) -> None:
        super().__init__()
        self.setstate(other.getstate())
        self.sampled: list[int] | None = None
        self.chosen: list[list[int]] = []

    def sample(self, population: Any, k: int, **kwargs: Any) -> list[Any]:
        """A sample without replacement, as `random.Random.sample`."""
        self.sampled = super().sample(population, k, **kwargs)
        return self.sampled

    def choices(self, population: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """A sample with replacement, as `random.Random.choices`."""
        self.chosen.append(super().choices(population, *args, **kwargs))
        return self.chosen[-1]


@dataclass
class Draws:
    """What was drawn for one subset and split.

    Attributes:
        rows: Its data.
        sampled: The rows that were encoded; None for all.
        chosen: The places among these of every resample, level after level.
    """

    rows: datasets.Dataset
    sampled: Sequence[int] | None
    chosen: Sequence[Sequence[int]]


@dataclass
class Drawn:
    """The draws of a task, filled while it evaluates itself."""

    parts: dict[Part, Draws] = field(default_factory=dict)


@contextmanager
def recording(mteb_task: AbsTaskClustering) -> Iterator[Drawn]:
    """Keep what the task draws while the block lasts; the numbers are those that it would draw."""
    own: Any = mteb_task
    generator, drawn = mteb_task.rng_state, Drawn()

    def listening(evaluate: Callable[..., Any]) -> Callable[..., Any]:
        def heard(model: Any, data_split: Any, **kwargs: Any) -> Any:
            recorder = Recorder(own.rng_state)
            own.rng_state = recorder
            scores = evaluate(model, data_split, **kwargs)
            part = kwargs["hf_subset"], kwargs["hf_split"]
            drawn.parts[part] = Draws(data_split, recorder.sampled, recorder.chosen)
            return scores

        return heard

    try:
        with subset_evaluation_replaced(own, listening):
            yield drawn
    finally:
        own.rng_state = generator


def clusterings(
    mteb_task: AbsTaskClustering, part: Part, saved: Mapping[str, Any], draws: Draws
) -> ClusterPredictions:
    """The clusterings of one subset and split.

    Args:
        mteb_task: The task.
        part: Subset and split.
        saved: What mteb dumped: by level, the clusters of every resample.
        draws: What it drew.
    """
    encoded = np.arange(len(draws.rows)) if draws.sampled is None else np.array(draws.sampled)
    rows = draws.rows.select(encoded)
    labels = rows[mteb_task.label_column_name][:]
    labels = [label if isinstance(label, list) else [label] for label in labels]
    texts: Sequence[str] = rows[str(mteb_task.input_column_name)][:]
    resamples, made = iter(draws.chosen), []
    for level, name in enumerate(saved):
        places, gold = _labelled(labels, level)
        for experiment, clusters in enumerate(saved[name]):
            own = places[np.array(next(resamples))]
            drawn, count = np.unique(np.stack([own, clusters]), axis=1, return_counts=True)
            where = drawn[0].tolist()
            made.append(
                ClusteringPredictions(
                    index=encoded[drawn[0]].tolist(),
                    text=[texts[place] for place in where],
                    gold=[gold[place] for place in where],
                    predicted=[str(cluster) for cluster in drawn[1].tolist()],
                    count=count.tolist(),
                    level=level,
                    experiment=experiment,
                )
            )
    return ClusterPredictions(*part, made)


def _labelled(labels: Sequence[Sequence[Any]], level: int) -> tuple[Any, dict[int, str]]:
    """The places that have a label at a level, and these labels by place.

    As mteb does: a missing label is the number -1, which is left out, unless the others are
    strings; then "-1" is a label as any other.
    """
    found = np.array([label[level] if len(label) > level else -1 for label in labels])
    places = np.array([at for at, label in enumerate(found) if label != -1])
    return places, {int(at): str(found[at]) for at in places}


def clustered_sets(
    mteb_task: AbsTaskClusteringLegacy, part: Part, rows: datasets.Dataset, saved: Sequence[Any]
) -> ClusterSetPredictions:
    """The clusterings of one subset and split whose rows are sets of texts.

    Args:
        mteb_task: The task.
        part: Subset and split.
        rows: Its data, a set a row.
        saved: What mteb dumped: the clusters of every set of more than one label.
    """
    texts = rows[str(mteb_task.input_column_name)][:]
    labels = rows[mteb_task.label_column_name][:]
    found = iter(saved)
    predicted = [
        [str(cluster) for cluster in next(found)] if len(set(own)) > 1 else [NO_CLUSTER] * len(own)
        for own in labels
    ]
    gold = [[str(label) for label in own] for own in labels]
    return ClusterSetPredictions(*part, texts, gold, predicted)
