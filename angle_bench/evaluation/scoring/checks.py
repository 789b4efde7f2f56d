"""Is loaded data what its task needs? Said before anything is computed."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import datasets
import mteb
import pyarrow as pa
import pyarrow.compute as pc
from mteb.abstasks import AbsTaskClassification, AbsTaskPairClassification, AbsTaskSTS
from mteb.abstasks.retrieval import AbsTaskRetrieval

from angle_bench.errors import DataError
from angle_bench.evaluation.reader.problems import cell_text
from angle_bench.evaluation.scoring.corpus_texts import column_of
from angle_bench.evaluation.scoring.loaded_rows import (
    PairTask,
    pair_columns,
    pair_rows,
    parts,
    retrieval_data,
    splits_of,
)
from angle_bench.suites.task import Task

FEWEST_PAIRS = 3  # any two pairs correlate perfectly


@dataclass(frozen=True)
class Findings:
    """What was noticed about data that can be scored.

    Attributes:
        warnings: For the user; the score goes on.
        doubts: What MTEB's own data may have, because everyone is scored on it; other data with
            these is refused.
    """

    warnings: tuple[str, ...] = ()
    doubts: tuple[DataError, ...] = ()


def check(mteb_task: mteb.AbsTask, task: Task) -> Findings:
    """Look at the data of a task that is loaded; types that are not named here are mteb's to check.

    Raises:
        DataError: It cannot be scored.
    """
    if isinstance(mteb_task, AbsTaskSTS | AbsTaskPairClassification):
        return _check_pairs(mteb_task, task)
    if isinstance(mteb_task, AbsTaskRetrieval):
        return _check_retrieval(mteb_task, task)
    if task.protocol:
        return Findings()  # it looked at its data while it was loaded
    if isinstance(mteb_task, AbsTaskClassification) and task.type == "Classification":
        return _check_classification(mteb_task, task)
    return Findings()


def _where(task: Task, subset: str, split: str) -> str:
    return f"{task.dataset} {subset}/{split}"


def _check_columns(rows: datasets.Dataset, names: Sequence[str], where: str) -> None:
    if absent := [name for name in names if name not in rows.column_names]:
        raise DataError(
            f"{where} has no column {', '.join(absent)}; its columns are "
            f"{', '.join(rows.column_names)}.",
            f"a file with the columns {', '.join(names[:-1])} and {names[-1]}",
        )
    if len(rows) == 0:
        raise DataError(f"{where} has no rows.", "a file with the rows of this split")


def _check_texts(texts: Iterable[Any], column: str, where: str) -> None:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"{where} row {index} has {cell_text(text)} in the column {column}, "
                "which is no text.",
                f"a file whose column {column} holds a text in every row",
            )


def _check_pairs(mteb_task: PairTask, task: Task) -> Findings:
    columns = pair_columns(mteb_task)
    check_gold = _check_scores if isinstance(mteb_task, AbsTaskSTS) else _check_labels
    empty = total = 0
    for subset, split in parts(mteb_task, task):
        rows, where = pair_rows(mteb_task, subset, split), _where(task, subset, split)
        _check_columns(rows, (columns.first, columns.second, columns.gold), where)
        first, second = rows[columns.first][:], rows[columns.second][:]
        _check_texts(first, columns.first, where)
        _check_texts(second, columns.second, where)
        check_gold(rows[columns.gold][:], columns.gold, where)
        empty += sum(not (a.strip() and b.strip()) for a, b in zip(first, second, strict=True))
        total += len(rows)
    return Findings((f"{empty} of {total} pairs of {task.name} have an empty text",) * (empty > 0))


def _check_scores(gold: Sequence[Any], column: str, where: str) -> None:
    for index, value in enumerate(gold):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise DataError(
                f"{where} row {index} has the gold score {cell_text(value)}, which is no number.",
                f"a file whose column {column} holds numbers only",
            )
    if len(gold) < FEWEST_PAIRS:
        raise DataError(
            f"{where} has {len(gold)} pairs; a rank correlation needs {FEWEST_PAIRS} or more.",
            "a file with more pairs",
        )
    if len(set(gold)) == 1:
        raise DataError(
            f"{where} has the gold score {gold[0]} for all {len(gold)} pairs; nothing "
            "correlates with a constant.",
            f"a file whose column {column} tells pairs apart",
        )


def _check_labels(gold: Sequence[Any], column: str, where: str) -> None:
    for index, value in enumerate(gold):
        if value not in (0, 1):
            raise DataError(
                f"{where} row {index} has the label {cell_text(value)}; a pair is 1 (alike) or 0.",
                f"a file whose column {column} holds 0 and 1 only",
            )
    if len(set(gold)) == 1:
        raise DataError(
            f"{where} has the label {int(gold[0])} for all {len(gold)} pairs; there is nothing "
            "to tell apart.",
            f"a file whose column {column} holds both 0 and 1",
        )


def _check_classification(mteb_task: AbsTaskClassification, task: Task) -> Findings:
    scarce: dict[str, int] = {}
    for subset in mteb_task.hf_subsets:
        for split in dict.fromkeys((mteb_task.train_split, *task.splits)):
            _check_class_split(mteb_task, task, subset, split)
        where = _where(task, subset, mteb_task.train_split)
        train = splits_of(mteb_task, subset)[mteb_task.train_split]
        counts = Counter(train[mteb_task.label_column_name])
        _check_classes(mteb_task, counts, where)
        if few := sum(count < mteb_task.samples_per_label for count in counts.values()):
            scarce[where] = few
    return Findings(_scarce(scarce, mteb_task.samples_per_label))


def _check_class_split(
    mteb_task: AbsTaskClassification, task: Task, subset: str, split: str
) -> None:
    text, label = str(mteb_task.input_column_name), mteb_task.label_column_name
    splits, where = splits_of(mteb_task, subset), _where(task, subset, split)
    if split not in splits:
        raise DataError(
            f"{where} is not there (there: {', '.join(splits)}); {task.name} trains a classifier "
            f"on {mteb_task.train_split} and tests it on {', '.join(task.splits)}.",
            f"a file {split}.parquet or {split}.jsonl of {task.dataset} put there",
        )
    _check_columns(splits[split], (text, label), where)
    _check_texts(splits[split][text], text, where)
    if None in splits[split][label]:
        raise DataError(f"{where} has a row without a {label}.", f"a file with every {label}")


def _check_classes(mteb_task: AbsTaskClassification, counts: Counter[Any], where: str) -> None:
    if len(counts) == 1:
        raise DataError(
            f"{where} has one class only, {next(iter(counts))!r}; a classifier needs two.",
            f"a file whose column {mteb_task.label_column_name} holds two classes or more",
        )
    if mteb_task.is_cross_validation and counts.total() < mteb_task.n_splits:
        raise DataError(
            f"{where} has {counts.total()} rows; cross-validation needs {mteb_task.n_splits}.",
            "a file with more rows",
        )


def _scarce(scarce: Mapping[str, int], wanted: int) -> tuple[str, ...]:
    if not scarce:
        return ()
    where, classes = next(iter(scarce.items()))
    others = f"; so it is in {len(scarce) - 1} more subsets" if len(scarce) > 1 else ""
    return (f"{where}: {classes} classes have fewer than {wanted} texts to train on{others}",)


def _check_retrieval(mteb_task: AbsTaskRetrieval, task: Task) -> Findings:
    doubts: list[DataError] = []
    for subset, split in parts(mteb_task, task):
        data, where = retrieval_data(mteb_task, subset, split), _where(task, subset, split)
        documents, queries = column_of(data["corpus"], "id"), column_of(data["queries"], "id")
        if not len(queries):
            raise DataError(
                f"{where} has no query with a judgement: their ids differ.",
                "the queries and judgements of one data set",
            )
        candidates = chain.from_iterable((data["top_ranked"] or {}).values())
        # mteb has no vector for these
        for error in _unknown(candidates, documents, "candidates are not in the corpus", where):
            raise error
        judged = data["relevant_docs"]
        named = chain.from_iterable(judged.values())
        doubts += [
            *_twice(documents, "corpus", where),
            *_twice(queries, "queries", where),
            *_unknown(judged, queries, "judged queries are not there", where),
            *_unknown(named, documents, "judgements name a document that is not there", where),
        ]
    return Findings(doubts=tuple(doubts))


def _twice(ids: pa.ChunkedArray, config: str, where: str) -> list[DataError]:
    if pc.count_distinct(ids, mode="all").as_py() == len(ids):
        return []
    again = [name for name, count in Counter(ids.to_pylist()).items() if count > 1]
    return [
        DataError(
            f"{where} has {len(again)} ids in {config} more than once, such as {again[0]!r}; "
            "only one row of each would count.",
            f"a file of {config} in which every id stands once",
        )
    ]


def _unknown(
    named: Iterable[str], known: pa.ChunkedArray, what: str, where: str
) -> list[DataError]:
    names = list(named)
    if pa.types.is_string(known.type) or pa.types.is_large_string(known.type):
        there = pc.is_in(pa.array(names, known.type), known.combine_chunks()).to_pylist()
    else:  # no id of these is a name
        there = [False] * len(names)
    absent = [name for name, found in zip(names, there, strict=True) if not found]
    if not absent:
        return []
    return [
        DataError(
            f"{where}: {len(absent)} of {len(names)} {what}, such as {absent[0]!r}.",
            "a corpus, queries and judgements of the same data set",
        )
    ]
