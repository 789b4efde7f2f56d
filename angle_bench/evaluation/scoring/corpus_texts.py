"""The texts of a retrieval corpus as mteb hands them to a model, block by block.

mteb joins title and text row by row, keeps three columns of that on disk, and collates them by
batches, which takes longer than a small model's forward pass. What is not plain text is left to it.
"""

from collections.abc import Iterator
from typing import Any

import datasets

BLOCK = 50_000  # documents; what mteb encodes and compares at once
_STRINGS = {"string", "large_string"}


def is_plain(rows: datasets.Dataset) -> bool:
    """Whether rows have a text each, and where there is a column of titles a title, and no more.

    Other modalities, texts that are conversations and rows without a text are mteb's to handle.
    """
    wanted = ["text", *(["title"] if "title" in rows.column_names else [])]
    others = {"image", "audio", "video"} & set(rows.column_names)
    if others or any(
        getattr(rows.features.get(name), "dtype", "") not in _STRINGS for name in wanted
    ):
        return False
    return all(column_of(rows, name).null_count == 0 for name in wanted)


def column_of(rows: datasets.Dataset, name: str) -> Any:
    """A column as Arrow's chunks, which are not copied into Python objects."""
    return rows.with_format("arrow")[name][:]


def document_texts(rows: datasets.Dataset) -> list[str]:
    """The text of each document: its title and its text, without white space around them."""
    texts: list[str] = column_of(rows, "text").to_pylist()
    if "title" not in rows.column_names:
        return [text.strip() for text in texts]
    titles = column_of(rows, "title").to_pylist()
    return [
        (f"{title} {text}" if title else text).strip()
        for title, text in zip(titles, texts, strict=True)
    ]


def blocks(rows: datasets.Dataset, size: int = BLOCK) -> Iterator[tuple[int, datasets.Dataset]]:
    """Consecutive rows with the place of the first."""
    for start in range(0, len(rows), size):
        yield start, rows.select(range(start, min(start + size, len(rows))))


def count_characters(rows: datasets.Dataset) -> int:
    """The characters of all documents."""
    return sum(len(text) for _, block in blocks(rows) for text in document_texts(block))
