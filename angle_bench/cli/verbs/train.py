"""`angle-bench train`: fine-tune a recipe, or see what it would do."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli import command_line
from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import CacheOptions, VerbosityOptions, grouped
from angle_bench.cli.output.values import print_json
from angle_bench.cli.training.train_sweep import train_sweep
from angle_bench.cli.training.trainings import (
    INTERRUPTED,
    first,
    launch,
    launched,
    line,
    next_line,
    stopped,
    train_all,
)
from angle_bench.errors import ModelError, UsageError
from angle_bench.sweeps.sweep_scores import scoring_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.run.run_options import StoreOptions
    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep
    from angle_bench.training.loop.training_request import TrainingRequest
    from angle_bench.training.recipe.recipe import Recipe

EPILOG = """
Examples:

angle-bench train sts-b -n

angle-bench train sts-b -o checkpoints/sts-b

angle-bench train my-recipe.toml --set lora.r=16 --set train.epochs=2 --seeds 1,2,3

angle-bench train my-recipe.toml --set 'train.learning_rate=[1e-5, 2e-5]' --shard auto

angle-bench train my-recipe.toml --resume
"""


@dataclass(frozen=True)
class TrainOptions:
    """What is trained, and where to."""

    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="The candidate; default checkpoints/RECIPE."
        ),
    ] = None
    dry_run: Annotated[
        bool,
        shared.flag(
            "-n", "--dry-run", help="Show recipe, data, first batch, steps, memory and time."
        ),
    ] = False
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting; a list of values trains each; repeatable.",
            show_default=False,
        ),
    ] = None
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="1,2,3", help="Train once for each seed, into DIR/seed-N."),
    ] = None
    shard: shared.Shard = None
    resume: Annotated[
        bool,
        shared.flag("--resume", help="Go on from the last checkpoint, or begin if there is none."),
    ] = False


@dataclass(frozen=True)
class Processes:
    """In how many processes, and who follows."""

    processes: Annotated[
        int,
        typer.Option(
            "--processes", metavar="N", min=1, help="Train with so many processes, a device each."
        ),
    ] = 1
    fsdp: Annotated[
        bool,
        shared.flag("--fsdp", help="Divide weights and optimizer over the processes."),
    ] = False
    track: shared.Track = "none"


@dataclass(frozen=True)
class SelectionOptions:
    """How the candidate is chosen, and where scores go."""

    select_on_test: Annotated[
        bool,
        shared.flag(
            "--select-on-test", help="Choose by a test split; all scores of it are marked."
        ),
    ] = False
    results: shared.Results = Path("results")


@dataclass(frozen=True)
class TrainLocations:
    """Where models and data are, what may run code, and where it is computed."""

    mirror: shared.Mirror = None
    offline: shared.Offline = False
    trust_remote_code: shared.TrustRemoteCode = False
    allow_pickle: shared.AllowPickle = False
    device: shared.Device = "auto"

    def access(self) -> "LoadOptions":
        """As the functions of Python take it; the recipe says where an adapter's base is."""
        from angle_bench.checkpoints.access import LoadOptions
        from angle_bench.evaluation.task_data import check_mirror

        mirror = check_mirror(self.mirror)
        return LoadOptions.of(None, mirror, self.trust_remote_code, self.allow_pickle)


