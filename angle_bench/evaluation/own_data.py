"""The rows of own tasks: columns under their field's name, each value checked."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from angle_bench.errors import DataError, did_you_mean, first_line
from angle_bench.evaluation.data import Located, options_of
from angle_bench.evaluation.reader.places import opened_all
from angle_bench.evaluation.reader.problems import columns_text, reads_like_a_row, short
from angle_bench.results.own_task import FIELDS
from angle_bench.results.task import Task

Columns = dict[str, list[Any]]


def part_of(task: Task, located: Located, subset: str, part: str) -> "Part":
    """The rows of a split, or of a part of retrieval data.

    Raises:
        DataError: They cannot be fetched from the hub.
    """
    if located.files:
        place = located.files[subset, part]
        files = opened_all(place, options_of(task))
        numbered = [pair for file in files for pair in file.rows()]
        columns = dict.fromkeys(name for file in files for name in file.met)
        rows, numbers = [row for _, row in numbered], [number for number, _ in numbered]
        return Part(task, str(place), rows, list(columns), numbers, files[0].unit)
    import datasets

    name = None if subset == "default" else subset
    try:
        rows = datasets.load_dataset(task.dataset, name, split=part, revision=located.revision)
    except Exception as error:  # transport, parser and builder errors share no base
        raise DataError(
            f"the data set {task.dataset} could not be fetched from the hub: {first_line(error)}",
            f"--mirror DIR with DIR/{task.dataset}/{'' if name is None else f'{name}/'}"
            f"{part}.parquet, or the same command with a network",
        ) from error
    return Part(task, f"{task.dataset} {subset}/{part}", rows.to_list())


def unused_columns(task: Task, located: Located) -> list[str]:
    """The columns of a user's files that nothing is read of; of retrieval with their part."""
    found: dict[str, None] = {}
    for key, read in located.read.items():
        part = key.rpartition("/")[2] if task.type == "Retrieval" else ""
        used = {column_of(field, task.columns, read.columns) for field in _fields(task, part)}
        unused = [name for name in read.columns if name not in used]
        found |= dict.fromkeys(f"{part}.{name}" if part else name for name in unused)
    return list(found)


def _fields(task: Task, part: str) -> list[str]:
    fields = FIELDS[task.type]
    if part:
        return [field for field in fields if field.startswith(f"{part}.")]
    if task.type == "Classification":  # of texts, or with a protocol of pairs
        pairs = any(field == "sentence1" for field, _ in task.columns)
        return ["label", *(("sentence1", "sentence2") if pairs else ("text",))]
    return list(fields)


def column_of(field: str, columns: Iterable[tuple[str, str]], there: Sequence[str]) -> str:
    """The column of a field; of retrieval data the field has its part, as in `corpus.id`."""
    name = dict(columns).get(field, field.rpartition(".")[2])
    # BEIR's files say _id
    return "_id" if name == "id" and "id" not in there and "_id" in there else name


class Part:
    """Rows, and where they are from; every check names the place and the line or row, from 1."""

    def __init__(
        self,
        task: Task,
        where: str,
        rows: Sequence[Mapping[str, Any]],
        columns: Sequence[str] = (),
        numbers: Sequence[int] = (),
        unit: str = "row",
    ) -> None:
        if not rows:
            raise DataError(f"{where} has no rows.", "a file with the rows of this split")
        self.where = where
        self._task = task
        self._rows = rows
        self._there = list(columns) or list(rows[0])
        self._numbers = numbers or range(1, len(rows) + 1)
        self._unit = unit

    def __len__(self) -> int:
        return len(self._rows)

    def has(self, field: str) -> bool:
        """Whether the data has a column for a field."""
        return self._column(field) in self._there

    def values(self, field: str, check: Callable[[Any], Any], what: str) -> list[Any]:
        """The values of a field.

        Args:
            field: Its name; of retrieval data with its part, as in `corpus.id`.
            check: Gives the value to use, or raises ValueError.
            what: What a value has to be, for the user.

        Raises:
            DataError: There is no such column, or a value is something else.
        """
        column = self._column(field)
        if not self.has(field):
            raise self._no_column(field, column)
        found = []
        for number, row in zip(self._numbers, self._rows, strict=True):
            value = row.get(column)
            try:
                found.append(check(value))
            except (ValueError, TypeError) as error:
                raise DataError(
                    f"{self.where} {self._unit} {number} has {short(repr(value))} in {column}, "
                    f"which is {what}.",
                    f"the {self._unit} {number} corrected or left out",
                ) from error
        return found

    def _column(self, field: str) -> str:
        return column_of(field, self._task.columns, self._there)

    def _no_column(self, field: str, column: str) -> DataError:
        there = [str(name) for name in self._there]
        if field.startswith("qrels.") and len(there) == 4 and there[3].lstrip("-").isdigit():
            what = "has no header: its first line is a judgement, as in qrels of TREC"
            return self.refused(what, "a first line query-id, iteration, corpus-id, score")
        near = [] if reads_like_a_row(there) else did_you_mean(column, there)
        name = short(near[0]) if near else "NAME"
        return DataError(
            f"{self.where} has no column {column}; {columns_text(there)}.",
            f'columns = {{"{field}" = "{name}"}} in the [[task]] of {self._task.name}'
            + (", if that is the one" if near else ", or a first line with the columns' names"),
        )

    def refused(self, what: str, fix: str) -> DataError:
        """An error about these rows."""
        return DataError(f"{self.where} {what}.", fix)


