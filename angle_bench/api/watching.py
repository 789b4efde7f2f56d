"""How far runs are, of all machines that share a results folder."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from angle_bench.api.calling.words import Places, place, public, warn
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.results.progress.array_progress import ArrayProgress

REFRESH_SECONDS = 5.0  # a results folder on a network tells nobody that it has changed


def watched(
    root: Path,
    say: Callable[[str], None],
    every: float = REFRESH_SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> "Iterator[list[ArrayProgress]]":
    """How far the running commands are: at once, and after each change, until they are over.

    Args:
        root: The results folder.
        say: Takes a line for each record that is none, once.
        every: Seconds between two looks.
        pause: What waits for so many seconds.

    Raises:
        UsageError: There is no such folder, or no command has said what it computes.
    """
    last, said = None, set[str]()
    while True:
        warnings: list[str] = []
        now = looked(root, warnings)
        for line in warnings:
            if line not in said:
                say(line)
        said.update(warnings)
        if now != last:
            yield now
        if all(each.over for each in now):
            return
        last = now
        pause(every)


def looked(root: Path, warnings: list[str]) -> "list[ArrayProgress]":
    """How far they are now.

    Args:
        root: The results folder.
        warnings: Takes a line for each record that is none.

    Raises:
        UsageError: There is no such folder, or no command has said what it computes.
    """
    from angle_bench.results.progress.array_progress import array_progress

    if not root.is_dir():
        raise UsageError(f"there is no folder {root}.", "-r RESULTS, or first angle-bench run")
    found = array_progress(root, warnings)
    if not found:
        raise UsageError(
            f"{root} has no record of a run that says what it computes.",
            "-r RESULTS of a run that has begun",
        )
    return found


@public
def progress(results: Places = "results") -> "pd.DataFrame":
    """How far the running commands on a results folder are, on whatever machines they run.

    Args:
        results: The results folder.

    Returns:
        A row for each model and task: suite, model, task, state (`done`, `running`, `failed` or
        `left`), failure (why there is no score). Where no command is running, those of the last
        one and of its job array. `attrs["commands"]` says how many commands are running.

    Raises:
        UsageError: There is no such folder, or no command has said what it computes.

    Examples:
        >>> progress("results")["state"].value_counts().index.tolist()
        ['done']
    """
    import pandas as pd

    lines: list[str] = []
    found = looked(place(results), lines)
    warn(lines)
    rows = [
        (each.suite, label, task, state, each.failures.get(label, {}).get(task))
        for each in found
        for label, states in each.states.items()
        for task, state in states.items()
    ]
    frame = pd.DataFrame(rows, columns=["suite", "model", "task", "state", "failure"], dtype="str")
    frame.attrs["commands"] = sum(each.commands for each in found)
    return frame
