"""`angle-bench run` on STS, nothing stored, against mteb with sentence-transformers."""

import json
import sys
from pathlib import Path
from statistics import median

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
    shares: list[float] = []

    def time_ours() -> float:
        trace = context.scratch / "trace.json"
        seconds, results = angle_bench_run(context, "--debug-timing", str(trace))
        shares.append(forward_share(trace, seconds))
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
            Target("times faster than mteb + sentence-transformers", ">=", 2.6, ratio, "x"),
            Target("share of the run that is the forward pass", ">=", 0.85, median(shares)),
            Target("tasks whose score differs in four decimals", "<=", 0, len(differing)),
        ],
        {"mteb / angle-bench": ratio, "share of the forward pass": median(shares)},
        {"command": shown(context), "scores": {"angle-bench": ours, "mteb": theirs}},
    )


def forward_share(trace: Path, seconds: float) -> float:
    """How much of a run's time its workers spend in the forward pass, on average.

    Args:
        trace: What `--debug-timing` wrote.
        seconds: The whole run, process start to table.
    """
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    spent: dict[int, float] = {}
    for event in events:
        if event["name"] == "forward":
            spent[event["pid"]] = spent.get(event["pid"], 0.0) + event["dur"] / 1e6
    return sum(spent.values()) / len(spent) / seconds
