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


def slurm(identifier: int, first: int, count: int, **more: int) -> dict[str, str]:
    found = {"ID": identifier, "MIN": first, "COUNT": count, **more}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in found.items()}


def lsf(index: int, end: int, step: int = 1) -> dict[str, str]:
    found = {"JOBINDEX": index, "JOBINDEX_END": end, "JOBINDEX_STEP": step}
    return {f"LSB_{name}": str(value) for name, value in found.items()}


def sge(identifier: int, first: int, last: int, step: int = 1) -> dict[str, str]:
    found = {"ID": identifier, "FIRST": first, "LAST": last, "STEPSIZE": step}
    return {f"SGE_TASK_{name}": str(value) for name, value in found.items()}


NO_ARRAY = {"LSB_JOBINDEX": "0", "SGE_TASK_ID": "undefined", "PBS_ARRAY_INDEX": ""}


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("auto", slurm(0, 0, 4), Shard(1, 4)),
        ("auto", slurm(3, 0, 4, MAX=3, STEP=1), Shard(4, 4)),
        ("auto", slurm(12, 10, 5), Shard(3, 5)),
        ("auto", slurm(14, 10, 3, STEP=2), Shard(3, 3)),
        ("auto", slurm(12, 10, 3, MAX=14, STEP=2), Shard(2, 3)),
        ("auto/4", slurm(3, 0, 4), Shard(4, 4)),
        ("auto/8", {"PBS_ARRAY_INDEX": "1"}, Shard(1, 8)),
        (" auto/8 ", {"PBS_ARRAY_INDEX": " 8 "}, Shard(8, 8)),
        ("auto", lsf(1, 8), Shard(1, 8)),
        ("auto", lsf(8, 8), Shard(8, 8)),
        ("auto", lsf(5, 7, step=2), Shard(3, 4)),
        ("auto/8", {"LSB_JOBINDEX": "3"}, Shard(3, 8)),
        ("auto", sge(1, 1, 8), Shard(1, 8)),
        ("auto", sge(12, 10, 12), Shard(3, 3)),
        ("auto", sge(14, 10, 14, step=2), Shard(3, 3)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 8)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "7"}, Shard(8, 8)),
        ("auto", NO_ARRAY | slurm(1, 0, 4), Shard(2, 4)),
    ],
)
def test_parts_of_a_job_array(text: str, environment: dict[str, str], shard: Shard) -> None:
    assert parse_shard(text, environment) == shard


@pytest.mark.parametrize(
    ("text", "environment", "says"),
    [
        ("auto", {}, "no job array: there is no SLURM_ARRAY_TASK_ID, PBS_ARRAY_INDEX"),
        ("auto/8", NO_ARRAY, "no job array"),
        (
            "auto",
            slurm(1, 0, 4) | lsf(1, 8),
            "SLURM_ARRAY_TASK_ID of SLURM and LSB_JOBINDEX of LSF",
        ),
        ("auto", {"SLURM_ARRAY_TASK_ID": "1"}, "SLURM does not say how many jobs"),
        ("auto", {"PBS_ARRAY_INDEX": "1"}, "PBS does not say how many jobs"),
        ("auto", {"JOB_COMPLETION_INDEX": "1"}, "Kubernetes does not say how many jobs"),
        ("auto/8", {"PBS_ARRAY_INDEX": "one"}, "PBS_ARRAY_INDEX='one': it is no whole number"),
        ("auto/8", {"PBS_ARRAY_INDEX": "-1"}, "PBS_ARRAY_INDEX='-1': it is no whole number"),
        ("auto", sge(1, 1, 8) | {"SGE_TASK_LAST": "x"}, "SGE_TASK_LAST='x'"),
        ("auto", slurm(1, 1, 4) | {"SLURM_ARRAY_TASK_STEP": "x"}, "SLURM_ARRAY_TASK_STEP='x'"),
        ("auto/8", {"PBS_ARRAY_INDEX": "0"}, "PBS_ARRAY_INDEX is 0, and 8 jobs count from 1"),
        ("auto/8", {"PBS_ARRAY_INDEX": "9"}, "PBS_ARRAY_INDEX is 9, and 8 jobs count from 1"),
        ("auto/8", {"JOB_COMPLETION_INDEX": "8"}, "JOB_COMPLETION_INDEX is 8, and 8 jobs count"),
        ("auto", slurm(4, 0, 4), "SLURM_ARRAY_TASK_ID is 4, and 4 jobs count from 0"),
        ("auto", slurm(1, 2, 4), "SLURM_ARRAY_TASK_ID is 1, and 4 jobs count from 2"),
        ("auto", slurm(13, 10, 3, STEP=2), "and 3 jobs count from 10 in steps of 2"),
        ("auto", slurm(1, 1, 4, STEP=0), "SLURM_ARRAY_TASK_STEP is 0"),
        ("auto", slurm(1, 0, 0), "and 0 jobs count from 0"),
        # --array=1,3,7
        (
            "auto",
            slurm(3, 1, 3, MAX=7, STEP=1),
            "3 by SLURM_ARRAY_TASK_COUNT, 7 by SLURM_ARRAY_TASK",
        ),
        ("auto", sge(1, 1, 8, step=2), "SGE_TASK_LAST is 8, from 1 in steps of 2"),
        ("auto", lsf(9, 8), "LSB_JOBINDEX is 9"),
        ("auto", sge(3, 3, 2), "SGE_TASK_LAST is 2, from 3"),
        ("auto/9", slurm(1, 1, 8), "8 by SLURM_ARRAY_TASK_COUNT, 9 by --shard"),
        ("auto/9", lsf(1, 8), "8 by LSB_JOBINDEX_END, 9 by --shard"),
    ],
)
def test_what_is_no_job_array(text: str, environment: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_shard(text, environment)
    assert says in raised.value.what
    assert raised.value.fix


@pytest.mark.parametrize("text", ["auto/0", "auto/", "auto/x", "automatic", "auto/-1", "auto/01"])
def test_what_is_no_array_of_so_many(text: str) -> None:
    with pytest.raises(UsageError, match="is no part I/N") as raised:
        parse_shard(text, {"PBS_ARRAY_INDEX": "1"})
    assert "auto/8" in raised.value.fix


@pytest.mark.parametrize("count", [1, 2, 7, 8])
@pytest.mark.parametrize("step", [1, 3])
def test_the_jobs_of_an_array_are_its_parts(count: int, step: int) -> None:
    """Whatever its numbers: each part once, as many as there are jobs."""
    last = 5 + step * (count - 1)
    indexes = range(5, last + 1, step)
    arrays = [
        [slurm(at, 5, count, MAX=last, STEP=step) for at in indexes],
        [sge(at, 5, last, step) for at in indexes],
    ]
    for array in arrays:
        parts = [parse_shard("auto", environment) for environment in array]
        assert parts == [Shard(number, count) for number in range(1, count + 1)]
