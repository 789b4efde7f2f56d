"""From the predictions of one split and subset to a measure over its items."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from angle_bench.reporting.statistics.best_accuracy import BestAccuracy
from angle_bench.reporting.statistics.clustering import Clustering, Clusterings
from angle_bench.reporting.statistics.f1 import F1, Average, Labels
from angle_bench.reporting.statistics.means import MeanOf
from angle_bench.reporting.statistics.measures import (
    AveragePrecision,
    Mean,
    Measure,
    Spearman,
    Vector,
)
from angle_bench.results.arrow_numbers import numbers
from angle_bench.suites.task import Task

Codes = NDArray[np.intp]
_KEYS = ("subset", "split", "experiment", "index", "query_id", "text1", "text2", "text", "gold")
_F1: dict[str, Average] = {"f1": "macro", "f1_weighted": "weighted"}


class NoEvidence(Exception):
    """Why a model's predictions of a task cannot be used."""


@dataclass(frozen=True)
class ScoredPart:
    """The items of one split and subset.

    Attributes:
        measure: The main score as a function of their weights.
        keys: What identifies them, in their order; the same for every model on the same data.
        scores: What the model gives each item: a cosine, a metric of a query or text, or 1 for
            right; NaN where it gives none, as to a document that is clustered.
    """

    measure: Measure
    keys: pa.Table
    scores: Vector


def part_of(rows: pa.Table, task: Task) -> ScoredPart:
    """The measure and the items of a table of predictions.

    Args:
        rows: Those of one split and subset.
        task: What the metric is taken from.

    Raises:
        NoEvidence: The metric is no function of items, or there are none.
    """
    names = set(rows.column_names)
    if "metric" in names:
        rows = rows.filter(pc.equal(rows["metric"], task.metric)).combine_chunks()
    if rows.num_rows == 0:
        raise NoEvidence("its predictions lack splits, subsets or the main metric")
    if task.metric == "v_measure" and "level" in names:
        return _resampled_clusterings(rows)
    if task.metric == "v_measure" and "set" in names:
        return _clustered_sets(rows)
    keys = rows.select([name for name in _KEYS if name in names])
    if "metric" in names:
        values = _numbers(rows, "value")
        return ScoredPart(Mean(values), keys, values)
    if "experiment" in names and task.metric in ("accuracy", *_F1):
        return _classified(rows, keys, task.metric)
    if "predicted" in names and task.metric in _F1:
        right = _same_label(rows)  # bitext mining, whose F1 is weighted
        return ScoredPart(_f1(rows, "weighted"), keys, right)
    if "score" in names:
        return _scored_pairs(rows, keys, task.metric)
    raise _no_influence(task.metric)


def _no_influence(metric: str) -> NoEvidence:
    return NoEvidence(f"{metric} has no influence of single items")


def _numbers(rows: pa.Table, name: str) -> Vector:
    return np.asarray(numbers(rows[name]), dtype=float)


def _scored_pairs(rows: pa.Table, keys: pa.Table, metric: str) -> ScoredPart:
    gold, score = _numbers(rows, "gold"), _numbers(rows, "score")
    if metric.endswith("spearman"):
        return ScoredPart(Spearman(gold, score), keys, score)
    if metric.endswith("ap"):
        return ScoredPart(AveragePrecision(gold, score), keys, score)
    if metric.endswith("accuracy"):
        return ScoredPart(BestAccuracy(gold, score), keys, score)
    raise _no_influence(metric)


def _classified(rows: pa.Table, keys: pa.Table, metric: str) -> ScoredPart:
    """What classifiers say: the mean over them, each over the items that it was tested on."""
    right, experiment = _same_label(rows), numbers(rows["experiment"])
    runs = [np.flatnonzero(experiment == number) for number in dict.fromkeys(experiment.tolist())]
    if metric != "accuracy":
        average = _F1[metric]
        return ScoredPart(MeanOf([_f1(rows.take(run), average) for run in runs]), keys, right)
    if len({len(run) for run in runs}) == 1:
        return ScoredPart(Mean(right), keys, right)
    return ScoredPart(MeanOf([Mean(right[run]) for run in runs]), keys, right)


