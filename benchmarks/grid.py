"""Twelve variants of layers and sizes, and these in three precisions, against one run."""

from benchmarks.command import angle_bench_run, knows, shown, warm
from benchmarks.core import Context, Outcome, SkipBenchmark, Target
from benchmarks.timing import interleave

VARIANTS = ("--layers", "2,4,6", "--sizes", "64,128,256,384")
QUANTISED = (*VARIANTS, "--precisions", "float32,int8,binary")


def run(context: Context) -> Outcome:
    """Time whole processes."""
    for option in ("--layers", "--sizes", "--precisions"):
        if not knows(option):
            raise SkipBenchmark(f"`angle-bench run` has no {option}")
    warm(context)
    timings = interleave(
        {
            "one": lambda: angle_bench_run(context)[0],
            "12 variants": lambda: angle_bench_run(context, *VARIANTS)[0],
            "36 variants": lambda: angle_bench_run(context, *QUANTISED)[0],
        },
        context.rounds,
    )
    medians = Outcome(timings, []).medians
    ratio = medians["12 variants"] / medians["one"]
    quantised = medians["36 variants"] / medians["one"]
    return Outcome(
        timings,
        [
            Target("12 variants, as a multiple of one run", "<=", 1.25, ratio, "x"),
            Target("these in 3 precisions, as a multiple of one run", "<=", 1.3, quantised, "x"),
        ],
        {"12 variants / one": ratio, "36 variants / one": quantised},
        {"command": shown(context, *QUANTISED)},
    )
