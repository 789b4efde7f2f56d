"""Texts of a million rows by `encode`'s reader, against pyarrow alone; memory by file size."""

import csv
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave, say

ROWS = 1_000_000
SUFFIXES = (".csv", ".jsonl", ".parquet")
LEAST_SPEED = 0.8
MOST_GROWTH = 1.25  # of the peak, over a file of four times the size
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy dog", 'bank, "said"', "rain")


def run(context: Context) -> Outcome:
    """Time whole columns in processes of their own; then the peak of reading in batches."""
    rows = ROWS // 50 if context.quick else ROWS
    cases: dict[str, Callable[[], float]] = {}
    growth = {}
    for suffix in SUFFIXES:
        few, many = (_written(context.scratch, suffix, count) for count in (rows // 4, rows))
        cases[suffix] = partial(_seconds, context, "texts", many)
        cases[f"{suffix} by pyarrow"] = partial(_seconds, context, "pyarrow", many)
        growth[suffix] = _peak(context, many) / _peak(context, few)
        say(f"{suffix}  peak over a file of four times the size: {growth[suffix]:.2f} x")
    found = Outcome(interleave(cases, context.rounds), [])
    speed = {
        suffix: found.medians[f"{suffix} by pyarrow"] / found.medians[suffix] for suffix in SUFFIXES
    }
    targets = [
        *(Target(f"{s}, of pyarrow's speed", ">=", LEAST_SPEED, speed[s], "x") for s in SUFFIXES),
        *(Target(f"{s}, memory by size", "<=", MOST_GROWTH, growth[s], "x") for s in SUFFIXES),
    ]
    return Outcome(found.timings, targets, speed, {"rows": rows})


def _seconds(context: Context, way: str, file: Path) -> float:
    words = [sys.executable, "-m", "benchmarks.children.read_rows", way, file]
    return float(timed(words, context.scratch)[1])


def _peak(context: Context, file: Path) -> float:
    read = [sys.executable, "-m", "benchmarks.children.read_rows", "batches", file]
    words = [sys.executable, "-m", "benchmarks.children.usage", *read]
    _, peak = json.loads(timed(words, context.scratch)[1])
    return float(peak)


def _written(folder: Path, suffix: str, count: int) -> Path:
    """A file with the columns id, text and score."""
    place = folder / f"rows-{count}{suffix}"
    drawn = np.random.default_rng(0).choice(WORDS, size=(count, 12))
    texts = [" ".join(words) for words in drawn.tolist()]
    if suffix == ".parquet":
        columns = {"id": range(count), "text": texts, "score": [n % 5 for n in range(count)]}
        pq.write_table(pa.table(columns), place)
        return place
    with place.open("w", encoding="utf-8", newline="") as opened:
        if suffix == ".csv":
            writer = csv.writer(opened, lineterminator="\n")
            writer.writerow(["id", "text", "score"])
            writer.writerows((n, text, n % 5) for n, text in enumerate(texts))
        else:
            for n, text in enumerate(texts):
                opened.write(json.dumps({"id": n, "text": text, "score": n % 5}) + "\n")
    return place
