"""The first number: `angle-bench run -t demo`, nothing stored, against `import mteb`."""

import sys
from uuid import uuid4

from benchmarks.command import MODEL
from benchmarks.core import Context, Outcome, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave

MOST = 5.0


def run(context: Context) -> Outcome:
    """Time whole processes, from their start to the table."""
    words = [sys.executable, "-m", "angle_bench", "run", "-m", MODEL, "-t", "demo"]

    def ours() -> float:
        new = context.scratch / uuid4().hex
        more = ["-r", new / "results", "--cache-dir", new / "store"]
        return timed([*words, *more], context.scratch)[0]

    def theirs() -> float:
        return timed([sys.executable, "-c", "import mteb"], context.scratch)[0]

    ours()  # the page cache is as after any earlier command
    timings = interleave({"demo": ours, "import mteb": theirs}, context.rounds)
    seconds = Outcome(timings, []).medians["demo"]
    return Outcome(
        timings,
        [Target("process start to table", "<=", MOST, seconds, "s")],
        facts={"command": f"angle-bench run -m {MODEL} -t demo"},
    )
