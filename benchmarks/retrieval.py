"""`angle-bench run` on retrieval of any size, against mteb with sentence-transformers."""

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import checkpoints
from benchmarks.core import Context, Outcome, Target
from benchmarks.memory import measured
from benchmarks.timing import interleave

PASSAGES = 200_000
QUICK_PASSAGES = 3_000
QUERIES = 1_000
QUICK_QUERIES = 50
SHORTEST, LONGEST = 20, 60
BLOCK = 50_000
DATASET = "made/passages"
GIGABYTE = 1e9
README = """---
configs:
- config_name: corpus
  data_files:
  - split: corpus
    path: corpus/corpus.parquet
- config_name: queries
  data_files:
  - split: queries
    path: queries/queries.parquet
- config_name: default
  data_files:
  - split: test
    path: default/test.parquet
---
"""
TASK = f"""name = "passages"

[[task]]
name = "Passages"
type = "retrieval"
dataset = "{DATASET}"
"""


def run(context: Context) -> Outcome:
    """Time whole processes, from their start to the scores, and their memory with children."""
    count = context.passages or (QUICK_PASSAGES if context.quick else PASSAGES)
    mirror = context.scratch / "mirror"
    queries = QUICK_QUERIES if context.quick else QUERIES
    write_corpus(mirror / DATASET, count, queries)
    suite = context.scratch / "passages.toml"
    suite.write_text(TASK, encoding="utf-8")
    checkpoints.build_bert(context.scratch / "tiny", checkpoints.TINY)
    model = str(context.scratch / "tiny" / "model")
    peaks: dict[str, list[int]] = {"angle-bench": [], "mteb": []}
    busy: dict[str, list[float]] = {"angle-bench": [], "mteb": []}
    scores: dict[str, float] = {}

    def ours() -> float:
        results = context.scratch / uuid4().hex
        words = [sys.executable, "-m", "angle_bench", "run", "-m", model, "-t", str(suite)]
        words += ["--mirror", str(mirror), "-r", str(results / "results"), "-q"]
        seconds, used, peak, _ = measured([*words, "--cache-dir", str(results)], context.scratch)
        peaks["angle-bench"].append(peak)
        busy["angle-bench"].append(round(used, 1))
        scores["angle-bench"] = _score(results / "results")
        return seconds

    def theirs() -> float:
        words = [sys.executable, "-m", "benchmarks.peers.mteb_retrieval", model]
        command = [*words, str(mirror / DATASET)]
        seconds, used, peak, printed = measured(command, context.scratch)
        peaks["mteb"].append(peak)
        busy["mteb"].append(round(used, 1))
        scores["mteb"] = json.loads(printed.splitlines()[-1])
        return seconds

    timings = interleave({"angle-bench": ours, "mteb": theirs}, context.rounds)
    return _outcome(
        timings, peaks, scores, {"passages": count, "processor_seconds": busy, "queries": queries}
    )


def write_corpus(folder: Path, passages: int, queries: int) -> None:
    """A data set as mteb lays them out; a query is some of the words of its passage."""
    draw, known = random.Random(2), checkpoints.words()
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(README, encoding="utf-8")
    asked = set(draw.sample(range(passages), min(queries, passages)))
    found: list[tuple[int, str]] = []
    schema = pa.schema([(name, pa.string()) for name in ("id", "title", "text")])
    (folder / "corpus").mkdir()
    with pq.ParquetWriter(folder / "corpus" / "corpus.parquet", schema) as file:
        for start in range(0, passages, BLOCK):
            places = range(start, min(start + BLOCK, passages))
            texts = [draw.choices(known, k=draw.randint(SHORTEST, LONGEST)) for _ in places]
            found += [
                (place, " ".join(draw.sample(words, 12)))
                for place, words in zip(places, texts, strict=True)
                if place in asked
            ]
            rows = [[f"d{place}" for place in places], [""] * len(places)]
            file.write_table(pa.table([*rows, [" ".join(words) for words in texts]], schema=schema))
    names = [f"q{place}" for place, _ in found]
    _write(folder / "queries/queries.parquet", {"id": names, "text": [text for _, text in found]})
    judged = {"query-id": names, "corpus-id": [f"d{place}" for place, _ in found]}
    _write(folder / "default/test.parquet", judged | {"score": [1] * len(names)})


def _write(place: Path, columns: dict[str, Sequence[object]]) -> None:
    place.parent.mkdir()
    pq.write_table(pa.table(columns), place)


def _score(results: Path) -> float:
    (place,) = results.glob("*/*/Passages.json")
    stored = json.loads(place.read_text(encoding="utf-8"))
    return float(stored["scores"]["test"][0]["main_score"])


def _outcome(
    timings: dict[str, list[float]],
    peaks: dict[str, list[int]],
    scores: dict[str, float],
    facts: dict[str, Any],
) -> Outcome:
    medians = Outcome(timings, []).medians
    faster = medians["mteb"] / medians["angle-bench"]
    apart = scores["angle-bench"] - scores["mteb"]
    share = max(peaks["angle-bench"]) / max(peaks["mteb"])
    return Outcome(
        timings,
        [
            Target("times faster than mteb + sentence-transformers", ">=", 2, faster, "x"),
            Target("peak memory, as a share of theirs", "<=", 0.5, share),
            Target("difference of the scores", "<=", 1e-5, abs(apart)),
        ],
        {
            "mteb / angle-bench": faster,
            "passages/s": facts["passages"] / medians["angle-bench"],
            "peak of angle-bench, GB": max(peaks["angle-bench"]) / GIGABYTE,
            "peak of mteb, GB": max(peaks["mteb"]) / GIGABYTE,
        },
        facts | {"peak_bytes": peaks, "scores": scores},
    )
