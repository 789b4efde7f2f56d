"""Comparing: influences and resamples on SICK-R's pairs, and the command from start to verdict."""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import spearmanr

from angle_bench.reporting.statistics.bootstrap import RESAMPLES, item_bootstrap
from angle_bench.reporting.statistics.difference import Scored, difference
from angle_bench.reporting.statistics.measures import Spearman
from angle_bench.reporting.statistics.shared_texts import SharedTexts
from angle_bench.results.text_hash import normalised
from benchmarks.command import MODEL, angle_bench_run, shown, warm
from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import timed
from benchmarks.sts_data import tasks_here
from benchmarks.timing import interleave

LOOP = 200  # resamples of the loop over spearmanr; its time is scaled up
VARIANTS = ("--sizes", "128,384")


def run(context: Context) -> Outcome:
    """Time parts in this process, and the command as a process of its own."""
    gold, nodes = _sick(context)
    random = np.random.default_rng(0)
    scores = [gold + random.normal(scale=noise, size=len(gold)) for noise in (1.0, 1.1)]
    resamples = 500 if context.quick else RESAMPLES
    warm(context)
    _, results = angle_bench_run(context, *VARIANTS)
    words = [
        *(sys.executable, "-m", "angle_bench", "compare", MODEL, f"{MODEL} size 128"),
        *("-t", ",".join(tasks_here(context)), "-r", str(results), "--allow-different"),
    ]
    timings = interleave(
        {
            "influence interval": lambda: _seconds(lambda: _interval(gold, scores, nodes)),
            "pair resamples": lambda: _seconds(lambda: _resample(gold, scores, resamples)),
            "loop over spearmanr": lambda: _seconds(lambda: _loop(gold, scores)) * resamples / LOOP,
            "compare, start to verdict": lambda: timed(words, context.scratch)[0],
        },
        context.rounds,
    )
    medians = Outcome(timings, []).medians
    ratio = medians["loop over spearmanr"] / medians["pair resamples"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return Outcome(
        timings,
        [
            Target("influence interval", "<=", 50, 1000 * medians["influence interval"], "ms"),
            Target("resamples against the loop", ">=", 15, ratio, "x"),
            Target("memory of the process", "<=", 1, memory, "GB"),
            Target("compare", "<=", 3, medians["compare, start to verdict"], "s"),
        ],
        {"loop / resamples": ratio},
        {
            "pairs": len(gold),
            "resamples": resamples,
            "loop measured over": LOOP,
            "stored by": shown(context, *VARIANTS),
        },
    )


def _sick(context: Context) -> tuple[np.ndarray, np.ndarray]:
    with pq.ParquetFile(context.data / "mteb/sickr-sts/test.parquet") as file:
        table = file.read()
    numbers: dict[str, int] = {}
    columns = [table[name].to_pylist() for name in ("sentence1", "sentence2")]
    nodes = [
        [numbers.setdefault(normalised(text), len(numbers)) for text in pair]
        for pair in zip(*columns, strict=True)
    ]
    return np.asarray(table["score"].to_pylist(), dtype=float), np.array(nodes)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _interval(gold: np.ndarray, scores: list[np.ndarray], nodes: np.ndarray) -> None:
    base, candidate = (Spearman(gold, score) for score in scores)
    sides = [[Scored(one.value(), one.influence())] for one in (base, candidate)]
    difference(*sides, SharedTexts(nodes)).estimate.interval()


def _resample(gold: np.ndarray, scores: list[np.ndarray], resamples: int) -> None:
    item_bootstrap([Spearman(gold, scores[0])], [Spearman(gold, scores[1])], resamples)


def _loop(gold: np.ndarray, scores: list[np.ndarray]) -> None:
    random = np.random.default_rng(0)
    for _ in range(LOOP):
        drawn = random.integers(0, len(gold), len(gold))
        for score in scores:
            spearmanr(gold[drawn], score[drawn])