def text(value: Any) -> str:
    """A text as it is."""
    if not isinstance(value, str):
        raise ValueError
    return value


def identifier(value: Any) -> str:
    """An id: text, or a whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError
    return str(value)


def number(value: Any) -> float:
    """A finite number, also as text."""
    if isinstance(value, bool):
        raise ValueError
    found = float(value)
    if not math.isfinite(found):
        raise ValueError
    return found


def binary(value: Any) -> int:
    """0 or 1, also as text."""
    found = float(value)
    if found not in (0, 1):
        raise ValueError
    return int(found)


def whole(value: Any) -> int:
    """A whole number, also as text."""
    found = number(value)
    if not found.is_integer():
        raise ValueError
    return int(found)


def label(value: Any) -> str | int:
    """A label: text, or a whole number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str | int) or value == "":
        raise ValueError
    return int(value) if isinstance(value, bool) else value


def texts(value: Any) -> list[str]:
    """A list of texts."""
    if not isinstance(value, list):
        raise ValueError
    return [text(each) for each in value]


def pairs(part: Part) -> Columns:
    """The two texts of each row."""
    return {name: part.values(name, text, "no text") for name in ("sentence1", "sentence2")}


def scored_pairs(part: Part) -> Columns:
    """Pairs with a score on any scale."""
    columns = pairs(part)
    scores = part.values("score", number, "no finite number")
    if len(set(scores)) < 2:
        raise part.refused(
            f"has the same score in all of its {len(part)} rows, so nothing can be ranked",
            "a file with scores that differ",
        )
    return {**columns, "score": scores}


def labelled_pairs(part: Part) -> Columns:
    """Pairs with a label of 0 or 1, as mteb calls it."""
    columns = pairs(part)
    labels = part.values("label", binary, "neither 0 nor 1")
    if len(set(labels)) < 2:
        raise part.refused(f"has the label {labels[0]} alone", "a file with both 0 and 1")
    return {**columns, "labels": labels}


def labelled(part: Part, fields: Sequence[str]) -> Columns:
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
        DataError: One does not.
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
        DataError: One has fewer.
    """
    for code, name in enumerate(names):
        if 0 < (count := columns["label"].count(code)) < least:
            raise DataError(
                f"{task.name}: the label {name} has {count} texts in {task.train}, and "
                f"{task.folds} folds need {least} of each label.",
                "folds = 3 or so in its [[task]], or more texts of that label",
            )


def documents(part: Part) -> Columns:
    """The corpus of a retrieval task: ids, texts, and titles where there are any."""
    columns = _with_ids(part, "corpus")
    titles = part.values("corpus.title", _title, "no text") if part.has("corpus.title") else None
    return {**columns, "title": titles or [""] * len(part)}


def _title(value: Any) -> str:
    return "" if value is None else text(value)


def queries(part: Part) -> Columns:
    """The queries of a retrieval task: ids and texts."""
    return _with_ids(part, "queries")


def _with_ids(part: Part, name: str) -> Columns:
    ids = part.values(f"{name}.id", identifier, "no id")
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise part.refused(
                f"has the id {each} {ids.count(each)} times", "a file in which every id is once"
            )
        seen.add(each)
    return {"id": ids, "text": part.values(f"{name}.text", text, "no text")}


def judgements(part: Part, corpus: Columns, asked: Columns) -> dict[str, dict[str, int]]:
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
        by_query.setdefault(query, {})[document] = score
    if not any(score > 0 for found in by_query.values() for score in found.values()):
        raise part.refused("judges no document as relevant", "scores of 1 or more")
    return by_query


def candidates(part: Part) -> list[tuple[str, list[str], list[str]]]:
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
