"""`python -m benchmarks [NAME…]`: run benchmarks, print tables, write results."""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    again,
    compare,
    demo,
    endpoint,
    engines,
    files,
    gpu,
    grid,
    half,
    leaderboard,
    million,
    peak,
    peers_encode,
    report,
    retrieval,
    static,
    sts,
    train,
)
from benchmarks.core import ROOT, Benchmark, Context, SkipBenchmark, Target
from benchmarks.machine import circumstances
from benchmarks.timing import say

BENCHMARKS: dict[str, Benchmark] = {
    "demo": demo.run,
    "sts": sts.run,
    "again": again.run,
    "peak": peak.run,
    "grid": grid.run,
    "compare": compare.run,
    "million": million.run,
    "static": static.run,
    "peers": peers_encode.run,
    "leaderboard": leaderboard.run,
    "files": files.run,
    "retrieval": retrieval.run,
    "endpoint": endpoint.run,
    "engines": engines.run,
    "half": half.run,
    "train": train.run,
    "gpu": gpu.run,
}
ROUNDS = 3


def main(words: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, else all.

    Returns:
        0: all that could run has run and met its targets; 1: otherwise. Quick runs are too small
        for targets, so that only failures count.
    """
    options = _parse(words)
    targets: list[tuple[str, Target]] = []
    skipped: list[str] = []
    failed: list[str] = []
    for name in options.names or BENCHMARKS:
        print(f"{name}", file=sys.stderr, flush=True)
        try:
            targets += [(name, target) for target in _run(name, options)]
        except SkipBenchmark as reason:
            skipped.append(f"{name}: skipped, {reason}")
            say(f"skipped: {reason}")
        except Exception:  # one that breaks must not cost the others' hours
            failed.append(f"{name}: failed")
            traceback.print_exc()
    print("\n".join([report.targets_table(targets), *skipped, *failed]))
    missed = not options.quick and not all(target.met for _, target in targets)
    return 1 if failed or missed else 0


def _run(name: str, options: argparse.Namespace) -> list[Target]:
    where = circumstances()
    with tempfile.TemporaryDirectory(prefix="angle-bench-speed-") as scratch:
        outcome = BENCHMARKS[name](
            Context(options.rounds, options.quick, options.shared, Path(scratch), options.passages)
        )
    where |= {"quick": options.quick, "rounds": options.rounds}
    place = report.write(name, report.as_json(name, outcome, where), quick=options.quick)
    print(f"{name}\n{report.cases_table(outcome)}")
    print("\n".join([*outcome.notes, f"-> {place.relative_to(ROOT)}", ""]), flush=True)
    return outcome.targets


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, help=f"timings of each case, {ROUNDS} by default")
    parser.add_argument("--quick", action="store_true", help="small inputs: does it work?")
    parser.add_argument(
        "--shared", type=Path, default=ROOT.parent / "shared", help="the reference data"
    )
    parser.add_argument(
        "--passages", type=int, help=f"of retrieval, {retrieval.PASSAGES:,} by default"
    )
    options = parser.parse_args(words)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    if options.rounds is None:
        options.rounds = 1 if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error("--rounds takes 1 or more")
    if options.passages is not None and options.passages < 1:
        parser.error("--passages takes 1 or more")
    options.shared = options.shared.resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
