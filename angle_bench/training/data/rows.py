"""Training rows: each value checked, what is dropped counted."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from angle_bench.errors import DataError
from angle_bench.evaluation.reader.problems import cell_text, short
from angle_bench.training.data.columns import TEXT_COLUMNS, Format, format_of, grouped, renamed
from angle_bench.training.data.sources import SourceRow, name_of
from angle_bench.training.recipe.data_sections import DataSource, Prompts
from angle_bench.training.recipe.loss_sections import Objectives


@dataclass(frozen=True)
class TrainingRow:
    """A row that can be trained on.

    Attributes:
        texts: Of each text column, the texts of which one is drawn each time.
        label: From 0 to 1, in format A alone.
    """

    texts: tuple[tuple[str, ...], ...]
    label: float | None


@dataclass
class RowPart:
    """Of a column, under our name for it.

    Attributes:
        rows: That have it.
        texts: In these, more than rows where a row has several; of a label none.
    """

    rows: int = 0
    texts: int = 0


@dataclass
class RowCounts:
    """What became of the rows of a source, by reason.

    Attributes:
        read: Rows that could be read.
        dropped: Of these, by why they are not trained on.
        parts: Rows that have a text (or a label) of each column, and how many texts in all.
        unused: Columns that nothing is read of.
        skipped: A line for each file of which rows could not be read and were skipped.
    """

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    parts: dict[str, "RowPart"] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    skipped: list[str] = field(default_factory=list)

    @property
    def kept(self) -> int:
        """The rows that are trained on."""
        return self.read - self.dropped.total()


class Checker:
    """Checks the rows of one source; counts what it drops.

    Attributes:
        format: What the first row's columns make.
        counts: What became of the rows so far.
    """

    def __init__(self, columns: Iterable[str], source: DataSource) -> None:
        self._source = source
        there = list(columns)
        theirs = grouped(renamed(there, source))
        self.format = format_of(theirs, source)
        if source.label_range is not None and self.format != "A":
            raise DataError(
                f"{name_of(source)} has no labels to rescale.",
                "the [[data.train]] without label_range",
            )
        self._texts = [theirs[name] for name in TEXT_COLUMNS[self.format]]
        self._label = theirs["label"][0] if self.format == "A" else None
        used = {name for names in self._texts for name in names} | {self._label}
        names = [*TEXT_COLUMNS[self.format], *(["label"] if self._label else [])]
        self.counts = RowCounts(
            parts={name: RowPart() for name in names},
            unused=tuple(name for name in there if name not in used),
        )

    def rows(self, rows: Iterable[SourceRow]) -> Iterator[tuple[int, TrainingRow]]:
        """Rows that can be trained on, each with its number in the source, from 0."""
        for number, row in enumerate(rows):
            self.counts.read += 1
            checked = self._row(row)
            if isinstance(checked, TrainingRow):
                yield number, checked
            else:
                self.counts.dropped[checked] += 1

    def _row(self, source_row: SourceRow) -> TrainingRow | str:
        """The row, or why it is dropped."""
        row = source_row.values
        texts: list[tuple[str, ...]] = []
        missing = ""
        for ours, names in zip(TEXT_COLUMNS[self.format], self._texts, strict=True):
            values = {name: row[name] for name in names if row.get(name) is not None}
            shown = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
            found: list[str] = []
            for name, value in values.items():
                found += self._texts_of(source_row, name, value)
            if not found:
                missing = missing or (f"empty {shown}" if values else f"no {shown}")
                continue
            self.counts.parts[ours].rows += 1
            self.counts.parts[ours].texts += len(found)
            texts.append(tuple(found))
        value = None if self._label is None else row.get(self._label)
        if self._label is not None and not _is_missing(value):
            self.counts.parts["label"].rows += 1
        elif self._label is not None:
            missing = missing or f"no {self._label}"
        if missing:
            return missing
        if self._label is None:
            return TrainingRow(tuple(texts), None)
        return TrainingRow(tuple(texts), self._label_of(source_row, value))

    def _texts_of(self, row: SourceRow, column: str, value: Any) -> tuple[str, ...]:
        listed = value if isinstance(value, list | tuple) else [value]
        if wrong := [each for each in listed if each is not None and not isinstance(each, str)]:
            raise self._refused(
                row, f"has {cell_text(wrong[0])} in {short(column)}, which is no text"
            )
        return tuple(each for each in listed if each is not None and each.strip())

    def _label_of(self, row: SourceRow, value: Any) -> float:
        try:
            label = float(value)
        except (TypeError, ValueError):
            label = math.nan
        if not math.isfinite(label):
            raise self._refused(row, f"has the label {cell_text(value)}, which is no number")
        low, high = self._source.label_range or (0.0, 1.0)
        if not low <= label <= high:
            if self._source.label_range is not None:
                said = f"has the label {label:g}, outside label_range {[low, high]}"
                raise self._refused(row, said, "label_range with the lowest and highest label")
            raise self._refused(
                row,
                f"has the label {label:g}; labels go from 0 to 1",
                "label_range = [0, 5] in its [[data.train]], with the ends of your scale",
            )
        return (label - low) / (high - low)

    def _refused(self, row: SourceRow, what: str, fix: str = "") -> DataError:
        where = row.where(self._source)
        return DataError(f"{where} {what}.", fix or f"{where} corrected or left out")


def _is_missing(value: Any) -> bool:
    """Whether there is no label: null, an empty cell, or NaN, in every kind of file alike."""
    if isinstance(value, str):
        return value.strip().casefold() in ("", "nan", "null", "none", "na")
    return value is None or (isinstance(value, float) and math.isnan(value))


def idle(format: Format, loss: Objectives) -> list[str]:
    """What a recipe asks for that has no effect on rows of a format, a line each.

    >>> idle("B", Objectives(cosine_w=1.0))
    ['loss.cosine_w is for rows with labels or negatives, and those of format B have none']
    """
    negatives = loss.ibn_w or (loss.cln_w and format == "C")
    said = {}
    if format == "B":
        said = dict.fromkeys(("cosine_w", "angle_w"), "labels or negatives")
    if format != "C":
        said["cln_w"] = "negatives of their own"
    usual = Objectives()
    lines = [
        f"loss.{name} is for rows with {what}, and those of format {format} have none"
        for name, what in said.items()
        if getattr(loss, name) not in (0, getattr(usual, name))
    ]
    asked = {"mask_duplicates": loss.mask_duplicates, "ibn_margin": loss.ibn_margin is not None}
    names = "loss.ibn_w and loss.cln_w are" if format == "C" else "loss.ibn_w is"
    lines += [
        f"loss.{name} is of in-batch negatives, and {names} 0"
        for name, given in asked.items()
        if given and not negatives
    ]
    return lines


def require_active_objective(
    format: Format, loss: Objectives, prompts: Prompts | None, batch_size: int
) -> None:
    """Refuse a recipe that would leave the model as it is, or prompts that no text would get.

    Raises:
        DataError: every objective of this format has weight 0.
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
    for name in [*wrong, *(f"more_{role}" for role in wrong)]:
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
