"""`angle-bench tasks`: the suites and tasks that there are."""

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_json, print_table, shortly

if TYPE_CHECKING:
    from angle_bench.suites.task import Suite, Task

LIST_EPILOG = """
Examples:

angle-bench tasks list

angle-bench tasks list --all
"""
SHOW_EPILOG = """
Examples:

angle-bench tasks show STS

angle-bench tasks show 'CQADupstack*'
"""
LINE = 96

tasks = typer.Typer(help="The suites and tasks that there are.", no_args_is_help=True)


@tasks.command("list", epilog=LIST_EPILOG)
@grouped
def list_(
    everything: Annotated[
        bool, shared.flag("--all", help="Also mteb's other benchmarks, and every task.")
    ] = False,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """The suites, and with --all every name that -t takes."""
    from angle_bench.api.listing import tasks as known
    from angle_bench.suites.names import known_names
    from angle_bench.suites.shipped import suites

    if said.as_json:
        found = known(everything=everything).to_dict()
        print_json(found)
        return 0
    if everything:
        for name in known_names():
            typer.echo(name)
        return 0
    from angle_bench.suites.user_task_file import users_tasks

    rows = [
        [suite.name, len(suite.task), _texts(suite), shortly(suite.description)]
        for suite in suites().values()
    ]
    print_table(rows, ["suite", "tasks", "texts", ""], numbers=True)
    own = [task.name for task in users_tasks()]
    others = len(known_names()) - len(rows) - len(own)
    if not said.quiet:
        if own:
            typer.echo(f"your own tasks: {', '.join(own)}", err=True)
        typer.echo(
            f"and {others:,} benchmarks and tasks of mteb: angle-bench tasks list --all", err=True
        )
    return 0


@tasks.command("show", epilog=SHOW_EPILOG)
@grouped
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="What may stand after -t.", autocompletion=complete.tasks
        ),
    ],
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """What a suite or task is: its data, splits, subsets, score and size."""
    from angle_bench.api.listing import tasks as known
    from angle_bench.suites.select import find_all, joined

    if said.as_json:
        print_json(known(name).to_dict())
        return 0
    suite = joined(find_all([name]))
    typer.echo(_head(suite))
    rows = [
        [
            task.name,
            task.type,
            _data(task),
            _few(task.splits),
            _few(task.subsets),
            task.metric,
            "?" if task.samples is None else f"{task.samples:,}",
        ]
        for task in suite.task
    ]
    heads = ["task", "type", "data", "splits", "subsets", "score", "samples"]
    print_table(rows, heads)
    return 0


def _data(task: "Task") -> str:
    """The hub data set, or the files of an own task."""
    return _few(tuple(str(place) for _, place in task.path)) or task.dataset


def _head(suite: "Suite") -> str:
    from angle_bench.suites.private_tasks import private_line

    kinds = Counter(task.type for task in suite.task)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    over = "task types" if suite.average == "types" else "tasks"
    lines = [f"{suite.name}, version {suite.version}: {counts}; the mean is over {over}"]
    if suite.aliases:
        lines.append(f"also: {', '.join(suite.aliases)}")
    lines += filter(None, [private_line(suite)])  # one line: it ends in what to type
    return "\n".join([*lines, *textwrap.wrap(suite.description, LINE), ""])


def _texts(suite: "Suite") -> str:
    counts = [task.texts for task in suite.task]
    known = sum(count or 0 for count in counts)
    if not known:
        return "?"
    return f"{known:,}" if None not in counts else f"{known:,}+"


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:2])}, {len(names) - 2} more"
