"""What each type of own task makes of its rows, in the columns that mteb has."""

from collections.abc import Mapping, Sequence
from typing import Any

from angle_bench.errors import DataError
from angle_bench.evaluation.user_tasks.fields import (
    TaskPart,
    binary,
    identifier,
    label,
    number,
    text,
    texts,
    whole,
)
from angle_bench.suites.task import Task

Columns = dict[str, list[Any]]


def pairs(part: TaskPart) -> Columns:
    """The two texts of each row."""
    return {name: part.values(name, text, "no text") for name in ("sentence1", "sentence2")}


def scored_pairs(part: TaskPart) -> Columns:
    """Pairs with a score on any scale."""
    columns = pairs(part)
    scores = part.values("score", number, "no finite number")
    if len(set(scores)) < 2:
        raise part.refused(
            f"has the same score in all of its {len(part)} rows, so nothing can be ranked",
            "a file with scores that differ",
        )
    return {**columns, "score": scores}


def labelled_pairs(part: TaskPart) -> Columns:
    """Pairs with a label of 0 or 1, as mteb calls it."""
    columns = pairs(part)
    labels = part.values("label", binary, "neither 0 nor 1")
    if len(set(labels)) < 2:
        raise part.refused(f"has the label {labels[0]} alone", "a file with both 0 and 1")
    return {**columns, "labels": labels}


def labelled(part: TaskPart, fields: Sequence[str]) -> Columns:
    """Texts, or pairs of them, with a label."""
    columns = {name: part.values(name, text, "no text") for name in fields}
    return {**columns, "label": part.values("label", label, "no label")}


def label_codes(splits: Mapping[str, Columns]) -> list[str]:
    """Number the labels of all splits from 0 in place, in their order, and give their names.

    Raises:
        DataError: Some are numbers and some are text, or there is only one.
    """
    known = {value for columns in splits.values() for value in columns["label"]}
    kinds = {type(value) for value in known}
    if len(kinds) > 1:
        raise DataError(
            "some labels are numbers and others are text.", "labels of one kind in every split"
        )
    if len(known) < 2:
        raise DataError(f"{known.pop()!r} is the only label.", "data with two labels or more")
    order = sorted(known)
    code = {value: number for number, value in enumerate(order)}
    for columns in splits.values():
        columns["label"] = [code[value] for value in columns["label"]]
    return [str(value) for value in order]


def refuse_unseen(task: Task, splits: Mapping[str, Columns], names: Sequence[str]) -> None:
    """Every label that is scored must occur in the training split.

    Raises:
        DataError: A scored label does not occur in the training split.
    """
    known = set(splits[task.train]["label"])
    for split, columns in splits.items():
        for code in sorted(set(columns["label"]) - known):
            count = columns["label"].count(code)
            raise DataError(
                f"{task.name}: the label {names[code]} occurs {count} times in {split} and never "
                f"in {task.train}.",
                f"the split {task.train} with texts of that label, or {split} without them",
            )


def refuse_few(task: Task, columns: Columns, names: Sequence[str], least: int) -> None:
    """Every label must have `least` texts, or some fold has none of it.

    Raises:
        DataError: A label has fewer texts.
    """
    for code, name in enumerate(names):
        if 0 < (count := columns["label"].count(code)) < least:
            raise DataError(
                f"{task.name}: the label {name} has {count} texts in {task.train}, and "
                f"{task.folds} folds need {least} of each label.",
                "folds = 3 or so in its [[task]], or more texts of that label",
            )


def documents(part: TaskPart) -> Columns:
    """The corpus of a retrieval task: ids, texts, and titles where there are any."""
    columns = _with_ids(part, "corpus")
    titles = part.values("corpus.title", _title, "no text") if part.has("corpus.title") else None
    return {**columns, "title": titles or [""] * len(part)}


def _title(value: Any) -> str:
    return "" if value is None else text(value)


def queries(part: TaskPart) -> Columns:
    """The queries of a retrieval task: ids and texts."""
    return _with_ids(part, "queries")


def _with_ids(part: TaskPart, name: str) -> Columns:
    ids = part.values(f"{name}.id", identifier, "no id")
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise part.refused(
                f"has the id {each} {ids.count(each)} times", "a file in which every id is once"
            )
        seen.add(each)
    return {"id": ids, "text": part.values(f"{name}.text", text, "no text")}


def judgements(part: TaskPart, corpus: Columns, asked: Columns) -> dict[str, dict[str, int]]:
    """Relevance by query and document, 1 where there is no column `score`."""
    by_query: dict[str, dict[str, int]] = {}
    ids = {
        "query-id": (set(asked["id"]), "queries"),
        "corpus-id": (set(corpus["id"]), "corpus"),
    }
    columns = {name: part.values(f"qrels.{name}", identifier, "no id") for name in ids}
    for name, (known, where) in ids.items():
        if absent := [each for each in columns[name] if each not in known]:
            raise part.refused(
                f"names {len(absent)} ids that are not in {where}, such as {absent[0]}",
                f"{where} with these ids, or qrels without them",
            )
    scored = part.has("qrels.score")
    scores = part.values("qrels.score", whole, "no whole number") if scored else [1] * len(part)
    for query, document, score in zip(
        columns["query-id"], columns["corpus-id"], scores, strict=True
    ):
        before = by_query.setdefault(query, {}).setdefault(document, score)
        if before != score:
            what = f"judges {document} for {query} as {before} and as {score}"
            raise part.refused(what, "one judgement of each document")
    if not any(score > 0 for found in by_query.values() for score in found.values()):
        raise part.refused("judges no document as relevant", "scores of 1 or more")
    return by_query


def candidates(part: TaskPart) -> list[tuple[str, list[str], list[str]]]:
    """Of every row the query, the texts that answer it and those that do not.

    Rows without the one or the other are left out, as mteb leaves them out
    (`AbsTaskReranking.transform_old_dataset_format`).

    Raises:
        DataError: No row has both.
    """
    what = "no list of texts; lists need .jsonl or .parquet"
    rows = zip(
        part.values("query", text, "no text"),
        part.values("positive", texts, what),
        part.values("negative", texts, what),
        strict=True,
    )
    kept = [row for row in rows if row[1] and row[2]]
    if not kept:
        raise part.refused("has no row with both positives and negatives", "rows with both")
    return kept