def _same_label(rows: pa.Table) -> Vector:
    """1 where an item gets its label, or all of its labels and no other; else 0."""
    gold, predicted = rows["gold"], rows["predicted"]
    if not pa.types.is_list(gold.type):
        return np.asarray(pc.equal(gold, predicted).to_numpy(), dtype=float)
    pairs = zip(gold.to_pylist(), predicted.to_pylist(), strict=True)
    return np.array([float(set(one) == set(other)) for one, other in pairs])


def _f1(rows: pa.Table, average: Average) -> F1:
    gold, predicted = (_entries(rows[name]) for name in ("gold", "predicted"))
    values = pa.chunked_array([gold[1], predicted[1]]).combine_chunks()
    codes, classes = _codes(values)
    own, other = np.split(codes, [len(gold[1])])
    return F1(rows.num_rows, Labels(gold[0], own), Labels(predicted[0], other), classes, average)


def _entries(column: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """The item and the label of every entry of a column of labels, or of lists of them."""
    array = column.combine_chunks()
    if not pa.types.is_list(array.type):
        return np.arange(len(array)), array
    items = numbers(pc.list_parent_indices(array))
    return np.asarray(items, dtype=np.intp), pc.list_flatten(array)


def _codes(values: pa.Array) -> tuple[Codes, int]:
    """Values as numbers from 0, and how many there are."""
    encoded = values.dictionary_encode()
    return np.asarray(numbers(encoded.indices), dtype=np.intp), len(encoded.dictionary)


def _resampled_clusterings(rows: pa.Table) -> ScoredPart:
    """Documents that were drawn, clustered and labelled several times."""
    index = numbers(rows["index"])
    known, first, document = np.unique(index, return_index=True, return_inverse=True)
    runs, places = _runs(rows, ["level", "experiment"])
    made = [
        _clustering(rows.take(place), document[place], int(level))
        for place, level in zip(places, runs["level"].to_pylist(), strict=True)
    ]
    return _clustered(made, len(known), rows.take(first), runs)


def _clustered_sets(rows: pa.Table) -> ScoredPart:
    """Sets of documents that were clustered one by one, each set with documents of its own."""
    runs, places = _runs(rows, ["set"])
    made = [_clustering(rows.take(place), place, 0) for place in places]
    return _clustered(made, rows.num_rows, rows, runs)


def _clustered(
    made: list[Clustering], documents: int, rows: pa.Table, runs: pa.Table
) -> ScoredPart:
    """The clusterings, whose items are the documents and then they themselves, without text."""
    names = [name for name in ("set", "index", "text") if name in rows.column_names]
    own = rows.select(["subset", "split", *names])
    if "set" not in names:
        own = own.append_column("level", pa.nulls(documents, pa.int64()))
        own = own.append_column("experiment", pa.nulls(documents, pa.int64()))
    parts = runs.append_column("subset", pa.array([rows["subset"][0].as_py()] * runs.num_rows))
    parts = parts.append_column("split", pa.array([rows["split"][0].as_py()] * runs.num_rows))
    keys = pa.concat_tables([own, parts], promote_options="default").combine_chunks()
    return ScoredPart(Clusterings(documents, made), keys, np.full(keys.num_rows, np.nan))


def _runs(rows: pa.Table, names: list[str]) -> tuple[pa.Table, list[Codes]]:
    """The distinct values of some columns, and the rows of each."""
    found = np.stack([numbers(rows[name]) for name in names])
    runs, which = np.unique(found, axis=1, return_inverse=True)
    which = which.reshape(-1)
    table = pa.table({name: pa.array(own) for name, own in zip(names, runs, strict=True)})
    return table, [np.flatnonzero(which == number) for number in range(runs.shape[1])]


def _clustering(rows: pa.Table, document: Codes, level: int) -> Clustering:
    gold, _ = _codes(rows["gold"].combine_chunks())
    predicted, _ = _codes(rows["predicted"].combine_chunks())
    counted = "count" in rows.column_names
    count = _numbers(rows, "count") if counted else np.ones(rows.num_rows)
    return Clustering(np.asarray(document, dtype=np.intp), gold, predicted, count, level)
