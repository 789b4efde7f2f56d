"""Names of tasks: the user's, of the suites that come with the package, mteb's."""

from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.private_tasks import public_names
from angle_bench.suites.shipped import mteb_task, plain, suites
from angle_bench.suites.task import Task
from angle_bench.suites.user_task_file import users_tasks


def known_task(name: str) -> Task | None:
    """A task by its name, whatever case: mteb's as mteb defines it, of our suites, the user's.

    One of our suites is also found by the header of its column.
    """
    wanted = plain(name)
    exact = next((name for name in catalogue()["tasks"] if plain(name) == wanted), None)
    if exact is not None:
        return mteb_task(exact)
    listed = [task for suite in suites().values() for task in suite.task]
    shipped = next((t for t in listed if wanted in (plain(t.name), plain(t.header))), None)
    return shipped or next((t for t in users_tasks() if plain(t.name) == wanted), None)


def task_names() -> list[str]:
    """Every task."""
    own = [task.name for suite in suites().values() for task in suite.task]
    own += [task.name for task in users_tasks()]
    return list(dict.fromkeys([*own, *catalogue()["tasks"]]))


def known_names() -> list[str]:
    """Every name that `-t` takes: suites, benchmarks and tasks."""
    benchmarks = [*catalogue()["benchmarks"], *public_names()]
    return list(dict.fromkeys([*suites(), *benchmarks, *task_names()]))
