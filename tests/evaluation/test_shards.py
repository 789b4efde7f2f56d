"""The cut of models × tasks: whole, balanced, the same everywhere."""

import pytest

from angle_bench.errors import UsageError
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.shards import Shard, cost, cut, parse_shard
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite, Task


def jobs(count: int, suite: str = "MTEB-eng-v1") -> list[Job]:
    return [Job([], select([suite])) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 200])
@pytest.mark.parametrize("models", [1, 3])
def test_every_task_of_every_model_is_in_one_shard(models: int, count: int) -> None:
    whole = jobs(models)
    dealt = [
        task.name
        for number in range(1, count + 1)
        for job in cut(whole, Shard(number, count))
        for task in job.suite.task
    ]
    assert sorted(dealt) == sorted(task.name for job in whole for task in job.suite.task)


def test_shards_take_about_equally_long() -> None:
    whole = jobs(3, "STS")
    loads = [
        sum(cost(task) for job in cut(whole, Shard(number, 3)) for task in job.suite.task)
        for number in (1, 2, 3)
    ]
    assert max(loads) < 1.2 * min(loads)


def test_a_shard_loads_few_models() -> None:
    whole = jobs(3, "STS")
    assert [len(cut(whole, Shard(number, 3))) for number in (1, 2, 3)] == [1, 1, 1]


def test_an_aggregate_stays_whole() -> None:
    suite = select(["CQADupstackRetrieval"])
    (job,) = cut([Job([], suite)], Shard(1, 1))
    assert job.suite == suite
    assert len(suite.task[0].parts) == 12


def test_tasks_without_counts_are_dealt_out_too() -> None:
    task = Task(name="T", type="STS", dataset="a/b", revision="r", splits=("test",), metric="m")
    suite = Suite(name="s", version="1", task=(task,))
    assert [len(cut([Job([], suite)], Shard(n, 2))) for n in (1, 2)] == [1, 0]


@pytest.mark.parametrize(
    ("text", "shard"), [("1/1", Shard(1, 1)), ("3/8", Shard(3, 8)), (" 2 / 4 ", Shard(2, 4))]
)
def test_parts_by_number(text: str, shard: Shard) -> None:
    assert parse_shard(text, {}) == shard


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0", ""])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(UsageError, match="is no part I/N"):
        parse_shard(text, {})


def slurm(identifier: int, first: int, count: int, step: int | None = None) -> dict[str, str]:
    found = {"ID": identifier, "MIN": first, "COUNT": count}
    found |= {} if step is None else {"STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        (slurm(0, 0, 4), Shard(1, 4)),
        (slurm(3, 0, 4), Shard(4, 4)),
        (slurm(12, 10, 5), Shard(3, 5)),
        (slurm(14, 10, 3, step=2), Shard(3, 3)),
    ],
)
def test_parts_of_a_job_array(environment: dict[str, str], shard: Shard) -> None:
    assert parse_shard("auto", environment) == shard


def test_no_job_array() -> None:
    with pytest.raises(UsageError, match="no job array of SLURM") as raised:
        parse_shard("auto", {"SLURM_ARRAY_TASK_ID": "1"})
    assert "--shard I/N" in raised.value.fix
