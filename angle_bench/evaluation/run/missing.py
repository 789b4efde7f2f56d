"""What is still to be computed of a suite, and for which variants of a model."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.first_stage import locate_for
from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.evaluation.run.record import model_record
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.task_data import Located
from angle_bench.results.model_folder import (
    LookupResult,
    ResultRequirements,
    forget_failure,
    look_up,
)
from angle_bench.results.task_locks import TaskLocks, forget_dead
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Suite, Task


@dataclass
class MissingTask:
    """A task to compute.

    Attributes:
        located: Where its data is.
        parts: The tasks that it is the mean of, if it is an aggregate.
        outcomes: The variants of the model that lack it.
    """

    task: Task
    located: Located
    parts: tuple[Task, ...] = ()
    outcomes: list[ModelOutcome] = field(default_factory=list)


def missing(
    variants: Sequence[ModelOutcome], suite: Suite, options: Options, progress: Progress
) -> list[MissingTask]:
    """The tasks to compute for variants of one model; aggregates come after their parts.

    What failed in this run is not tried again.
    """
    todo: dict[str, MissingTask] = {}
    for task in suite.task:
        parts = tuple(_part(name) for name in task.parts)
        try:
            spec = variants[0].spec
            places = {each.name: locate_for(spec, each, options) for each in parts or (task,)}
        except Exception as error:
            for outcome in variants:
                failure = outcome.failed(task.name, error, options.command)
            progress.failed(task.name, failure.what, failure.fix)
            continue
        if parts:
            places[task.name] = _joined(task, places)
        for each in (*parts, task):
            if each.name not in todo:
                lacking = _lacking(variants, each, places[each.name], options, progress)
                made = MissingTask(each, places[each.name], parts if each is task else (), lacking)
                todo[each.name] = made
            if each is task:
                for outcome in variants:
                    if outcome not in todo[each.name].outcomes:
                        outcome.keep(task.name)
    return [each for each in todo.values() if each.outcomes]


def _lacking(
    variants: Sequence[ModelOutcome],
    task: Task,
    located: Located,
    options: Options,
    progress: Progress,
) -> list[ModelOutcome]:
    """The variants without a stored result that answers."""
    left = [o for o in variants if task.name not in (*o.failures, *o.scored)]
    if options.overwrite:
        return left
    lacking, reasons = [], set()
    for outcome in left:
        found = answer(outcome, task, located)
        if found.stored:
            outcome.stored[task.name] = found.stored
            forget_dead(outcome.folder, task.name)
            forget_failure(outcome.folder, task.name)
        else:
            lacking.append(outcome)
            reasons.add(found.reason)
    for reason in sorted(reasons - {""}):
        progress.warning(f"{task.name} is computed again: {reason}")
    return lacking


def answer(outcome: ModelOutcome, task: Task, located: Located) -> LookupResult:
    """What the model's folder holds of a task for this data and these settings."""
    settings_digest = model_record(outcome.spec)["settings_digest"]
    asked = ResultRequirements(located.revision, located.rows, settings_digest, located.definition)
    return look_up(outcome.folder, task, asked)


def claimed(
    todo: Sequence[MissingTask], held: TaskLocks, options: Options
) -> tuple[list[MissingTask], list[tuple[ModelOutcome, str]]]:
    """What this process computes, and which tasks of which variants others are computing.

    An aggregate waits for parts that others compute. A task that was stored by the time it is
    claimed is done.
    """
    mine: list[MissingTask] = []
    busy: list[tuple[ModelOutcome, str]] = []
    for each in todo:
        parts = {part.name for part in each.parts}
        got = []
        for outcome in each.outcomes:
            waits = any(other is outcome and name in parts for other, name in busy)
            if waits or not held.acquire(outcome.folder, each.task.name):
                busy.append((outcome, each.task.name))
            elif not options.overwrite and (
                stored := answer(outcome, each.task, each.located).stored
            ):
                held.release(outcome.folder, each.task.name)
                outcome.stored[each.task.name] = stored
                outcome.keep(each.task.name)
            else:
                got.append(outcome)
        if got:
            mine.append(replace(each, outcomes=got))
    return mine, busy


def _part(name: str) -> Task:
    task = mteb_task(name)
    if task is None:
        raise ValueError(f"the generated tasks do not hold the part {name}")
    return task


def _joined(task: Task, places: Mapping[str, Located]) -> Located:
    """The data of an aggregate: its own revision, or a digest where a part is local."""
    given = [located.definition for _, located in sorted(places.items())]
    defined = hashlib.sha256("\n".join(given).encode()).hexdigest()[:16] if any(given) else ""
    if all(located.origin == "hub" for located in places.values()):
        return Located("hub", task.revision, definition=defined)
    text = "\n".join(f"{name} {located.revision}" for name, located in sorted(places.items()))
    revision = f"local-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return Located("mirror", revision, definition=defined)
