"""Which job of a job array this is, as schedulers say it in environment variables.

Sources: "Output environment variables" of sbatch(1) for SLURM, "Job Arrays" of the PBS user's
guide, "Environment variables set for job execution" of IBM Spectrum LSF, qsub(1) of Grid Engine,
"Completion mode" of the Kubernetes documentation on Jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from angle_bench.errors import UsageError, or_list


@dataclass(frozen=True)
class Scheduler:
    """A scheduler, and the environment variables by which it counts the jobs of an array.

    Attributes:
        name: What people call it.
        index: The variable of the job's own number.
        submitted: How an array of eight is asked for.
        first: The variable of the lowest number; empty where the scheduler does not say it.
        last: Of the highest number.
        count: Of the number of jobs.
        step: Of the distance between two numbers.
        starts: The lowest number where no variable says it.
        none: What `index` holds in a job that is of no array.
    """

    name: str
    index: str
    submitted: str
    first: str = ""
    last: str = ""
    count: str = ""
    step: str = ""
    starts: int = 1
    none: str = ""


SCHEDULERS = (
    Scheduler(
        name="SLURM",
        index="SLURM_ARRAY_TASK_ID",
        submitted="#SBATCH --array=1-8",
        first="SLURM_ARRAY_TASK_MIN",
        last="SLURM_ARRAY_TASK_MAX",
        count="SLURM_ARRAY_TASK_COUNT",
        step="SLURM_ARRAY_TASK_STEP",
    ),
    Scheduler(name="PBS", index="PBS_ARRAY_INDEX", submitted="#PBS -J 1-8"),
    Scheduler(
        name="LSF",
        index="LSB_JOBINDEX",
        submitted='#BSUB -J "name[1-8]"',
        last="LSB_JOBINDEX_END",
        step="LSB_JOBINDEX_STEP",
        none="0",
    ),
    Scheduler(
        name="SGE",
        index="SGE_TASK_ID",
        submitted="#$ -t 1-8",
        first="SGE_TASK_FIRST",
        last="SGE_TASK_LAST",
        step="SGE_TASK_STEPSIZE",
        none="undefined",
    ),
    Scheduler(
        name="Kubernetes",
        index="JOB_COMPLETION_INDEX",
        submitted="completionMode: Indexed, completions: 8",
        starts=0,
    ),
)


def array_place(environment: Mapping[str, str], typed: int | None) -> tuple[int, int]:
    """Which job of a job array this is.

    Args:
        environment: The environment variables.
        typed: How many jobs the array has, where somebody typed it.

    Returns:
        Its place, counted from 1, and how many jobs there are.

    Raises:
        UsageError: This is no job of an array, or one of two schedulers; a variable is no number;
            the number of jobs is not known; or the numbers contradict each other.
    """
    scheduler = _scheduler(environment)
    index = _number(environment, scheduler.index)
    first = _number(environment, scheduler.first, scheduler.starts)
    step = _number(environment, scheduler.step, 1)
    if step < 1:
        raise _contradiction(scheduler, f"{scheduler.step} is 0")
    count = _count(scheduler, environment, first, step, typed)
    if (index - first) % step or not first <= index <= first + step * (count - 1):
        by = f" in steps of {step}" if step > 1 else ""
        raise _contradiction(
            scheduler,
            f"{scheduler.index} is {index}, and {count} jobs count from {first}{by}",
        )
    return (index - first) // step + 1, count


def _scheduler(environment: Mapping[str, str]) -> Scheduler:
    """The one that has started this process as a job of an array."""
    found = [
        each
        for each in SCHEDULERS
        if environment.get(each.index, "").strip() not in ("", each.none)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        said = " and ".join(f"{each.index} of {each.name}" for each in found)
        raise UsageError(
            f"--shard auto finds two job arrays: {said} are set.",
            f"--shard I/N, or first: unset {found[-1].index}",
        )
    names = or_list([each.index for each in SCHEDULERS])
    raise UsageError(
        f"--shard auto finds no job array: there is no {names}.",
        "--shard I/N, where I is what your scheduler counts from 1",
    )


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    """The whole number of a variable; the default where there is no such variable, or no value."""
    text = environment.get(name, "").strip() if name else ""
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"--shard auto cannot read {name}={text!r}: it is no whole number.", "--shard I/N"
        )
    return int(text)


def _count(
    scheduler: Scheduler,
    environment: Mapping[str, str],
    first: int,
    step: int,
    typed: int | None,
) -> int:
    """How many jobs the array has; all who say it agree."""
    said: dict[str, int] = {}
    if environment.get(scheduler.count, "").strip():
        said[scheduler.count] = _number(environment, scheduler.count)
    if environment.get(scheduler.last, "").strip():
        last = _number(environment, scheduler.last)
        if last < first or (last - first) % step:
            by = f" in steps of {step}" if step > 1 else ""
            raise _contradiction(scheduler, f"{scheduler.last} is {last}, from {first}{by}")
        said[scheduler.last] = (last - first) // step + 1
    if typed is not None:
        said["--shard"] = typed
    if not said:
        raise UsageError(
            f"{scheduler.name} does not say how many jobs the array has.",
            "--shard auto/8 where it has 8",
        )
    if len(set(said.values())) > 1:
        words = ", ".join(f"{count} by {name}" for name, count in said.items())
        raise _contradiction(scheduler, f"its number of jobs is {words}")
    return next(iter(said.values()))


def _contradiction(scheduler: Scheduler, what: str) -> UsageError:
    """The error where the variables of a scheduler are of no evenly spaced array."""
    return UsageError(
        f"--shard auto does not understand this job array of {scheduler.name}: {what}.",
        f"an array whose numbers follow one another, such as {scheduler.submitted}",
    )
