"""Names of columns: ours for theirs, and the format that they make."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from angle_bench.errors import DataError, did_you_mean
from angle_bench.evaluation.reader.problems import columns_text, reads_like_a_row, short
from angle_bench.training.data.sources import name_of
from angle_bench.training.recipe.data_sections import COLUMNS, DataSource

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
    "pos": "positive",
    "neg": "negative",
}
# negative_1, negative_2 … are one list
_NUMBERED = re.compile(r"(positive|negative)_?(\d+)")


def format_of(columns: Iterable[str], source: DataSource) -> Format:
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
    table = ", ".join(f'{_key(name)} = "{ours}"' for name, ours in likely_names(there).items())
    own = 'theirs = "ours"'
    raise DataError(
        f"{name_of(source)} has no columns to train on; {columns_text(sorted(there))}. It needs "
        "text1, text2, label, or query, positive with or without negative.",
        f"columns = {{ {table or own} }} in its [[data.train]]",
    )


def likely_names(there: set[str]) -> dict[str, str]:
    """What columns of other names are most likely, ours by theirs, of ours that are missing.

    Each of ours once; none where what should be columns reads like a row.
    """
    if reads_like_a_row(sorted(there)):
        return {}
    hints: dict[str, str] = {}
    guesses = [(name, [ours]) for name, ours in _OTHERS.items() if name in there]
    guesses += [(name, did_you_mean(name, COLUMNS)) for name in sorted(there - set(COLUMNS))]
    for name, likely in guesses:
        open_ = [ours for ours in likely if ours not in there and ours not in hints.values()]
        if open_ and name not in hints:
            hints[name] = open_[0]
    return hints


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)


def renamed(columns: Iterable[str], source: DataSource) -> dict[str, str]:
    """Ours by theirs, for every column that is used.

    Raises:
        DataError: `columns` names one that is not there, or one of the new names is taken.
    """
    there = list(columns)
    for theirs, ours in source.columns.items():
        if theirs not in there:
            near = [] if reads_like_a_row(there) else did_you_mean(theirs, there)
            hint = f" Did you mean {short(near[0])}?" if near else ""
            near = [name for name in near if name not in COLUMNS]  # what is ours is no other's
            without = f"the columns of its [[data.train]] without {theirs}"
            raise DataError(
                f"{name_of(source)} has no column {theirs}; {columns_text(there)}.{hint}",
                f"{without}, since {ours} is there"
                if ours in there
                else f'columns = {{ {_key(near[0])} = "{ours}" }} in its [[data.train]]'
                if near
                else f"{without}, or a file that has it",
            )
        if ours in there and ours not in source.columns:
            raise DataError(
                f"{name_of(source)} has both {theirs} and {ours}.",
                f'{ours} = "…" or no {theirs} in columns of its [[data.train]]',
            )
    return {name: source.columns.get(name, name) for name in there}


def grouped(names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Columns by our name for them; numbered ones, by their numbers, are one.

    Args:
        names: Ours by theirs.

    >>> grouped({"query": "query", "negative_2": "negative_2", "negative_1": "negative_1"})
    {'query': ('query',), 'negative': ('negative_1', 'negative_2')}
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for theirs, ours in names.items():
        numbered = _NUMBERED.fullmatch(ours)
        name, number = (numbered[1], int(numbered[2])) if numbered else (ours, -1)
        found.setdefault(name, []).append((number, theirs))
    return {name: tuple(each for _, each in sorted(columns)) for name, columns in found.items()}
