"""Triplets (format C) from SNLI: a premise, what follows from it, what contradicts it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as parquet

SPLITS = ("validation", "test")  # SNLI's training part is not in the data of the study


def triplets(rows: Iterable[tuple[str, str, str]]) -> Iterator[dict[str, str]]:
    """One triplet for each premise that has both, in the order of premises.

    Args:
        rows: Premise, hypothesis and label (entailment, neutral, contradiction) of each row.
    """
    found: dict[str, dict[str, str]] = {}
    for premise, hypothesis, label in rows:
        found.setdefault(premise.strip(), {}).setdefault(label, hypothesis.strip())
    for premise, first in found.items():
        if {"entailment", "contradiction"} <= first.keys():
            positive, negative = first["entailment"], first["contradiction"]
            yield {"query": premise, "positive": positive, "negative": negative}


def write(mirror: Path, to: Path) -> int:
    """Write the triplets of a mirror's `snli/` as JSON lines; how many there are."""
    tables = [parquet.read_table(mirror / "snli" / f"{split}.parquet") for split in SPLITS]
    columns = ("premise", "hypothesis", "label")
    rows = [
        row
        for table in tables
        for row in zip(*(table[name].to_pylist() for name in columns), strict=True)
    ]
    lines = [json.dumps(each, ensure_ascii=False) for each in triplets(rows)]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
