"""What is still to be computed of a suite, and for which variants of a model."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from angle_bench.evaluation.data import Located, locate
from angle_bench.evaluation.options import Options
from angle_bench.evaluation.outcome import ModelOutcome
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.record import model_record
from angle_bench.results.folder import Asked, look_up
from angle_bench.results.suites import Suite, Task, mteb_task


@dataclass
class Todo:
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
) -> list[Todo]:
    """The tasks to compute for variants of one model; aggregates come after their parts."""
    todo: dict[str, Todo] = {}
    for task in suite.task:
        parts = tuple(_part(name) for name in task.parts)
        try:
            places = {each.name: locate(each, options.mirror) for each in parts or (task,)}
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
                made = Todo(each, places[each.name], parts if each is task else (), lacking)
                todo[each.name] = made
            if each is task:
                answered = [o for o in variants if o not in todo[each.name].outcomes]
                for outcome in answered:
                    outcome.kept.append(task.name)
    return [each for each in todo.values() if each.outcomes]


def _lacking(
    variants: Sequence[ModelOutcome],
    task: Task,
    located: Located,
    options: Options,
    progress: Progress,
) -> list[ModelOutcome]:
    """The variants without a stored result that answers."""
    if options.overwrite:
        return list(variants)
    lacking, reasons = [], set()
    for outcome in variants:
        settings_digest = model_record(outcome.spec)["settings_digest"]
        asked = Asked(located.revision, located.rows, settings_digest, located.definition)
        found = look_up(outcome.folder, task, asked)
        if found.state != "done":
            lacking.append(outcome)
            reasons.add(found.reason)
    for reason in sorted(reasons - {""}):
        progress.warning(f"{task.name} is computed again: {reason}")
    return lacking


def _part(name: str) -> Task:
    task = mteb_task(name)
    if task is None:
        raise ValueError(f"the generated tasks do not hold the part {name}")
    return task


def _joined(task: Task, places: Mapping[str, Located]) -> Located:
    """The data of an aggregate: its own revision, or a digest where a part is local."""
    if all(located.origin == "hub" for located in places.values()):
        return Located("hub", task.revision)
    text = "\n".join(f"{name} {located.revision}" for name, located in sorted(places.items()))
    return Located("mirror", f"local-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
