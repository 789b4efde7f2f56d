"""Trainings one after the other: in this process, or each in several by torch's launcher."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from angle_bench.cli import command_line
from angle_bench.errors import AngleBenchError

if TYPE_CHECKING:
    from angle_bench.training.loop.schedule import Stop
    from angle_bench.training.loop.trained import Trained
    from angle_bench.training.loop.training_request import TrainingRequest
    from angle_bench.training.recipe.recipe import Recipe

INTERRUPTED = 130
LAUNCHED = "ANGLE_BENCH_LAUNCHED"  # in processes whose launcher says that they were interrupted
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TrainingJobs = Sequence[tuple["Recipe", "TrainingRequest"]]


def launched() -> bool:
    """Whether this is one of several processes already."""
    return "RANK" in os.environ


def first() -> bool:
    """Whether this process is the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


def launch(processes: int, device: str, more: Sequence[str] = (), out: int | None = None) -> int:
    """The same command in several processes on this machine, by torch's launcher.

    Args:
        processes: How many.
        device: A device string, as `--device` takes it.
        more: Words after those that were typed.
        out: Where its stdout goes; None is this one's.

    Returns:
        Its exit code.

    Raises:
        KeyboardInterrupt: This process was interrupted; the others have ended.
    """
    words = [sys.executable, "-m", "angle_bench.training.launcher", "--nnodes", "1"]
    words += ["--nproc_per_node", str(processes)]
    words += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]  # any free port
    environment = {**os.environ, LAUNCHED: "1"}
    if device.startswith("cpu") or not _has_accelerator():
        share = max(1, (os.cpu_count() or 1) // processes)
        environment.setdefault("OMP_NUM_THREADS", str(share))
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    words += ["-m", "angle_bench.training", *command_line.typed()[1:], *more]
    return _ended(words, environment, out)


def _ended(words: Sequence[str], environment: Mapping[str, str], out: int | None) -> int:
    """The exit code of a launcher, which a terminal's signals reach through this process alone."""
    asked: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if running and not asked:  # once: a launcher that is ending must not be ended
            running[0].terminate()  # what is being imported ends so without a word
        asked.append(number)

    numbers = [n for n in _ENDINGS if signal.getsignal(n) is not signal.SIG_IGN]  # of nohup
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        started = subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=out, start_new_session=True
        )
        running.append(started)
        if asked:
            started.terminate()
        code = started.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt
    return code


def _has_accelerator() -> bool:
    from angle_bench.checkpoints.loading.devices import accelerators

    return bool(accelerators())


def train_all(
    asked: TrainingJobs, quiet: bool, failed: dict[Path, str] | None = None
) -> "list[Trained]":
    """Train one after the other, until one is stopped.

    Args:
        asked: What is trained, and where.
        quiet: Whether only warnings are wanted.
        failed: Takes why a training failed, by its folder, and the others are trained; None ends
            with the first that fails.
    """
    from angle_bench.cli.output.training_progress import watcher
    from angle_bench.evaluation.quiet import quieten
    from angle_bench.sweeps.state import forget_failure
    from angle_bench.training.loop.fine_tune import fine_tune
    from angle_bench.training.loop.schedule import Stop

    quieten()
    stop: Stop = Stop()
    done: list[Trained] = []
    with _stopping_at_signals(stop, quiet):
        for recipe, request in asked:
            try:
                if failed is not None and not launched():
                    forget_failure(request.folder)
                with watcher(quiet, request.folder if len(asked) > 1 else None) as watch:
                    done.append(fine_tune(recipe, request, watch, stop))
            except AngleBenchError as error:
                if failed is None:
                    raise
                _note(request.folder, error, failed)
            if stopped(done):
                break
    if stopped(done) and first():
        typer.echo(
            f"stopped after step {done[-1].steps:,}; a checkpoint is in {done[-1].folder}",
            err=True,
        )
    return done


