"""`angle-bench leaderboard` over mteb's public results against mteb's own table; many files."""

import json
import math
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.core import Context, Outcome, SkipBenchmark, Target
from benchmarks.processes import timed
from benchmarks.timing import interleave, say

BENCHMARK = "MTEB(eng, v1)"
MANY = 100_000
TIMES_FASTER = 10.0
MOST_MEMORY = 2.0
LINEAR = 1.25  # how much more a file may cost among ten times as many
GIGA = 1e9


@dataclass(frozen=True)
class Usage:
    """What reading many files took; processor time, unlike seconds, knows no other processes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(context: Context) -> Outcome:
    """Time whole processes, from their start to the table; then read many files."""
    repository = context.shared / "results_repo"
    if not repository.is_dir():
        raise SkipBenchmark(f"no {repository.name} in {context.shared.name}; --shared DIR names it")
    peer = [sys.executable, "-m", "benchmarks.peers.mteb_leaderboard", repository, BENCHMARK]
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}

    def time_ours() -> float:
        seconds, _ = timed(_command(repository), context.scratch)
        return seconds

    def time_theirs() -> float:
        seconds, printed = timed(peer, context.scratch)
        theirs.update(json.loads(printed.splitlines()[-1]))
        return seconds

    _, printed = timed([*_command(repository), "--json"], context.scratch)
    ours.update(_means(printed))
    timings = interleave({"angle-bench": time_ours, "mteb": time_theirs}, context.rounds)
    ratio = Outcome(timings, []).medians["mteb"] / Outcome(timings, []).medians["angle-bench"]
    differing = sorted(
        name
        for name, mean in ours.items()
        if not math.isnan(theirs.get(name, math.nan)) and abs(mean - theirs[name]) > 1e-9
    )
    many = _many(context, repository)
    return Outcome(
        {**timings, **{f"{count:,} files": [used.seconds] for count, used in many.items()}},
        [
            Target("times faster than mteb's loaders", ">=", TIMES_FASTER, ratio, "x"),
            Target("models whose mean differs from mteb's", "<=", 0, len(differing)),
            *_targets(many),
        ],
        {"mteb / angle-bench": ratio},
        {
            "command": f"angle-bench leaderboard results_repo -t '{BENCHMARK}'",
            "models_compared": sum(not math.isnan(mean) for mean in theirs.values()),
            "files": {str(count): asdict(used) for count, used in many.items()},
        },
    )


def _command(folder: Path) -> list[str | Path]:
    return [sys.executable, "-m", "angle_bench", "leaderboard", folder, "-t", BENCHMARK]


def _means(printed: str) -> dict[str, float]:
    rows = json.loads(printed)["rows"]
    means = {row["name"]: row["averages"]["mean"]["score"] for row in rows}  # in points
    return {name: mean / 100 for name, mean in means.items() if mean is not None}


def _many(context: Context, repository: Path) -> dict[int, Usage]:
    """What reading a tenth of many files takes, and all of them."""
    most = MANY // 50 if context.quick else MANY
    folder = context.scratch / "many" / "results"
    templates = _templates(repository)
    measured: dict[int, Usage] = {}
    made = 0
    for count in (most // 10, most):
        while made * len(templates) < count:
            model = folder / f"org__model-{made}" / "revision"
            model.mkdir(parents=True)
            for name, text in templates.items():
                (model / name).write_bytes(text)
            made += 1
        wrapped = [sys.executable, "-m", "benchmarks.children.usage", *_command(folder)]
        seconds, printed = timed(wrapped, context.scratch)
        measured[count] = used = Usage(seconds, *json.loads(printed))
        say(f"{count:,} files  {used.cpu_seconds:.1f} s of CPU  {used.peak_bytes / GIGA:.2f} GB")
    shutil.rmtree(folder)
    return measured


def _templates(repository: Path) -> dict[str, bytes]:
    """The files of a public model that is whole in one revision, in the tasks of the benchmark."""
    from angle_bench.suites.select import select

    names = {f"{task.name}.json" for task in select([BENCHMARK]).task}
    (folder,) = (repository / "results").glob("mixedbread-ai__mxbai-embed-large-v1/990580e*")
    return {place.name: place.read_bytes() for place in folder.iterdir() if place.name in names}


def _targets(many: dict[int, Usage]) -> list[Target]:
    (few, first), (most, last) = many.items()
    growth = (last.cpu_seconds / most) / (first.cpu_seconds / few)
    return [
        Target(f"CPU time of a file among {most:,} against {few:,}", "<=", LINEAR, growth, "x"),
        Target(f"memory over {most:,} files", "<=", MOST_MEMORY, last.peak_bytes / GIGA, "GB"),
    ]
