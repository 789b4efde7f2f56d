"""`angle-bench train`: fine-tune a recipe, or see what it would do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.errors import ModelError, UsageError

if TYPE_CHECKING:
    from angle_bench.models.access import Access
    from angle_bench.training.fine_tune import Request, Trained
    from angle_bench.training.flow import Stop
    from angle_bench.training.preview import Preview
    from angle_bench.training.recipe import Recipe

INTERRUPTED = 130
EPILOG = """
Examples:

angle-bench train sts-b -n

angle-bench train sts-b -o checkpoints/sts-b

angle-bench train my-recipe.toml --set lora.r=16 --set train.epochs=2 --seeds 1,2,3

angle-bench train my-recipe.toml --resume
"""


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a ready recipe.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="The candidate; default checkpoints/RECIPE."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "-n", "--dry-run", help="Show recipe, data, first batch, steps, memory and time."
        ),
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any setting; repeatable.", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", metavar="1,2,3", help="Train once for each seed, into FOLDER/seed-N."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the last checkpoint, or begin if there is none."),
    ] = False,
    processes: Annotated[
        int,
        typer.Option("--processes", min=1, help="Train with so many processes, a device each."),
    ] = 1,
    fsdp: Annotated[
        bool,
        typer.Option("--fsdp", help="Divide weights and optimizer over the processes."),
    ] = False,
    track: Annotated[
        str,
        typer.Option("--track", help="tensorboard, wandb, mlflow, trackio or none."),
    ] = "none",
    select_on_test: Annotated[
        bool,
        typer.Option(
            "--select-on-test", help="Choose by a test split; all scores of it are marked."
        ),
    ] = False,
    device: shared.Device = "auto",
    mirror: shared.Mirror = None,
    trust_remote_code: shared.TrustRemoteCode = False,
    allow_pickle: shared.AllowPickle = False,
    offline: shared.Offline = False,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
) -> int:
    """Fine-tune with the AnglE objectives; the result is a folder for -m."""
    shared.refuse(device, None, None, None)
    numbers = _seeds(seeds)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.training.recipe import read_recipe

    found = read_recipe(recipe, changes or [])

    from angle_bench.evaluation.data import check_mirror

    access = shared.access(found.model.base, check_mirror(mirror), trust_remote_code, allow_pickle)
    if dry_run:
        return _preview(found, access, device, as_json)
    place = output or Path("checkpoints") / Path(recipe).stem
    folders = {place: found}
    if numbers:
        folders = {place / f"seed-{number}": found.with_seed(number) for number in numbers}
    followed = None if track == "none" else track
    if fsdp:
        _shard(processes)
    asked = _begun(folders, access, device, resume, followed, select_on_test)
    if processes > 1 and not _launched():
        return _launch(processes, device)
    quiet = quiet or not _first()
    done = _train_all(asked, quiet)
    if not _first():
        return 0
    if as_json:
        typer.echo(json.dumps([_result(each) for each in done], indent=2, ensure_ascii=False))
    if not done[-1].finished:
        return INTERRUPTED
    if not as_json:
        for each in done:
            typer.echo(_line(each))
    if not quiet:
        typer.echo(_next(found, place, done), err=True)
    return 0


def _seeds(typed: str | None) -> list[int]:
    """The seeds of `1,2,3`.

    Raises:
        UsageError: They are none, or one stands twice.
    """
    if typed is None:
        return []
    words = [word.strip() for word in typed.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words) or len(set(words)) < len(words):
        raise UsageError(f"--seeds {typed} is no list of different numbers.", "--seeds 1,2,3")
    return [int(word) for word in words]


def _begun(
    folders: "dict[Path, Recipe]",
    access: "Access",
    device: str,
    resume: bool,
    track: str | None,
    select_on_test: bool,
) -> "list[tuple[Recipe, Request]]":
    """What is trained into each folder; all are refused before one is trained."""
    from angle_bench.training.fine_tune import Request, begin

    requests = [
        Request(
            folder=place,
            access=access,
            device=device,
            resume=resume,
            track=track,
            select_on_test=select_on_test,
            command=["angle-bench", *sys.argv[1:]],
        )
        for place in folders
    ]
    asked = list(zip(folders.values(), requests, strict=True))
    for recipe, request in asked:
        begin(recipe, request)
    return asked


def _launched() -> bool:
    """Whether this is one of several processes already."""
    return "RANK" in os.environ


def _shard(processes: int) -> None:
    """Tell this process, and those that it launches, to shard.

    Raises:
        UsageError: There is but one.
    """
    if processes == 1 and not _launched():
        raise UsageError("--fsdp divides over several processes.", "--processes 2 --fsdp")

    from angle_bench.training.sharded import environment

    os.environ.update(environment())


def _first() -> bool:
    """Whether this process is the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


