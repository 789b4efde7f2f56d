"""Tasks whose data is not public, and what of a benchmark is left without them."""

from angle_bench.errors import shell_word, some
from angle_bench.suites import averages
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.task import Suite


def public_name(name: str) -> str:
    """What the public tasks of a benchmark are called together.

    >>> public_name("RTEB(fin, beta)"), public_name("LAB")
    ('RTEB(fin, beta, public)', 'LAB(public)')
    """
    return f"{name[:-1]}, public)" if name.endswith(")") else f"{name}(public)"


def public_part(suite: Suite) -> Suite | None:
    """The public tasks of a suite, as a suite by its own name.

    None where no task is private, or every one.
    """
    kept = tuple(task for task in suite.task if not task.private)
    if not kept or len(kept) == len(suite.task):
        return None
    return suite.model_copy(update={"name": public_name(suite.name), "task": kept})


def public_names() -> list[str]:
    """The names of the public parts of mteb's benchmarks."""
    private = set(catalogue()["private"])
    found = []
    for name, row in catalogue()["benchmarks"].items():
        closed = sum(entry["name"] in private for entry in row["tasks"])
        if 0 < closed < len(row["tasks"]):
            found.append(public_name(name))
    return found


def private_line(suite: Suite) -> str:
    """What is said of a suite with private tasks; empty where it has none."""
    every = averages.counted_tasks(suite.task)
    closed = [task.name for task in every if task.private]
    if not closed:
        return ""
    if len(every) == 1:
        return f"{closed[0]} is a private task: mteb does not publish its data"
    said = (
        f"{suite.name}: {len(closed)} of {len(every)} tasks private ({some(closed)}), whose data "
        "mteb does not publish; without it there is no mean"
    )
    own = public_name(suite.name)
    if own not in public_names():
        return said
    return f"{said}. The public ones are a suite of their own: -t {shell_word(own)}"
