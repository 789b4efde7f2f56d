"""Train a recipe: load, train, choose, and leave a candidate that everything can load."""

import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerState
from transformers.utils import logging as transformers_logging

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.store.interface import Store
from angle_bench.encoding.workers.forward import is_out_of_memory
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.encoders.load import place_of
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.checkpoint.run_folder import RunFolder, absolute
from angle_bench.training.data.batches import made_with
from angle_bench.training.data.dataset import TrainingRows, load_rows
from angle_bench.training.data.order import sampler_of
from angle_bench.training.data.rows import idle
from angle_bench.training.data.stream import Stream
from angle_bench.training.loop.begin import Begun, begin
from angle_bench.training.loop.schedule import ScheduleCallback, Stop
from angle_bench.training.loop.selection import Selection
from angle_bench.training.loop.trained import Trained, card_of, summary_of, trained_of
from angle_bench.training.loop.trainer import AngleTrainer, Provenance
from angle_bench.training.loop.trainer_arguments import training_arguments
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loop.training_request import TrainingRequest
from angle_bench.training.loss.batch_loss import BatchLoss
from angle_bench.training.merging.average_last import FOLDER as AVERAGE
from angle_bench.training.merging.average_last import write_average
from angle_bench.training.model import distributed
from angle_bench.training.model.student import load_student
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.steps import (
    last_due,
    long_warmup,
    refuse_too_few,
    steps_of,
)
from angle_bench.training.teachers.load_teachers import load_teachers, vectors_kept


def fine_tune(
    recipe: Recipe,
    request: TrainingRequest,
    watch: TrainingProgress | None = None,
    stop: Stop | None = None,
) -> Trained:
    """Train a recipe to its end, or go on with it.

    Args:
        recipe: What is trained.
        request: Where and how.
        watch: Told what happens.
        stop: Asked after every step; where it says so, a checkpoint is saved and training ends.

    Raises:
        UsageError: The recipe or the folder does not fit.
        DataError: The data is not what the recipe needs.
        ModelError: The checkpoint cannot be trained so, or the loss is not finite.
        ResultsError: The folder cannot be written; earlier checkpoints are untouched.
    """
    started = time.monotonic()
    watched, asked = watch or TrainingProgress(), stop or Stop()
    recipe = absolute(recipe)
    begun = begin(recipe, request)
    for spec in (begun.spec, *(each.spec for each in begun.taught)):
        if spec.note:
            watched.warning(spec.note)
    folder = RunFolder(request.folder)
    if (said := folder.summary()) is not None:
        return trained_of(folder, said, time.monotonic() - started)
    with vectors_kept(begun.taught, request.store_options, watched) as store:
        trainer = _trainer(recipe, request, begun, store, watched, asked)
        last = folder.last()
        if last is not None:
            _refuse_other_epoch(recipe, trainer, last)
            trainer.resume(last)
        if last is None or not _ended(recipe, trainer, last):
            _train(trainer, last)
            trainer.say_what_was_cut()
    return _finished(recipe, request, begun, trainer, asked, started)


def _finished(
    recipe: Recipe,
    request: TrainingRequest,
    begun: Begun,
    trainer: AngleTrainer,
    asked: Stop,
    started: float,
) -> Trained:
    """What came of the steps: a candidate, or a training that was stopped."""
    folder, suite, state = RunFolder(request.folder), begun.suite, trainer.state
    chosen = state.best_global_step if suite is not None else state.global_step
    if asked.asked and state.global_step < _steps(recipe, trainer):
        seconds = time.monotonic() - started
        return Trained(folder.place, False, state.global_step, chosen or 0, None, None, seconds)
    summary = summary_of(request, suite, state, chosen or state.global_step, started)
    candidate = folder.checkpoint(summary["best_step"])
    if recipe.train.average_last is not None:
        candidate = _averaged(recipe, request, begun.spec, trainer, summary)
    if distributed.is_main_process():
        card = card_of(recipe, request, begun, trainer, summary)
        folder.finish(candidate, card, summary)
        shutil.rmtree(folder.place / AVERAGE, ignore_errors=True)
    return trained_of(folder, summary, time.monotonic() - started)


def _trainer(
    recipe: Recipe,
    request: TrainingRequest,
    begun: Begun,
    store: Store | None,
    watch: TrainingProgress,
    stop: Stop,
) -> AngleTrainer:
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    folder, spec, suite = RunFolder(request.folder), begun.spec, begun.suite
    mirror = request.access.mirror
    data = Stream(recipe, mirror) if recipe.data.streaming else load_rows(recipe, mirror)
    args = training_arguments(recipe, folder, request.device, request.track)
    device = args.device
    set_seeds(recipe.train.seed)  # an adapter's first weights are drawn
    last = folder.last()
    student = load_student(recipe, spec, place_of(spec), device, last)
    teachers = load_teachers(begun.taught, student, store, device, watch)
    if recipe.matryoshka is not None and student.dimension not in recipe.matryoshka.sizes:
        watch.warning(
            f"matryoshka.sizes lacks {student.dimension}: whole vectors are not trained as such"
        )
    record = TrainingRecord()
    earlier = read_training_texts(spec.folder) if last is None and spec.folder else None
    if earlier is not None:
        record.inherit(earlier)
    selection = None if suite is None else Selection(suite, student, spec, mirror)
    provenance = Provenance(
        record,
        selection,
        tuple(dict.fromkeys([*spec.selected_on_test, *begun.marks])),
        _made_of(begun, selection),
    )
    for line in idle(data.format, recipe.loss):
        watch.warning(line)
    trainer = AngleTrainer(
        recipe=recipe,
        student=student,
        loss=BatchLoss(
            recipe.loss,
            recipe.espresso,
            recipe.matryoshka,
            teachers,
            recipe.train.gather,
            student.settings.normalize,
        ),
        data=data,
        folder=folder,
        args=args,
        provenance=provenance,
        watch=watch,
    )
    trainer.add_callback(ScheduleCallback(trainer, stop))
    refuse_too_few(recipe, trainer.due)
    step = 0 if last is None else int(last.name.rpartition("-")[2])
    header = spec.header([] if suite is None else [(t.name, t.type) for t in suite.task])
    watch.began(f"{header} · {device}", _steps(recipe, trainer), step)
    if (late := long_warmup(recipe, _steps(recipe, trainer))) is not None:
        watch.warning(late)
    return trainer


