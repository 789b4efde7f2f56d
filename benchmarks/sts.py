"""`angle-bench run` on STS, nothing stored, against mteb with sentence-transformers."""

import json
import sys

from benchmarks.command import angle_bench_run, minilm, scores, shown, warm
from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave


def run(context: Context) -> Outcome:
    """Time whole processes, from their start to the scores."""
    folders = warm(context)
    peer = [sys.executable, "-m", "benchmarks.peers.mteb_sts", str(minilm()), json.dumps(folders)]
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}

    def time_ours() -> float:
        seconds, results = angle_bench_run(context)
        ours.update(scores(results))
        return seconds

    def time_theirs() -> float:
        seconds, printed = timed(peer, context.scratch)
        read = json.loads(printed.splitlines()[-1])
        theirs.update({name: round(score, 4) for name, score in read.items()})
        return seconds

    timings = interleave({"angle-bench": time_ours, "mteb": time_theirs}, context.rounds)
    outcome = Outcome(timings, [])
    ratio = outcome.medians["mteb"] / outcome.medians["angle-bench"]
    differing = sorted(name for name in folders if ours.get(name) != theirs.get(name))
    return Outcome(
        timings,
        [
            Target("times faster than mteb + sentence-transformers", ">=", 3, ratio, "x"),
            Target("tasks whose score differs in four decimals", "<=", 0, len(differing)),
        ],
        {"mteb / angle-bench": ratio},
        {"command": shown(context), "scores": {"angle-bench": ours, "mteb": theirs}},
    )
