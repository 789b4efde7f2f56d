"""The texts in what `encode` is given: mteb's loader, or any iterable of strings or rows."""

from collections.abc import Iterable, Mapping
from typing import Any


def texts_of(inputs: Iterable[Any]) -> list[str]:
    """The texts of mteb's batches, or of any other iterable of strings or rows with `text`."""
    column: list[Any] | None = _whole_column(inputs)
    if column is not None:
        return column
    texts: list[Any] = []
    for item in inputs:
        found = item["text"] if isinstance(item, Mapping) and "text" in item else item
        if isinstance(found, str) or found is item:  # what is no string is refused by its place
            texts.append(found)
        else:
            texts += found
    return texts


def _whole_column(inputs: Any) -> list[Any] | None:
    """The text column under mteb's loader, read at once: row by row takes longer than scoring."""
    if type(getattr(inputs, "sampler", None)).__name__ != "SequentialSampler":
        return None  # no loader of torch, or one that shuffles
    import datasets

    rows = inputs.dataset
    if not isinstance(rows, datasets.Dataset) or rows.column_names != ["text"]:
        return None
    found: list[Any] = rows["text"][:]
    return found if all(isinstance(text, str) for text in found) else None
