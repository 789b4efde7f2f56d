"""Runs the study, one command of angle-bench after the other; what is there is not run again.

    python -m leaderboards.study MIRROR

MIRROR holds the data (docs/files.md). The results, without the data's texts, go to results/study.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from leaderboards.study import plan, publish, snli


def commands() -> Iterator[list[str]]:
    """What is typed, in order."""
    scored = ",".join(dict.fromkeys((*plan.STS, *plan.STS_SENTEVAL)))
    base = ["run", "-m", plan.BASE, "-t"]
    yield [*base, f"{scored},STSB-dev"]
    yield [*base, plan.GRID_TASK, *_grid()]
    for seed in plan.SEEDS:
        for recipe in plan.RECIPES:
            place = str(recipe.checkpoint(seed))
            train = ["train", f"study/{recipe.name}", "--set", f"train.seed={seed}", "-o", place]
            if not (Path(place) / "training.json").exists():
                yield [*train, "--resume"]
            yield ["run", "-m", place, "-t", scored]
            if recipe.name in plan.GRID_RECIPES:
                yield ["run", "-m", place, "-t", plan.GRID_TASK, *_grid()]
    transfer = ",".join(plan.TRANSFER)
    yield [*base, transfer]
    for seed in plan.SEEDS:
        for recipe in plan.RECIPES:
            yield ["run", "-m", str(recipe.checkpoint(seed)), "-t", transfer]


def main(words: Sequence[str]) -> int:
    """Run everything; the exit code of the first command that fails."""
    if len(words) != 1 or not Path(words[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    mirror = Path(words[0])
    os.chdir(plan.ROOT)
    print(f"{snli.write(mirror, plan.TRIPLETS)} triplets in {plan.TRIPLETS}", file=sys.stderr)
    told = {"ANGLE_BENCH_MIRROR": str(mirror.resolve()), "ANGLE_BENCH_RESULTS": str(plan.WORK)}
    for command in commands():
        done = subprocess.run(["angle-bench", *command], env={**os.environ, **told})
        if done.returncode:
            return done.returncode
    publish.publish(plan.WORK, plan.RESULTS)
    return 0


def _grid() -> list[str]:
    layers, sizes = (",".join(map(str, each)) for each in (plan.LAYERS, plan.SIZES))
    return ["--layers", layers, "--sizes", sizes]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
