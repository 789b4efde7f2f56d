"""Training rows: their format by their columns, each value checked, what is dropped counted."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from angle_bench.errors import DataError, did_you_mean
from angle_bench.training.settings import COLUMNS, Objectives, Prompts, Source
from angle_bench.training.sources import name_of

Format = Literal["A", "B", "C"]

TEXT_COLUMNS: dict[Format, tuple[str, ...]] = {
    "A": ("text1", "text2"),
    "B": ("query", "positive"),
    "C": ("query", "positive", "negative"),
}
# what others call ours, for the hint alone
_OTHERS = {
    "sentence1": "text1",
    "sentence2": "text2",
    "score": "label",
    "labels": "label",
    "premise": "text1",
    "hypothesis": "text2",
    "anchor": "query",
    "text": "query",
    "question": "query",
    "answer": "positive",
    "document": "positive",
}


@dataclass(frozen=True)
class Row:
    """A row that can be trained on.

    Attributes:
        texts: Of each text column, the texts of which one is drawn each time.
        label: From 0 to 1, in format A alone.
    """

    texts: tuple[tuple[str, ...], ...]
    label: float | None


@dataclass
class Counts:
    """What became of the rows of a source, by reason."""

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> int:
        """The rows that are trained on."""
        return self.read - self.dropped.total()


def format_of(columns: Iterable[str], source: Source) -> Format:
    """The format that columns, under our names, make.

    Raises:
        DataError: They make none, or two.
    """
    there = set(columns)
    pairs, triplets = {"text1", "text2", "label"} <= there, {"query", "positive"} <= there
    if pairs and triplets:
        raise DataError(
            f"{name_of(source)} has columns of labelled pairs and of queries.",
            "a data set with text1, text2, label, or one with query, positive",
        )
    if pairs:
        return "A"
    if triplets:
        return "C" if "negative" in there else "B"
    table = ", ".join(f'{name} = "{ours}"' for name, ours in likely_names(there).items())
    own = 'theirs = "ours"'
    raise DataError(
        f"{name_of(source)} has the columns {', '.join(sorted(there)) or 'none'}; it needs text1, "
        "text2, label, or query, positive with or without negative.",
        f"columns = {{ {table or own} }} in its [[data.train]]",
    )


def likely_names(there: set[str]) -> dict[str, str]:
    """What columns of other names are most likely, ours by theirs, of ours that are missing."""
    hints = {name: ours for name, ours in _OTHERS.items() if name in there and ours not in there}
    for name in sorted(there - set(COLUMNS) - set(hints)):
        if near := [ours for ours in did_you_mean(name, COLUMNS) if ours not in there]:
            hints[name] = near[0]
    return hints


def renamed(columns: Iterable[str], source: Source) -> dict[str, str]:
    """Ours by theirs, for every column that is used.

    Raises:
        DataError: `columns` names one that is not there, or one of the new names is taken.
    """
    there = list(columns)
    for theirs, ours in source.columns.items():
        if theirs not in there:
            near = did_you_mean(theirs, there)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise DataError(
                f"{name_of(source)} has no column {theirs}; its columns are "
                f"{', '.join(there)}.{hint}",
                f"the columns of its [[data.train]] without {theirs}, since {ours} is there"
                if ours in there
                else f'columns = {{ {(near or there)[0]} = "{ours}" }} in its [[data.train]]',
            )
        if ours in there and ours not in source.columns:
            raise DataError(
                f"{name_of(source)} has both {theirs} and {ours}.",
                f'{ours} = "…" or no {theirs} in columns of its [[data.train]]',
            )
    return {name: source.columns.get(name, name) for name in there}


class Checker:
    """Checks the rows of one source; counts what it drops.

    Attributes:
        format: What the first row's columns make.
        counts: What became of the rows so far.
    """

    def __init__(self, columns: Iterable[str], source: Source) -> None:
        self._source = source
        theirs = {ours: name for name, ours in renamed(columns, source).items()}
        self.format = format_of(theirs, source)
        if source.label_range is not None and self.format != "A":
            raise DataError(
                f"{name_of(source)} has no labels to rescale.",
                "the [[data.train]] without label_range",
            )
        self._texts = [theirs[name] for name in TEXT_COLUMNS[self.format]]
        self._label = theirs["label"] if self.format == "A" else None
        self.counts = Counts()

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Row]]:
        """Rows that can be trained on, each with its number in the source, from 0."""
        for number, row in enumerate(rows):
            self.counts.read += 1
            checked = self._row(number, row)
            if isinstance(checked, Row):
                yield number, checked
            else:
                self.counts.dropped[checked] += 1

    def _row(self, number: int, row: Mapping[str, Any]) -> Row | str:
        """The row, or why it is dropped."""
        texts = []
        for column in self._texts:
            if (value := row.get(column)) is None:
                return f"no {column}"
            found = self._texts_of(number, column, value)
            if not found:
                return f"empty {column}"
            texts.append(found)
        if self._label is None:
            return Row(tuple(texts), None)
        value = row.get(self._label)
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return f"no {self._label}"
        return Row(tuple(texts), self._label_of(number, value))

    def _texts_of(self, number: int, column: str, value: Any) -> tuple[str, ...]:
        listed = value if isinstance(value, list | tuple) else [value]
        if wrong := [each for each in listed if each is not None and not isinstance(each, str)]:
            raise self._refused(number, f"has {wrong[0]!r} in {column}, which is no text")
        return tuple(each for each in listed if each is not None and each.strip())

    def _label_of(self, number: int, value: Any) -> float:
        try:
            label = float(value)
        except (TypeError, ValueError):
            label = math.nan
        if not math.isfinite(label):
            raise self._refused(number, f"has the label {value!r}, which is no number")
        low, high = self._source.label_range or (0.0, 1.0)
        if not low <= label <= high:
            if self._source.label_range is not None:
                said = f"has the label {label:g}, outside label_range {[low, high]}"
                raise self._refused(number, said, "label_range with the lowest and highest label")
            raise self._refused(
                number,
                f"has the label {label:g}; labels go from 0 to 1",
                "label_range = [0, 5] in its [[data.train]], with the ends of your scale",
            )
        return (label - low) / (high - low)

    def _refused(self, number: int, what: str, fix: str = "") -> DataError:
        return DataError(
            f"{name_of(self._source)} row {number} {what}.",
            fix or f"row {number} (counted from 0) mended or left out",
        )


def refuse_idle(format: Format, loss: Objectives, prompts: Prompts | None, batch_size: int) -> None:
    """Refuse a recipe that would leave the model as it is, or prompts that no text would get.

    Raises:
        DataError: So it is.
    """
    used = {
        "A": ("cosine_w", "ibn_w", "angle_w"),
        "B": ("ibn_w",),
        "C": ("ibn_w", "cln_w", "angle_w", "cosine_w"),
    }[format]
    if not any(getattr(loss, name) for name in used):
        raise DataError(
            f"nothing would be learned: of format {format} {', '.join(used)} count, and are 0.",
            f"--set loss.{used[0]}=1",
        )
    wrong = ("query", "document") if format == "A" else ("text",)
    for name in wrong:
        if getattr(prompts, name, ""):
            right = "text" if format == "A" else "query and document"
            raise DataError(
                f"prompts.{name} is for data of another format than {format}, "
                f"{' and '.join(TEXT_COLUMNS[format])}.",
                f"the prompt as {right} in [prompts]",
            )
    if batch_size == 1 and format != "C":
        raise DataError(
            f"a batch of one row of format {format} has nothing to compare it with.",
            "--set train.batch_size=32, with accumulation for larger ones",
        )
