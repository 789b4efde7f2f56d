"""Warm the caches: hash the checkpoint, stage and load the tasks' data; prints the folders."""

import json
import sys
from pathlib import Path

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.evaluation.scoring.score import build
from angle_bench.evaluation.task_data import locate, stage
from angle_bench.suites.select import select


def main() -> None:
    """Print a JSON object: the staged folder of each task."""
    model, mirror, *names = sys.argv[1:]
    resolve(model, Overrides())
    folders = {}
    for task in select([",".join(names)]).task:
        located = locate(task, Path(mirror))
        folders[task.name] = str(stage(task, located))
        build(task, located).load_data()
    print(json.dumps(folders))


if __name__ == "__main__":
    main()