def _made_of(begun: Begun, selection: Selection | None) -> dict[str, str]:
    """What the starting point, the teachers and the data for choosing are, by their names."""
    specs = {"model": begun.spec, **{each.key: each.spec for each in begun.taught}}
    chosen = {} if selection is None else selection.data
    data = {f"data of {task} (select.suite)": revision for task, revision in chosen.items()}
    return {key: _identity(spec) for key, spec in specs.items()} | data


def _identity(spec: ModelSpec) -> str:
    """Content, or a commit of the hub, and settings."""
    return " ".join([spec.revision, *([] if spec.settings is None else [spec.settings.digest()])])


def _steps(recipe: Recipe, trainer: AngleTrainer) -> int:
    data = trainer.train_dataset
    rows = len(sampler_of(data, recipe)) if isinstance(data, TrainingRows) else None
    return steps_of(recipe, rows, distributed.count())


def _refuse_other_epoch(recipe: Recipe, trainer: AngleTrainer, last: Path) -> None:
    """See that an epoch has as many steps as when a checkpoint was made.

    Raises:
        UsageError: An epoch would have another number of steps, since rows that fill no batch
            are left out.
    """
    data, there = trainer.train_dataset, made_with(last, recipe)
    if not isinstance(data, TrainingRows):
        return
    train = recipe.train.model_copy(update={"batch_size": there.batch_size})
    rows = len(sampler_of(data, recipe.model_copy(update={"train": train})))
    if -(-rows // there.rows) != -(-len(sampler_of(data, recipe)) // there.rows):
        raise UsageError(
            f"an epoch of {last.name} had {rows} rows, in batches of {there.batch_size}; in "
            f"batches of {recipe.train.batch_size} it has another number.",
            f"--set train.batch_size={there.batch_size} --processes {there.processes}",
        )


def _ended(recipe: Recipe, trainer: AngleTrainer, last: Path) -> bool:
    """Whether the last checkpoint is the last one: what is left is to choose."""
    trainer.state = TrainerState.load_from_json(str(last / "trainer_state.json"))
    if trainer.state.global_step >= _steps(recipe, trainer):
        return True
    patience = recipe.select.patience
    if trainer.selection is None or patience is None:
        return False
    return trainer.evaluations_without_better() >= patience


def _train(trainer: AngleTrainer, last: Path | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(
            f"a step of {trainer.recipe.train.batch_size} rows does not fit into memory.",
            "a smaller train.batch_size with more train.accumulation, or --set "
            "model.gradient_checkpointing=true",
        ) from error


def _averaged(
    recipe: Recipe,
    request: TrainingRequest,
    spec: ModelSpec,
    trainer: AngleTrainer,
    summary: dict[str, Any],
) -> Path:
    """The average of the last checkpoints, its score in the summary; every process takes part."""
    folder = RunFolder(request.folder)
    # as the first process sees it: another machine's view of the folder may lag behind
    there = distributed.all_gather(folder.steps())[0]
    steps = last_due(recipe, trainer.due, there)
    if len(steps) < 2:  # training ended early
        steps = there[-1:]
        place = folder.checkpoint(steps[-1])
    else:
        place = folder.place / AVERAGE
        if distributed.is_main_process():
            write_average(place, [folder.checkpoint(step) for step in steps], request.access)
    if len(steps) < (recipe.train.average_last or 0):
        trainer.watch.warning(f"training ended early: {len(steps)} checkpoints were due to average")
    distributed.all_gather(None)  # the folder is there
    summary |= {"averaged": steps, "best_step": steps[-1]}
    if trainer.selection is not None:
        device = trainer.args.device
        student = load_student(recipe, spec, place_of(spec), device, place)
        mirror = request.access.mirror
        found = trainer.scored(Selection(trainer.selection.suite, student, spec, mirror))
        best = trainer.state.best_metric
        if best is not None and best > found:
            trainer.watch.warning(
                f"the average has {100 * found:.2f}, step {trainer.state.best_global_step} alone "
                f"has {100 * best:.2f}"
            )
        summary["score"] = found
    return place


def set_seeds(seed: int) -> None:
    """Everything that is drawn from global generators is drawn from here on."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
