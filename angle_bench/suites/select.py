"""What -t means: suites, benchmarks, tasks, patterns, suite files."""

import fnmatch
from collections.abc import Iterable, Sequence
from pathlib import Path

from angle_bench.errors import UsageError, did_you_mean, or_list, shell_word
from angle_bench.suites.catalogue import catalogue
from angle_bench.suites.names import known_names, known_task, task_names
from angle_bench.suites.shipped import benchmark, plain, suites
from angle_bench.suites.suite_file import read_suite
from angle_bench.suites.task import Suite, Task
from angle_bench.suites.user_task_file import users_tasks

MANY = 8  # names of joined suites that are all said


def split_names(texts: Iterable[str]) -> list[str]:
    """Take `-t` values apart at commas outside parentheses.

    >>> split_names(["STS12,MTEB(eng, v1)", "demo"])
    ['STS12', 'MTEB(eng, v1)', 'demo']
    """
    names: list[str] = []
    for text in texts:
        depth, start = 0, 0
        for place, sign in enumerate(text):
            depth += (sign == "(") - (sign == ")")
            if sign == "," and depth <= 0:
                names.append(text[start:place])
                start = place + 1
        names.append(text[start:])
    return [name.strip() for name in names if name.strip()]


def select(texts: Sequence[str]) -> Suite:
    """The suite that `-t` values mean: one suite as it is, or several joined without repeats.

    Raises:
        UsageError: A name is unknown, with the nearest ones; or two suites ask for the same task
            in different splits or subsets.
    """
    return joined(find_all(texts))


def find_all(texts: Sequence[str]) -> list[Suite]:
    """The suites that `-t` values name, each once; a task is a suite of its own.

    Raises:
        UsageError: A name is unknown, with the nearest ones, or a pattern matches nothing.
    """
    names = split_names(texts)
    if not names:
        raise UsageError("no task is named.", "-t STS")
    found = [suite for name in names for suite in (_matching(name) or [_find(name)])]
    return list(dict.fromkeys(found))


def tables_of(found: Sequence[Suite]) -> list[Suite]:
    """What is shown together: a suite by itself, single tasks side by side."""
    single = [suite for suite in found if len(suite.task) == 1]
    groups: list[Suite] = []
    for suite in found:
        if suite not in single:
            groups.append(suite)
        elif suite is single[0]:
            groups.append(joined(single))
    return groups


def joined(found: Sequence[Suite]) -> Suite:
    """Several suites as one, each task once.

    Raises:
        UsageError: Two of them ask for the same task in different splits or subsets.
    """
    if len(found) == 1:
        return found[0]
    tasks: dict[str, Task] = {}
    for suite in found:
        for task in suite.task:
            if tasks.setdefault(task.name, task).model_copy(update={"short": task.short}) != task:
                raise UsageError(
                    f"{suite.name} asks for other splits or subsets of {task.name} than the "
                    "suites before it.",
                    f"one command for each of {or_list([suite.name for suite in found])}",
                )
    versions = list(dict.fromkeys(suite.version for suite in found))
    names = [suite.name for suite in found]
    if len(names) > MANY:
        names = [*names[: MANY - 1], f"{len(names) - MANY + 1} more"]
    return Suite(
        name="+".join(names),
        version="+".join(versions),
        task=tuple(tasks.values()),
    )


def _matching(name: str) -> list[Suite]:
    """The tasks that a pattern such as `STS1*` matches; none where it is no pattern."""
    if not any(sign in name for sign in "*?["):
        return []
    wanted = name.casefold()
    found = [known for known in task_names() if fnmatch.fnmatchcase(known.casefold(), wanted)]
    if not found:
        raise UsageError(f"no task matches {name}.", "angle-bench tasks list --all")
    return [_find(known) for known in found]


def _find(name: str) -> Suite:
    if name.casefold().endswith(".toml"):
        return read_suite(Path(name).expanduser())
    wanted = plain(name)
    for suite in suites().values():
        if wanted in map(plain, (suite.name, *suite.aliases)):
            return suite
    if (found := benchmark(name)) is not None:
        return found
    if (task := known_task(name)) is not None:
        return suite_of(task)
    raise _unknown(name)


def suite_of(task: Task) -> Suite:
    """A task as a suite of its own."""
    return Suite(name=task.name, version=_version(task), task=(task,))


def _version(task: Task) -> str:
    """Of a task by itself: mteb's, or of a user's own the digest of its definition."""
    return task.definition[:8] if task in users_tasks() else str(catalogue()["mteb_version"])


def refuse_as_model(word: str) -> None:
    """Refuse a suite or task where a model or a folder is expected.

    Raises:
        UsageError: It is the name of one.
    """
    if word.casefold() in {name.casefold() for name in known_names()}:
        raise UsageError(f"{word} is a name of tasks, which go after -t.", f"-t {shell_word(word)}")


def _unknown(name: str) -> UsageError:
    others = {other.casefold() for other in catalogue()["other"]}
    if name.casefold() in others:
        return UsageError(
            f"{name} is a task of mteb with images, audio or video; text is evaluated here.",
            "-t STS, or another text task",
        )
    near = did_you_mean(name, known_names())
    if near:
        return UsageError(
            f"no suite or task is called {name}. Did you mean {or_list(near)}?",
            f"-t {shell_word(near[0])}",
        )
    return UsageError(
        f"no suite or task is called {name}.", "-t STS, or one of: angle-bench tasks list"
    )