def _launch(processes: int, device: str) -> int:
    """The same command in several processes on this machine, by torch's launcher.

    Raises:
        ModelError: One of them failed or was killed; the others are ended then.
    """
    words = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1"]
    words += ["--nproc_per_node", str(processes)]
    words += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]  # any free port
    environment = dict(os.environ)
    if device.startswith("cpu") or not _has_accelerator():
        share = max(1, (os.cpu_count() or 1) // processes)
        environment.setdefault("OMP_NUM_THREADS", str(share))
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    words += ["-m", "angle_bench.training", *sys.argv[2:]]
    ended = subprocess.run(words, env=environment, check=False).returncode
    if ended:
        raise ModelError(
            "the training did not come to its end; the reason stands above.",
            "the same command with --resume, which goes on from the last checkpoint",
        )
    return 0


def _has_accelerator() -> bool:
    from angle_bench.models.backbone import accelerators

    return bool(accelerators())


def _train_all(asked: "list[tuple[Recipe, Request]]", quiet: bool) -> "list[Trained]":
    """Train one after the other, until one is stopped."""
    from angle_bench.cli.training_progress import watcher
    from angle_bench.training.fine_tune import fine_tune
    from angle_bench.training.flow import Stop

    stop, done = Stop(), []
    with _stopping_at_signals(stop, quiet):
        for recipe, request in asked:
            with watcher(quiet, request.folder if len(asked) > 1 else None) as watch:
                done.append(fine_tune(recipe, request, watch, stop))
            if not done[-1].finished:
                break
    if not done[-1].finished and _first():
        typer.echo(
            f"stopped after step {done[-1].steps:,}; a checkpoint is in {done[-1].folder}\n"
            "next: the same command with --resume",
            err=True,
        )
    return done


@contextmanager
def _stopping_at_signals(stop: "Stop", quiet: bool) -> Iterator[None]:
    """The first interrupt saves a checkpoint after the step under way; the second ends at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        if not quiet:
            typer.echo("stopping after this step, with a checkpoint; again: at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _result(done: "Trained") -> dict[str, Any]:
    return {**asdict(done), "folder": str(done.folder), "seconds": round(done.seconds, 1)}


def _line(done: "Trained") -> str:
    from angle_bench.cli.progress import duration

    line = f"saved {done.folder}  {done.steps:,} steps, {duration(done.seconds)}"
    if done.score is None:
        return line
    return f"{line}; step {done.best_step:,} was best: {done.suite} {100 * done.score:.2f}"


def _next(recipe: "Recipe", place: Path, done: "list[Trained]") -> str:
    """The command that says whether it was worth it."""
    models = " ".join(f"-m {each.folder}" for each in done)
    run = f"angle-bench run -m {recipe.model.name} {models} -t STS"
    sides = ",".join(str(each.folder) for each in done)
    label = f"{place.name}=" if len(done) > 1 else ""
    return (
        f"next: {run}\n      angle-bench compare {recipe.model.name} {label}{sides} -t STS --seen"
    )


def _preview(recipe: "Recipe", access: "Access", device: str, as_json: bool) -> int:
    from angle_bench.training.preview import preview

    seen = preview(recipe, access, device)
    if as_json:
        typer.echo(json.dumps(_json(recipe, seen), indent=2, ensure_ascii=False))
    else:
        _print(recipe, seen)
    return 0


def _json(recipe: "Recipe", seen: "Preview") -> dict[str, Any]:
    said = asdict(seen) | {"spec": None}
    del said["spec"]
    return {
        "recipe": recipe.model_dump(mode="json"),
        "model": {"name": seen.spec.name, "revision": seen.spec.revision},
        **said,
    }


def _print(recipe: "Recipe", seen: "Preview") -> None:
    from angle_bench.training.recipe import recipe_toml

    typer.echo(recipe_toml(recipe))
    typer.echo(f"model: {seen.spec.header([])}")
    for line in [*_data(seen), *_batch(seen), _steps(recipe, seen), *_cost(seen)]:
        typer.echo(line)


def _data(seen: "Preview") -> list[str]:
    if seen.counts is None:
        return [f"data: format {seen.format}, streamed"]
    lines = [f"data: format {seen.format}, {seen.rows:,} rows"]
    for name, counts in seen.counts:
        dropped = ", ".join(f"{count:,} {why}" for why, count in counts.dropped.items())
        lines.append(
            f"  {name}: {counts.read:,} read, {counts.kept:,} kept"
            + (f"; dropped: {dropped}" if dropped else "")
        )
    if seen.positives is not None:
        lines.append(f"  {seen.positives:,} pairs of label 1, which ibn takes as positives")
    return lines


def _batch(seen: "Preview") -> list[str]:
    if seen.batch is None:
        return ["first batch: shown once the model is here"]
    lines = ["first batch:"]
    for row in seen.batch:
        label = "" if row.label is None else f", label {row.label:g}"
        lines.append(f"  row {row.row}{label}")
        lines += [f"    {text.tokens:4} tokens  {text.text}" for text in row.texts]
    return lines


def _steps(recipe: "Recipe", seen: "Preview") -> str:
    used = recipe.train
    tokens = "" if seen.tokens is None else f", about {seen.tokens:,} tokens a batch with padding"
    return (
        f"steps: {seen.steps:,} of {used.batch_size} x {used.accumulation} rows on one device"
        f"{tokens}"
    )


def _cost(seen: "Preview") -> list[str]:
    from angle_bench.cli.progress import duration

    if seen.memory is None or seen.seconds is None:
        return ["memory and time: known once the model is here"]
    parts = ", ".join(f"{name} {_size(size)}" for name, size in asdict(seen.memory).items())
    least = "about" if seen.device == "cpu" else "at least"
    return [
        f"memory: about {_size(seen.memory.total)} ({parts}); {seen.trainable:,} parameters train",
        f"time: {least} {duration(seen.seconds)} on this machine ({seen.device}), "
        "without evaluation",
    ]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