@grouped
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A TOML file, or the name of a ready recipe.",
            autocompletion=complete.recipes,
        ),
    ],
    wanted: TrainOptions = TrainOptions(),
    divided: Processes = Processes(),
    judged: SelectionOptions = SelectionOptions(),
    places: TrainLocations = TrainLocations(),
    kept: CacheOptions = CacheOptions(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Fine-tune with the AnglE objectives; lists in a recipe train a grid, and end in a table."""
    from angle_bench.encoding.workers.start import check_devices
    from angle_bench.extras import needs_all

    needs_all("train")
    check_devices(places.device)
    numbers, store_options = _seeds(wanted.seeds), kept.store_options()
    shared.prepare_environment(places.offline, said.quiet, said.verbose)

    from angle_bench.cli.output.training_progress import watcher
    from angle_bench.sweeps.sweep_grid import dealt, read_sweep, trainings

    sweep = read_sweep(recipe, wanted.changes or [])
    place = wanted.output or Path("checkpoints") / Path(recipe).stem
    every = trainings(sweep, place, numbers)
    share = dealt(every, wanted.shard)
    if not share:
        typer.echo(f"--shard {wanted.shard}: no training is left for this part", err=True)
    access = places.access()
    if wanted.dry_run:
        with watcher(said.quiet, None):
            return _show_plan(sweep, share, access, places.device, said.as_json)
    scoring = None
    if sweep.keys:
        how = (judged.results, access, places.device, said.quiet, said.debug)
        scoring = scoring_of(sweep, *how, command_line.command())
    if divided.fsdp:
        _divide(divided.processes)
    asked = _begun(share, _request(wanted, divided, judged, access, places.device, store_options))
    if scoring is not None:
        return train_sweep(sweep, every, asked, scoring, divided.processes, said.as_json)
    if divided.processes > 1 and not launched():
        return _launch(divided.processes, places.device)
    return _train(place, asked, said.as_json, said.quiet)


def _show_plan(
    sweep: "Sweep",
    share: "list[PlannedTraining]",
    access: "LoadOptions",
    device: str,
    as_json: bool,
) -> int:
    """The recipe on stdout, so that `> mine.toml` is one; all else on stderr."""
    from angle_bench.api.forecasting import plan_of

    plan = plan_of(sweep, share, access, device)
    if as_json:
        print_json(plan.to_dict())
        return 0
    if grid := plan.grid_text():
        typer.echo(f"{grid}\n", err=True)
    typer.echo(plan.to_toml(), nl=False)
    typer.echo(f"\n{plan.preview_text()}", err=True)
    return 0


def _divide(processes: int) -> None:
    """Tell this process, and those that it launches, to divide weights over themselves.

    Raises:
        UsageError: There is but one.
    """
    if processes == 1 and not launched():
        raise UsageError("--fsdp divides over several processes.", "--processes 2 --fsdp")

    from angle_bench.training.model.fsdp import environment

    os.environ.update(environment())


def _launch(processes: int, device: str) -> int:
    """The same command in several processes.

    Raises:
        ModelError: One of them failed or was killed; the others are ended then.
    """
    if launch(processes, device):
        raise ModelError(
            "the training did not come to its end; the reason stands above.",
            "the same command with --resume, which goes on from the last checkpoint",
        )
    return 0


def _train(
    place: Path, asked: "list[tuple[Recipe, TrainingRequest]]", as_json: bool, quiet: bool
) -> int:
    """Train one recipe, under a seed or several."""
    done = train_all(asked, quiet or not first())
    if not first():
        return 0
    if as_json:
        print_json([each.to_dict() for each in done])
    if stopped(done):
        return INTERRUPTED
    if not as_json:
        for each in done:
            typer.echo(line(each))
    if done and not quiet:
        folders = [each.folder for each in done]
        recipe, request = asked[0]
        said = next_line(recipe, {place.name: folders}, request.access.mirror)
        typer.echo(said, err=True)
    return 0


def _seeds(typed: str | None) -> list[int]:
    """The seeds of `1,2,3`.

    Raises:
        UsageError: They are not integers, or one is repeated.
    """
    if typed is None:
        return []
    words = [word.strip() for word in typed.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words) or len(set(words)) < len(words):
        raise UsageError(f"--seeds {typed} is no list of different numbers.", "--seeds 1,2,3")
    return [int(word) for word in words]


def _request(
    wanted: TrainOptions,
    divided: Processes,
    judged: SelectionOptions,
    access: "LoadOptions",
    device: str,
    store_options: "StoreOptions",
) -> "Callable[[PlannedTraining], TrainingRequest]":
    """What is asked of each training."""
    from angle_bench.evaluation.tracking.trackers import tracker_names
    from angle_bench.training.loop.training_request import TrainingRequest

    return lambda training: TrainingRequest(
        folder=training.folder,
        access=replace(access, base=training.recipe.model.base),
        device=device,
        resume=wanted.resume,
        processes=divided.processes,
        track=tracker_names(divided.track),
        select_on_test=judged.select_on_test,
        command=command_line.command(),
        store_options=store_options,
    )


def _begun(
    share: "list[PlannedTraining]", request_of: "Callable[[PlannedTraining], TrainingRequest]"
) -> "list[tuple[Recipe, TrainingRequest]]":
    """What is trained into each folder; all are refused before one is trained."""
    from angle_bench.training.loop.begin import begin

    asked = [(each.recipe, request_of(each)) for each in share]
    for recipe, request in asked:
        begin(recipe, request)
    return asked
