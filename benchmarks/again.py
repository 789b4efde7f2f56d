"""The same evaluation again, every vector in the store, against `import mteb` alone."""

import sys

from benchmarks.command import angle_bench_run, knows, scores, shown, warm
from benchmarks.core import Context, Outcome, SkipBenchmark, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave

MOST_OVER_IMPORT = 1.5


def run(context: Context) -> Outcome:
    """Fill the store once, then time the command and the import."""
    if not knows("--cache-dir"):
        raise SkipBenchmark("`angle-bench run` has no --cache-dir")
    warm(context)
    store = context.scratch / "store"
    first, results = angle_bench_run(context, store=store)
    expected = scores(results)
    differing: set[str] = set()

    def time_again() -> float:
        seconds, results = angle_bench_run(context, "--overwrite", store=store)
        differing.update(dict(scores(results).items() ^ expected.items()))
        return seconds

    def time_import() -> float:
        return timed([sys.executable, "-c", "import mteb"], context.scratch)[0]

    timings = interleave({"again": time_again, "import mteb": time_import}, context.rounds)
    medians = Outcome(timings, []).medians
    over = medians["again"] - medians["import mteb"]
    return Outcome(
        timings,
        [
            Target("seconds more than `import mteb`", "<=", MOST_OVER_IMPORT, over, "s"),
            Target("tasks whose score differs from the first run's", "<=", 0, len(differing)),
        ],
        {"first / again": first / medians["again"]},
        {"command": shown(context, "--overwrite"), "first_s": round(first, 4)},
    )
