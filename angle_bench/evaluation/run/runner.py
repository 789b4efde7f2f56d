"""Run models on a suite: what is stored is kept, what is missing is computed, failures stand alone.

Nothing heavy is imported until something is missing, so that a repeated command answers at once.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.variants import varied
from angle_bench.errors import DataError
from angle_bench.evaluation.encoders.loaded import load_encoders
from angle_bench.evaluation.encoders.open_store import opened_store
from angle_bench.evaluation.encoders.run_encoder import STORED, RunEncoder
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.first_stage import locate_for
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.missing import MissingTask, claimed, missing
from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.run.store_room import texts_of_task
from angle_bench.evaluation.run.task_record import task_record
from angle_bench.evaluation.task_data import mirror_warning
from angle_bench.results.model_folder import StoredTask, store
from angle_bench.results.task_locks import TaskLocks, holder, task_locks
from angle_bench.timeline import span

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store
    from angle_bench.evaluation.scoring.score import Prepared, ScoredTask


def run(
    jobs: Sequence[Job],
    options: Options,
    progress: Progress,
    between: IdleWorkers | None = None,
) -> None:
    """Evaluate every model on its tasks.

    A task that fails is recorded and the others run. What another process is computing is left to
    it; at the end this one waits, and computes what the other did not store.

    Args:
        jobs: The models with their tasks; their outcomes are filled in place.
        options: Where results go, where data is, how it is computed.
        progress: Told what happens.
        between: Holds workers beyond this call; the caller closes it.
    """
    held = between or IdleWorkers(progress.warning)
    tasks = {task.name: task for job in jobs for task in job.suite.task}
    for job in jobs:
        if note := job.variants[0].spec.note:
            progress.warning(note)
    if warning := mirror_warning(list(tasks.values()), options.mirror):
        progress.warning(warning)
    try:
        with task_locks() as ours:
            pending = list(jobs)
            while pending:
                pending = _round(pending, ours, held, options, progress)
    finally:
        if between is None:
            held.close()


def _round(
    jobs: Sequence[Job], ours: TaskLocks, between: IdleWorkers, options: Options, progress: Progress
) -> list[Job]:
    """Compute what nobody else computes.

    Returns:
        What others were computing. Where that is everything, one of these tasks is waited for.
    """
    left: list[Job] = []
    computed = False
    for job in jobs:
        started = time.monotonic()
        todo = missing(job.variants, job.suite, options, progress)
        mine, busy = claimed(todo, ours, options)
        try:
            if mine:
                computed = True
                with opened_store(options.store_options, progress) as kept:
                    _compute(job.variants, mine, kept, ours, between, options, progress)
        finally:
            _release(mine, ours)
        for outcome in job.variants:
            outcome.seconds += time.monotonic() - started
        if busy:
            left.append(job.only({name for _, name in busy}))
            first = busy[0]
    if left and not computed:
        outcome, name = first
        progress.waiting(f"{outcome.spec.label} {name}: {holder(outcome.folder, name)}")
        ours.wait(outcome.folder, name)
    return left


def _release(todo: Sequence[MissingTask], ours: TaskLocks) -> None:
    for each in todo:
        for outcome in each.outcomes:
            ours.release(outcome.folder, each.task.name)


def _compute(
    variants: Sequence[ModelOutcome],
    todo: Sequence[MissingTask],
    kept: "Store",
    ours: TaskLocks,
    between: IdleWorkers,
    options: Options,
    progress: Progress,
) -> None:
    spec = variants[0].spec
    progress.loading(spec)
    try:
        specs = [outcome.spec for outcome in variants]
        encoders = load_encoders(specs, kept, between, options, progress)
    except Exception as error:
        for each in todo:
            for outcome in each.outcomes:
                failure = outcome.failed(each.task.name, error, options.command)
        progress.failed(spec.label, failure.what, failure.fix)
        return
    try:
        _score_all(variants, encoders, todo, ours, options, progress)
    finally:
        encoders[0].end(between)
        for outcome in variants:
            outcome.texts += encoders[0].counted().get("texts", 0)
        for outcome, encoder in zip(variants, encoders, strict=True):
            if spec.endpoint is not None:
                outcome.tokens += encoder.counted()["tokens"]


def _score_all(
    variants: Sequence[ModelOutcome],
    encoders: Sequence[RunEncoder],
    todo: Sequence[MissingTask],
    ours: TaskLocks,
    options: Options,
    progress: Progress,
) -> None:
    spec, first = variants[0].spec, encoders[0]
    header = spec.header([(each.task.name, each.task.type) for each in todo])
    where = f"{STORED} first" if first.device == STORED else first.device
    parts = [header, *varied([outcome.spec for outcome in variants]), where]
    texts_in_all = _countable_texts(todo) if first.tells_texts else 0
    progress.model(" · ".join(parts), len(todo), texts_in_all)
    for line in _prompt_lines(spec, todo):
        progress.note(line)
    if said := first.too_large(
        [texts_of_task(each.task, each.located) for each in todo if not each.parts],
        options.store_options,
    ):
        progress.warning(said)
    ready = first.ahead([each for each in todo if each.task.type == "STS"], progress)
    for number, each in enumerate(todo, start=1):
        held = ready.pop(each.task.name, None)
        ahead = bool(each.parts) or (held is not None and not isinstance(held, Exception))
        texts = texts_of_task(each.task, each.located) or 0
        progress.task(each.task.name, number, 0 if ahead else texts)
        lacking = [
            (outcome, encoder)
            for outcome, encoder in zip(variants, encoders, strict=True)
            if outcome in each.outcomes
        ]
        _score_task(lacking, each, held, options, progress)
        _release([each], ours)
        first.tell_warnings(progress)
    first.tell_at_end(progress)


def _prompt_lines(spec: ModelSpec, todo: Sequence[MissingTask]) -> list[str]:
    """Which prompt each task uses, where they do not all use the same one."""
    used = spec.endpoint or spec.settings
    if used is None:
        return []
    tasks = [(each.task.name, each.task.type) for each in todo]
    lines = used.prompts.by_template(tasks)
    return lines if len(lines) > 1 else []


def _countable_texts(todo: Sequence[MissingTask]) -> int:
    """The texts that the encoder will report, 0 where that is not known beforehand."""
    texts = [texts_of_task(each.task, each.located) for each in todo if not each.parts]
    return 0 if None in texts else sum(count or 0 for count in texts)


def _score_task(
    lacking: Sequence[tuple[ModelOutcome, RunEncoder]],
    todo: MissingTask,
    ready: "Prepared | Exception | None",
    options: Options,
    progress: Progress,
) -> None:
    """Score a task with every variant that lacks it; its data is loaded once."""
    started = time.monotonic()
    name = todo.task.name
    scores: list[float] = []
    prepared: Prepared | None = None
    try:
        if not todo.parts:
            prepared = _prepared(todo, ready)
            for warning in prepared.warnings:
                progress.warning(warning)
        scores = _score_variants(lacking, todo, prepared, options, progress, started)
    except Exception as error:  # the data: no variant can be scored
        for outcome, _ in lacking:
            failure = outcome.failed(name, error, options.command)
        progress.failed(name, failure.what, failure.fix)
    finally:
        if prepared is not None:
            prepared.release()
    if scores:
        progress.scored(name, scores, time.monotonic() - started)


def _score_variants(
    lacking: Sequence[tuple[ModelOutcome, RunEncoder]],
    todo: MissingTask,
    prepared: "Prepared | None",
    options: Options,
    progress: Progress,
    started: float,
) -> list[float]:
    """The scores of a task, stored; the time since `started` is what each took.

    A variant that fails, such as a layer whose vectors are all the same, fails alone.
    """
    name = todo.task.name
    scores: list[float] = []
    said: set[str] = set()
    for outcome, encoder in lacking:
        try:
            scored = _scored(outcome, encoder, todo, prepared, options)
            seconds = time.monotonic() - started
            stored = _store(outcome, encoder, todo, scored, seconds, options)
        except Exception as error:
            failure = outcome.failed(name, error, options.command)
            if failure.what not in said:
                progress.failed(name, failure.what, failure.fix)
            said.add(failure.what)
        else:
            outcome.stored[name] = stored
            outcome.scored.append(name)
            scores.append(scored.result.get_score())
    return scores


def _prepared(todo: MissingTask, ready: "Prepared | Exception | None") -> "Prepared":
    from angle_bench.evaluation.scoring.score import prepare

    if isinstance(ready, Exception):
        raise ready
    with span("load data", task=todo.task.name):
        return ready or prepare(todo.task, todo.located)


def _scored(
    outcome: ModelOutcome,
    encoder: RunEncoder,
    todo: MissingTask,
    prepared: "Prepared | None",
    options: Options,
) -> "ScoredTask":
    from angle_bench.evaluation.scoring.score import score

    if prepared is None:
        return _combined(outcome, todo)
    encoder.begin_task()
    with span("score", task=todo.task.name):
        scored = score(encoder.model, prepared, encoder.batch)
    encoder.refuse_change()
    found = locate_for(outcome.spec, todo.task, options)
    if (found.revision, found.definition) != (todo.located.revision, todo.located.definition):
        raise DataError(
            f"the data of {todo.task.name} changed while it was being scored.",
            "the same command once nothing writes to the data any more",
        )
    return scored


def _store(
    outcome: ModelOutcome,
    encoder: RunEncoder,
    todo: MissingTask,
    scored: "ScoredTask",
    seconds: float,
    options: Options,
) -> StoredTask:
    with span("store", task=todo.task.name):
        record = task_record(outcome.spec, encoder, todo.task, todo.located, scored)
        if (dtype := options.store_options.dtype) != "float32":  # which rounds all vectors
            record["cache_dtype"] = dtype
        return store(
            outcome.folder,
            todo.task.name,
            write_result=scored.result.to_disk,
            meta=encoder.model.mteb_model_meta.to_dict(),
            record={"command": list(options.command), "seconds": round(seconds, 3), **record},
            predictions=scored.predictions,
            ranked=scored.ranked,
        )


def _combined(outcome: ModelOutcome, todo: MissingTask) -> "ScoredTask":
    """An aggregate task from the stored results of its parts, by mteb's own rule."""
    from angle_bench.evaluation.scoring.aggregate import combine

    missing = [part.name for part in todo.parts if part.name in outcome.failures]
    if missing:
        raise DataError(
            f"{todo.task.name} is the mean of its parts, and {', '.join(missing)} has no score.",
            "the same command, once what is said of its parts is mended",
        )
    return combine(outcome.folder, todo.task, todo.located)
