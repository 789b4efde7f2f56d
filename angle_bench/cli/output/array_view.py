"""How far the jobs of an array are: in one place on a terminal, one below another in a log."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from angle_bench.errors import printable, some

if TYPE_CHECKING:
    from angle_bench.results.progress.array_progress import ArrayProgress


def show(found: "Iterable[Sequence[ArrayProgress]]", as_json: bool) -> int:
    """Show each state of things until there is no other.

    Args:
        found: One state after the other.
        as_json: Whether each is a line of JSON.

    Returns:
        The exit code: 0 where all is done, 1 where something failed or nobody will do it.
    """
    last: Sequence[ArrayProgress] = ()
    if as_json:
        for last in found:
            typer.echo(json.dumps([each.to_dict() for each in last], ensure_ascii=False))
    elif sys.stdout.isatty():
        last = _in_place(found)
    else:
        for last in found:
            typer.echo(_text(last))
    return 0 if all(each.count("done") == _size(each) for each in last) else 1


def _in_place(found: "Iterable[Sequence[ArrayProgress]]") -> "Sequence[ArrayProgress]":
    """On a terminal each state stands where the one before it stood."""
    from rich.live import Live
    from rich.text import Text

    last: Sequence[ArrayProgress] = ()
    with Live(auto_refresh=False) as live:
        for last in found:
            live.update(Text(_text(last)), refresh=True)
    return last


def _size(progress: "ArrayProgress") -> int:
    return sum(map(len, progress.states.values()))


def _text(found: "Sequence[ArrayProgress]") -> str:
    return "\n\n".join(map(_block, found))


def _block(progress: "ArrayProgress") -> str:
    """A line for the whole, a row for each model, a line for each failure."""
    from tabulate import tabulate

    rows = [
        [
            printable(label),
            f"{len(progress.of_state(label, 'done'))} of {len(states)}",
            *(some(progress.of_state(label, state)) for state in ("running", "failed", "left")),
        ]
        for label, states in progress.states.items()
    ]
    heads = ["model", "done", "running", "failed", "left"]
    table = tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
    why = [
        f"  ! {printable(f'{label} {task}: {text}')}"
        for label, failures in progress.failures.items()
        for task, text in failures.items()
    ]
    return "\n".join([_head(progress), table, *why])


def _head(progress: "ArrayProgress") -> str:
    done, size = progress.count("done"), _size(progress)
    parts = f" · {progress.begun} of {progress.parts} parts begun" if progress.parts > 1 else ""
    running = {0: "no command is running", 1: "1 command is running"}.get(
        progress.commands, f"{progress.commands} commands are running"
    )
    return f"{printable(progress.suite)} · {done} of {size} done{parts} · {running}"
