"""`angle-bench`: the verbs, and how errors are shown."""

import gc
import os
import shlex
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from angle_bench.api.calling.words import typed
from angle_bench.cli import command_line
from angle_bench.cli.training.trainings import LAUNCHED
from angle_bench.cli.verbs import compare as compare_verb
from angle_bench.cli.verbs import doctor as doctor_verb
from angle_bench.cli.verbs import download as download_verb
from angle_bench.cli.verbs import encode as encode_verb
from angle_bench.cli.verbs import export as export_verb
from angle_bench.cli.verbs import leaderboard as leaderboard_verb
from angle_bench.cli.verbs import merge as merge_verb
from angle_bench.cli.verbs import mine_negatives as mine_negatives_verb
from angle_bench.cli.verbs import reproduce as reproduce_verb
from angle_bench.cli.verbs import run as run_verb
from angle_bench.cli.verbs import runs as runs_verb
from angle_bench.cli.verbs import train as train_verb
from angle_bench.cli.verbs.cache import cache
from angle_bench.cli.verbs.models import models
from angle_bench.cli.verbs.publishing import cite as cite_verb
from angle_bench.cli.verbs.publishing import submit as submit_verb
from angle_bench.cli.verbs.recipes import recipes
from angle_bench.cli.verbs.tasks import tasks
from angle_bench.errors import (
    MEMORY_FIX,
    AngleBenchError,
    did_you_mean,
    first_line,
    next_step,
    no_memory,
    shown,
)
from angle_bench.version import __version__

INTERRUPTED = 130

# the base of all usage errors; typer shows it under no name of its own
_TYPER_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="angle-bench",
    help="Is this checkpoint better than that one? Benchmark sentence embeddings on MTEB.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=run_verb.EPILOG)(run_verb.run)
app.command(epilog=compare_verb.EPILOG)(compare_verb.compare)
app.command(epilog=leaderboard_verb.EPILOG, cls=leaderboard_verb.LeaderboardCommand)(
    leaderboard_verb.leaderboard
)
app.command(epilog=cite_verb.EPILOG)(cite_verb.cite)
app.command(epilog=submit_verb.EPILOG)(submit_verb.submit)
app.command(epilog=train_verb.EPILOG)(train_verb.train)
app.command("mine-negatives", epilog=mine_negatives_verb.EPILOG)(mine_negatives_verb.mine_negatives)
app.command(epilog=encode_verb.EPILOG)(encode_verb.encode)
app.command(epilog=export_verb.EPILOG)(export_verb.export)
app.command(epilog=merge_verb.EPILOG)(merge_verb.merge)
app.command(epilog=reproduce_verb.EPILOG)(reproduce_verb.reproduce)
app.command(epilog=download_verb.EPILOG)(download_verb.download)
app.command(epilog=runs_verb.EPILOG)(runs_verb.runs)
app.command(epilog=doctor_verb.EPILOG)(doctor_verb.doctor)
app.add_typer(models, name="models")
app.add_typer(tasks, name="tasks")
app.add_typer(recipes, name="recipes")
app.add_typer(cache, name="cache")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"angle-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Is this checkpoint better than that one? Benchmark sentence embeddings on MTEB."""


def main() -> NoReturn:
    """Run the command line; the exit codes are those of CONTRACTS."""
    try:
        with typed():
            code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer makes a status of an interrupt
            raise KeyboardInterrupt
    except AngleBenchError as error:
        code = _show(error.what, error.fix, error.exit_code)
    except _TYPER_USAGE_ERROR as error:
        code = _show_usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        code = _show_interrupt()
    except BrokenPipeError:
        code = _reader_gone()
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        code = _reader_gone()  # rich's own end, with which help is printed
    except Exception as error:
        code = _show_machine_error(error)
    gc.freeze()  # the end of the process would look at all that was imported, for a second
    sys.exit(code if isinstance(code, int) else 0)


def _show_interrupt() -> int:
    """What goes on after an interrupt; of a launched process its launcher says it."""
    if LAUNCHED in os.environ:
        return INTERRUPTED
    return _show("interrupted; what was finished is kept.", _going_on(), INTERRUPTED)


def _show_machine_error(error: Exception) -> int:
    """What the machine could not do; any other error is one of this package, and is raised."""
    if no_memory(error):
        return _show("memory ran out.", MEMORY_FIX, 1)
    if isinstance(error, RecursionError):
        return _show("something that was read is nested too deeply.", "--debug, to see what", 1)
    if not isinstance(error, OSError):
        raise error
    where, why = error.filename or "the output", error.strerror or first_line(error)
    code = _show(f"{where}: {why}.", "another place, or --debug, to see more", 1)
    _silence_stdout()
    return code


def _reader_gone() -> int:
    """The reader of our output is gone, such as `| head`: nothing is left to say."""
    _silence_stdout()
    return 0


def _silence_stdout() -> None:
    """Let what is still to be written go nowhere: it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _going_on() -> str:
    """What goes on after an interrupt; `train` takes up a folder that is there only if told to."""
    typed = command_line.typed()
    resume = ["--resume"] if typed[:1] == ["train"] and "--resume" not in typed else []
    return shlex.join(["angle-bench", *typed, *resume])


def _show_usage_error(error: Exception) -> int:
    message = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    if message == "" or type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message)
        return 2
    at, verbs = "angle-bench", _verbs(app)
    for word in command_line.typed()[:2]:
        if word not in verbs:
            if near := did_you_mean(word, verbs):
                return _show(f"there is no verb {word}.", f"{at} {near[0]}", 2)
            break
        at, verbs = f"{at} {word}", _verbs(verbs[word])
    return _show(_as_ours(message), f"{at} --help", 2)


def _as_ours(message: str) -> str:
    """A message of typer as ours begin and end."""
    said = message.replace("Value error, ", "").rstrip(".")
    return f"{said[:1].lower()}{said[1:]}."


def _verbs(group: typer.Typer | None) -> dict[str, typer.Typer | None]:
    """The words that may follow, each with the verbs below it, None where there are none."""
    if group is None:
        return {}
    commands = [
        command.name or command.callback.__name__
        for command in group.registered_commands
        if command.callback
    ]
    below = {sub.name: sub.typer_instance for sub in group.registered_groups if sub.name}
    return {**dict.fromkeys(commands), **below}


def _show(what: str, fix: str, code: int) -> int:
    typer.echo(shown(f"error: {what}\n  {next_step(fix)}"), err=True)
    if "--debug" in command_line.typed():
        traceback.print_exc()
    return code
