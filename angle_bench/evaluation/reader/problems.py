"""Rows that cannot be read: an error with file and line, or counted where they are skipped."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from angle_bench.errors import DataError, printable, some
from angle_bench.evaluation.reader.kinds import ReadOptions

SHOWN = 3  # bad rows that a message names
_LONGEST = 60
_NAMES = 20  # columns that a message names
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")

Unit = Literal["line", "row"]


class Problems:
    """What is wrong with the rows of one file.

    Attributes:
        skipped: The number of each row that was left out, and why.
    """

    def __init__(self, place: Path, unit: Unit, options: ReadOptions) -> None:
        self.place = place
        self.unit = unit
        self.options = options
        self.skipped: list[tuple[int, str]] = []

    def bad_row(self, number: int, what: str, fix: str = "") -> None:
        """Refuse a row, or leave it out and count it where that was asked for.

        Args:
            number: Its line, or its number, from 1.
            what: What is wrong with it, as the end of a sentence.
            fix: What to type.

        Raises:
            DataError: Bad rows are not to be skipped.
        """
        if not self.options.skip_bad_rows:
            raise self.error(number, what, fix)
        self.skipped.append((number, what))

    def error(self, number: int, what: str, fix: str = "") -> DataError:
        """An error about a row."""
        skip = self.options.typed("skip_bad_rows")
        return DataError(
            f"{self.place} {self.unit} {number} {what}.",
            f"{fix}, or {skip}" if fix else f"{skip}, or correct {self.unit} {number}",
        )

    def refused(self, what: str, fix: str) -> DataError:
        """An error about the file as a whole."""
        return DataError(f"{self.place} {what}.", fix)


def skipped_text(skipped: list[tuple[int, str]], unit: Unit) -> str:
    """`2 bad rows skipped: line 3 has 2 cells, line 9 holds null`."""
    named = [f"{unit} {number} {what}" for number, what in skipped[:SHOWN]]
    more = len(skipped) - len(named)
    rows = "1 bad row" if len(skipped) == 1 else f"{len(skipped):,} bad rows"
    return f"{rows} skipped: {', '.join(named)}" + (f" and {more:,} more" if more else "")


def short(text: str) -> str:
    """A text on one line, cut where it is long."""
    text = printable(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def cell_text(value: object) -> str:
    """A value on one line, cut where it is long: null and true as JSON writes them, 'a text'."""
    if isinstance(value, str):
        return short(repr(value))
    try:
        return short(json.dumps(value, ensure_ascii=False, default=str))
    except (ValueError, RecursionError):  # an integer of thousands of digits; nested deeply
        return "a value that cannot be printed"


def reads_like_a_row(names: Sequence[str]) -> bool:
    """Whether a header is most likely a row of a file without one: no message prints such."""
    numbers = [_NUMBER.fullmatch(name.strip()) is not None for name in names]
    prose = any(len(name) > 40 or len(name.split()) > 4 for name in names)
    return prose or (any(numbers) and not all(numbers))


def columns_text(names: Sequence[str]) -> str:
    """`its columns are a, b`; where they read like a row, no text of it."""
    if reads_like_a_row(names):
        return f"its first line reads like a row of {len(names)} cells, not like a header"
    return f"its columns are {some([short(name) for name in names], _NAMES) or 'none'}"
