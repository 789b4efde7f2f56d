"""Cut models × tasks into parts for job arrays; every part is worked out the same everywhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from angle_bench.errors import UsageError
from angle_bench.evaluation.run.jobs import Job
from angle_bench.suites.task import Task

CHARACTERS_PER_SAMPLE = 200  # where mteb has no count
UNKNOWN_CHARACTERS = 1_000_000
LOADING = 2_000_000  # characters that could be encoded while a model loads, about


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int


def parse_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """The part that `--shard` means.

    Args:
        text: `I/N`, or `auto` for what SLURM says of its job array.
        environment: The environment variables.

    Raises:
        UsageError: It is neither, or this is no job array.
    """
    if text == "auto":
        return _from_slurm(environment)
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.number <= shard.count:
        raise UsageError(
            f"--shard {text} is no part I/N with I from 1 to N.",
            "--shard 1/8, or --shard auto in a job array of SLURM",
        )
    return shard


def _from_slurm(environment: Mapping[str, str]) -> Shard:
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT")
    values = [environment.get(name, "") for name in names]
    if not all(value.isdigit() for value in values):
        raise UsageError(
            "--shard auto finds no job array of SLURM: SLURM_ARRAY_TASK_ID is not set.",
            "--shard I/N, where I is what your scheduler counts, such as $PBS_ARRAY_INDEX/8",
        )
    identifier, first, count = map(int, values)
    step = int(environment.get("SLURM_ARRAY_TASK_STEP") or 1)
    return Shard((identifier - first) // step + 1, count)


def cut(jobs: Sequence[Job], shard: Shard) -> list[Job]:
    """The jobs of one shard.

    The longest tasks are dealt out first, each to the shard that is done first with it; a shard
    that has the model already need not load it. What decides is in the command alone, so that
    every machine comes to the same cut.
    """
    pieces = [
        (-cost(task), at, task.name) for at, job in enumerate(jobs) for task in job.suite.task
    ]
    loads = [0.0] * shard.count
    models: list[set[int]] = [set() for _ in range(shard.count)]
    mine: dict[int, list[str]] = {}
    for negative, at, name in sorted(pieces):
        ends = [
            load - negative + (0 if at in has else LOADING)
            for load, has in zip(loads, models, strict=True)
        ]
        chosen = ends.index(min(ends))
        loads[chosen] = ends[chosen]
        models[chosen].add(at)
        if chosen == shard.number - 1:
            mine.setdefault(at, []).append(name)
    return [jobs[at].only(names) for at, names in sorted(mine.items())]


def cost(task: Task) -> int:
    """About how many characters a task has; an aggregate has those of its parts."""
    if task.characters:
        return task.characters
    if task.samples:
        return task.samples * CHARACTERS_PER_SAMPLE
    return UNKNOWN_CHARACTERS * max(1, len(task.parts))
