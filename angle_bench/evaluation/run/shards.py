"""Cut models × tasks into parts for job arrays; every part is worked out the same everywhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from angle_bench.errors import UsageError
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.schedulers import array_place
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
        text: `I/N`; `auto` for what the scheduler says of its job array; `auto/N` where it does not
            say how many jobs the array has.
        environment: The environment variables.

    Raises:
        UsageError: It is none of these, or the environment is not that of a job array.
    """
    auto = re.fullmatch(r"auto(?:/([1-9]\d*))?", text.strip(), re.ASCII)
    if auto is not None:
        return Shard(*array_place(environment, int(auto[1]) if auto[1] else None))
    found = re.fullmatch(r"(\d+)\s*/\s*(\d+)", text.strip(), re.ASCII)
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.number <= shard.count:
        raise UsageError(
            f"--shard {text} is no part I/N with I from 1 to N.",
            "--shard 1/8, or --shard auto or auto/8 in a job array",
        )
    return shard


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