def _note(folder: Path, error: AngleBenchError, failed: dict[Path, str]) -> None:
    """Say that a training failed, here and in its folder.

    Raises:
        AngleBenchError: Other processes train with this one. They may be waiting for it in the
            middle of a step, so that the next training cannot begin with them.
    """
    from angle_bench.sweeps.state import note_failure

    note_failure(folder, error)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise error
    failed[folder] = error.what  # not the error itself, whose frames hold the model
    typer.echo(f"error: {folder}: {error}", err=True)


def train_each_launched(
    asked: TrainingJobs,
    shards: Mapping[Path, str],
    processes: int,
    device: str,
    failed: dict[Path, str],
) -> "tuple[list[Trained], int]":
    """Train one after the other, each in processes of its own, which end with it.

    Args:
        asked: What is trained, and where.
        shards: The `--shard` that holds a training alone, by its folder.
        processes: How many train each.
        device: A device string, as `--device` takes it.
        failed: Takes why a training failed, by its folder.

    Returns:
        What was trained; and the exit code of a launch that ended without saying why, else 0.
    """
    from angle_bench.sweeps.state import failure_of, forget_failure, state_of
    from angle_bench.training.loop.fine_tune import fine_tune

    done: list[Trained] = []
    for recipe, request in asked:
        started, code = time.monotonic(), 0
        if state_of(request.folder, recipe) != "finished":
            forget_failure(request.folder)
            words = ["--shard", shards[request.folder]]
            code = launch(processes, device, words, subprocess.DEVNULL)
        state = state_of(request.folder, recipe)
        if state == "finished":  # so that this only reads what came of it
            trained = fine_tune(recipe, replace(request, resume=True))
            done.append(replace(trained, seconds=time.monotonic() - started))
        elif state == "failed":
            failed[request.folder] = failure_of(request.folder)
        else:
            return done, code or 1
    return done, 0


def stopped(done: "Sequence[Trained]") -> bool:
    """Whether the last training was stopped before its end."""
    return bool(done) and not done[-1].finished


@contextmanager
def _stopping_at_signals(stop: "Stop", quiet: bool) -> Iterator[None]:
    """The first interrupt saves a checkpoint after the step under way; the second ends at once."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        if not quiet:
            again = "" if LAUNCHED in os.environ else "; press again to stop immediately"
            typer.echo(f"stopping after this step, with a checkpoint{again}", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def line(done: "Trained") -> str:
    """What came of a training, in a line."""
    from angle_bench.api.calling.progress_bars import duration

    said = f"saved {done.folder}  {done.steps:,} steps, {duration(done.seconds)}"
    if done.averaged:
        steps = ", ".join(f"{step:,}" for step in done.averaged)
        score = "" if done.score is None else f": {done.suite} {100 * done.score:.2f}"
        return f"{said}; the average of steps {steps}{score}"
    if done.score is None:
        return said
    return f"{said}; step {done.best_step:,} was best: {done.suite} {100 * done.score:.2f}"


def next_line(
    recipe: "Recipe", sides: Mapping[str, Sequence[Path | str]], mirror: Path | None
) -> str:
    """The commands that say whether it was worth it.

    Args:
        recipe: What was trained; the checkpoint that it started from is used as it was in training.
        sides: What is compared with it: a folder or one for each seed, by a label for these.
        mirror: The local data and models, if any.
    """
    base = recipe.model.name
    models = [word for places in sides.values() for place in places for word in ("-m", str(place))]
    named = [
        f"{label}=" * (len(places) > 1) + ",".join(map(str, places))
        for label, places in sides.items()
    ]
    used = {
        "--pooling": recipe.model.pooling,
        "--max-length": recipe.model.max_length,
        "--prompt": (recipe.prompts and recipe.prompts.text) or None,
        "--mirror": mirror,
    }
    options = [word for key, value in used.items() if value is not None for word in (key, value)]
    run = ["angle-bench", "run", "-m", base, *models, "-t", "STS", *map(str, options)]
    compare = ["angle-bench", "compare", base, *named, "-t", "STS", "--seen"]
    return f"next: {shlex.join(run)}\n      {shlex.join(compare)}"
