"""Which pairs a candidate ranks better or worse than the base does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from angle_bench.errors import UsageError
from angle_bench.files.atomic import FileToWrite
from angle_bench.reporting.comparison.comparison_table import ComparisonTable
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.comparison.pairing import Pairing
from angle_bench.reporting.comparison.parts import ScoredPart
from angle_bench.reporting.statistics.measures import Spearman, Vector
from angle_bench.reporting.statistics.ranked import Ranked

THIRDS = ("low", "middle", "high")


@dataclass(frozen=True)
class Group:
    """Pairs that have something in common.

    Attributes:
        by: What: length, gold or subset.
        name: Of the group.
        pairs: How many.
        moved: The mean change of their rank error, in points of rank; negative is better.
    """

    by: str
    name: str
    pairs: int
    moved: float


def changes(pairing: Pairing) -> pa.Table:
    """Every pair of STS tasks whose texts are stored, the one whose rank error moved most first.

    A pair's rank error is the distance between its rank by the model and by the annotators, in
    points from 0 to 100; of several seeds the mean. `moved` is the candidate's minus the base's,
    so that a negative one is an improvement; `length` is the characters of both texts.
    """
    tables = []
    items = pairing.items.tasks if pairing.items is not None else ()
    for at, task in enumerate(items):
        for place, _ in enumerate(task.keys):
            base, candidate = (
                [_part(model[at], place) for model in side]
                for side in (pairing.base, pairing.candidate)
            )
            if isinstance(base[0].measure, Spearman) and has_texts(base[0]):
                tables.append(_table(task.task.header, base, candidate))
    if not tables:
        return pa.table({})
    table = pa.concat_tables(tables)
    order = np.argsort(-np.abs(table["moved"].to_numpy()), kind="stable")
    return table.take(order)


def changes_file(place: Path, comparison: ComparisonTable, count: int) -> FileToWrite:
    """The pairs of every candidate that moved most, or all of them for a count of 0, as parquet."""
    tables = []
    for row in comparison.rows:
        found = changes(row.pairing)
        if found.num_rows:
            found = found.slice(0, count or None)
            label = pa.array([row.label] * found.num_rows)
            tables.append(found.add_column(0, "candidate", label))
    if not tables:
        raise UsageError(
            "no pairs of an STS task were compared whose texts are stored; results that are passed "
            "on may hold hashes instead.",
            "the command without -o, or with -o page.html",
        )
    table = pa.concat_tables(tables)
    return FileToWrite(place, lambda temporary: pq.write_table(table, temporary))


def groups(table: pa.Table) -> list[Group]:
    """The changes by length, gold score (thirds of the pairs) and subset."""
    if table.num_rows == 0:
        return []
    moved = table["moved"].to_numpy()
    subsets = [
        f"{task} {subset}" if subset != "default" else task
        for task, subset in zip(table["task"].to_pylist(), table["subset"].to_pylist(), strict=True)
    ]
    labels = {
        "length": _thirds(table["length"].to_numpy().astype(float)),
        "gold": _thirds(table["gold_rank"].to_numpy()),
        "subset": np.array(subsets),
    }
    found = []
    for by, label in labels.items():
        names = [name for name in THIRDS if name in label] or dict.fromkeys(label.tolist())
        if by != "subset" or len(names) > 1:
            found += [_group(by, str(name), moved[label == name]) for name in names]
    return found


def _group(by: str, name: str, moved: Vector) -> Group:
    return Group(by, name, len(moved), float(moved.mean()))


def _thirds(values: Vector) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    return np.array(THIRDS)[np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values)]


def has_texts(part: ScoredPart) -> bool:
    """Whether texts are stored, and not hashes of them."""
    return bool(pa.types.is_string(part.keys.schema.field("text1").type))


def _part(evidence: Evidence, place: int) -> ScoredPart:
    return evidence.parts[place]


def _table(task: str, base: list[ScoredPart], candidate: list[ScoredPart]) -> pa.Table:
    keys = base[0].keys
    gold = Ranked.of(keys["gold"].to_numpy()).centred()
    before, after = (
        np.mean([rank_errors(gold, part.scores) for part in side], axis=0)
        for side in (base, candidate)
    )
    lengths = [
        len(first) + len(second)
        for first, second in zip(keys["text1"].to_pylist(), keys["text2"].to_pylist(), strict=True)
    ]
    return pa.table(
        {
            "task": [task] * keys.num_rows,
            **{name: keys[name] for name in keys.column_names},
            "base_score": np.mean([part.scores for part in base], axis=0),
            "candidate_score": np.mean([part.scores for part in candidate], axis=0),
            "gold_rank": 100 * (gold + 0.5),
            "base_rank_error": before,
            "candidate_rank_error": after,
            "moved": after - before,
            "length": lengths,
        }
    )


def rank_errors(gold: Vector, score: Vector) -> Vector:
    """The distance of each pair's rank by the model to that by the annotators, 0 to 100.

    Args:
        gold: The annotators' ranks, centred, (pairs,).
        score: What the model gives each pair, (pairs,).
    """
    return 100 * np.abs(Ranked.of(score).centred() - gold)
