"""How far scores in half precision are from those in float32, and what each dtype takes."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks import checkpoints, retrieval
from benchmarks.command import MODEL
from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave

DTYPES: dict[str, Sequence[str]] = {
    "float32": (),
    "bfloat16": ("--dtype", "bfloat16"),
    "float16": ("--dtype", "float16"),
    "stored as float16": ("--cache-dtype", "float16"),
}
PASSAGES, QUERIES = 2_000, 200
PAIRS, QUICK = "300", "20"  # samples of each task: of the shape that is slow, and of quick runs
POINTS = 100
NEAR, NEAREST = 0.02, 0.0005  # points; three decimals of a score between 0 and 1


def run(context: Context) -> Outcome:
    """Each model in each dtype, once: how exact it is is asked, seconds are beside it."""
    mirror = context.scratch / "mirror"
    retrieval.write_corpus(mirror / retrieval.DATASET, PASSAGES, QUERIES)
    suite = context.scratch / "passages.toml"
    suite.write_text(retrieval.TASK, encoding="utf-8")
    checkpoints.build_bert(context.scratch / "base", checkpoints.BASE)
    (mirror / "mteb").symlink_to(context.data / "mteb")
    (mirror / "senteval").symlink_to(context.data / "senteval")
    models = {
        "all-MiniLM-L6-v2": (MODEL, "-t", f"STS16,STSBenchmark,TREC,{suite}"),
        "BERT-base": (
            str(context.scratch / "base" / "model"),
            *("-t", "STS16,STSBenchmark", "--limit", PAIRS),
        ),
    }
    found: dict[str, dict[str, float]] = {}

    def case(shape: str, dtype: str) -> float:
        name, *words = models[shape]
        results = context.scratch / uuid4().hex
        command = [sys.executable, "-m", "angle_bench", "run", "-m", name, *words]
        command += ["--mirror", str(mirror), "-r", str(results), "-q"]
        command += ["--cache-dir", f"{results}-store", *DTYPES[dtype]]
        command += ["--limit", QUICK] if context.quick else []
        seconds, _ = timed(command, context.scratch)
        found[f"{shape}, {dtype}"] = main_scores(results)
        return seconds

    cases = {
        f"{shape}, {dtype}": lambda shape=shape, dtype=dtype: case(shape, dtype)
        for shape in models
        for dtype in DTYPES
    }
    timings = interleave(cases, 1)
    apart: dict[str, float] = {}
    facts: dict[str, Any] = {"scores": found}
    for name, scores in found.items():
        exact = found[f"{name.split(', ')[0]}, float32"]
        apart[name] = POINTS * max(abs(scores[task] - exact[task]) for task in exact)
    targets = [
        Target(f"{name}, points from float32", "<=", _bound(name), far)
        for name, far in apart.items()
        if not name.endswith(", float32")
    ]
    return Outcome(timings, targets, {f"points: {name}": far for name, far in apart.items()}, facts)


def _bound(name: str) -> float:
    return POINTS * NEAREST if name.endswith("stored as float16") else NEAR


def main_scores(results: Path) -> dict[str, float]:
    """The main score of every task in a folder of one model."""
    found = {}
    for place in results.glob("*/*/*.json"):
        stored = json.loads(place.read_text(encoding="utf-8"))
        if "scores" in stored:
            found[place.stem] = float(stored["scores"]["test"][0]["main_score"])
    return found
