"""A candidate beside the base: which tasks and items they share, and what keeps them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from angle_bench.reporting.comparison.common_items import (
    CommonItems,
    TextNumbers,
    common_items,
    task_weights,
)
from angle_bench.reporting.comparison.evidence import Evidence, ModelEvidence
from angle_bench.reporting.comparison.settings_differ import settings_differ
from angle_bench.reporting.statistics.bootstrap import TaskBootstrap, task_bootstrap
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.training_texts import TrainingTexts, recorded_texts
from angle_bench.suites.task import Suite, Task


@dataclass(frozen=True)
class Side:
    """One checkpoint, or the seeds of one recipe.

    Attributes:
        label: What is shown.
        models: A stored model, or one for each seed.
        training: What they were trained on, where that was recorded.
        fixed: Whether it is one published checkpoint: no draw of a recipe that others are of.
    """

    label: str
    models: tuple[StoredModel, ...]
    training: tuple[TrainingTexts, ...] = ()
    fixed: bool = False

    @classmethod
    def of(cls, label: str, models: Sequence[StoredModel], warnings: list[str]) -> "Side":
        """A side with the records of training texts that lie with its results or checkpoints.

        Args:
            label: What it is called.
            models: What it is made of.
            warnings: Takes a line for each record that cannot be read, which is left out.
        """
        training = recorded_texts(models, warnings)
        local = any(model.revision.startswith("sha256-") for model in models)
        return cls(label, tuple(models), training, not (training or local) and len(models) == 1)

    @property
    def selected_on_test(self) -> list[str]:
        """Test splits that any of its checkpoints was chosen by."""
        chosen = [model.record.get("selected_on_test") or () for model in self.models]
        return sorted({split for splits in chosen for split in splits})

    def named(self) -> dict[str, StoredModel]:
        """Its models, each under a name of its own."""
        if len(self.models) == 1:
            return {self.label: self.models[0]}
        return {f"{self.label}, seed {at}": model for at, model in enumerate(self.models, 1)}


@dataclass(frozen=True)
class Pairing:
    """A candidate beside the base.

    Attributes:
        side: The candidate.
        tasks: The tasks that can be compared.
        left_out: Those that cannot, with the reason.
        missing: Tasks without scores, by the name of the model.
        differing: How the candidate was used differently from the base.
        same: Whether it is the base itself.
        fixed: Whether a side of one model is that model and no draw of a recipe.
        items: What both were scored on; None without per-item predictions.
        base: Evidence of each of the base's models, task by task.
        candidate: Evidence of each of the candidate's.
        over_tasks: Without predictions, what resampling the tasks says.
    """

    side: Side
    tasks: tuple[Task, ...]
    left_out: Mapping[str, str]
    missing: Mapping[str, Sequence[str]]
    differing: Sequence[str]
    same: bool
    fixed: bool = False
    items: CommonItems | None = None
    base: Sequence[Sequence[Evidence]] = ()
    candidate: Sequence[Sequence[Evidence]] = ()
    over_tasks: TaskBootstrap | None = None


Read = Mapping[str, ModelEvidence]  # by the name that `Side.named` gives a model


def pair(base: Side, side: Side, suite: Suite, read: Read, numbers: TextNumbers) -> Pairing:
    """What two sides have in common on a suite.

    Args:
        base: The base.
        side: The candidate.
        suite: The tasks.
        read: What the files of each of their models say.
        numbers: Of texts, the same for all pairings.

    Raises:
        ResultsError: They were scored on other items of the same data.
    """
    models = {**base.named(), **side.named()}
    read = {name: read[name] for name in models}
    missing = {
        name: [task.name for task in suite.task if task.name not in found.answers]
        for name, found in read.items()
    }
    lacking = {task for tasks in missing.values() for task in tasks}
    scored = [task for task in suite.task if task.name not in lacking]
    found, left_out = _evidence(read, scored)
    tasks = tuple(task for task in scored if task.name in found)
    first, *_ = base.models
    made = Pairing(
        side,
        tasks,
        left_out,
        {name: tasks for name, tasks in missing.items() if tasks},
        _differing(base, side, read),
        len(models) == 2 and first.identity == side.models[0].identity,
        base.fixed or side.fixed,
    )
    if not tasks:
        return _with_task_bootstrap(made, base, read, scored, suite)
    by_model = {name: [found[task.name][name] for task in tasks] for name in models}
    evidence = list(by_model.values())
    return Pairing(
        **vars(made)
        | {
            "items": common_items(tasks, suite.average, by_model, numbers),
            "base": evidence[: len(base.models)],
            "candidate": evidence[len(base.models) :],
        }
    )


def _evidence(
    read: Read, tasks: Sequence[Task]
) -> tuple[dict[str, dict[str, Evidence]], dict[str, str]]:
    """Evidence by task and model, and the tasks without, with the reason."""
    found, left_out = {}, {}
    for task in tasks:
        reasons = [
            f"{name}: {one.reasons[task.name]}"
            for name, one in read.items()
            if task.name in one.reasons
        ]
        if reasons:
            left_out[task.name] = reasons[0]
            continue
        by_model = {name: one.usable[task.name] for name, one in read.items()}
        revisions = {name: one.answer.dataset_revision for name, one in by_model.items()}
        if len(set(revisions.values())) > 1:
            listed = ", ".join(f"{name} {revision[:14]}" for name, revision in revisions.items())
            left_out[task.name] = f"other data ({listed})"
        else:
            found[task.name] = by_model
    return found, left_out


def _differing(base: Side, side: Side, read: Read) -> list[str]:
    """What differs from the base's first model, in any of the others."""
    versions = {
        name: [answer.mteb_version for answer in found.answers.values()]
        for name, found in read.items()
    }
    (first, reference), *others = [*base.named().items(), *side.named().items()]
    lines = [
        line
        for name, model in others
        for line in settings_differ(reference, model, versions[first], versions[name])
    ]
    return list(dict.fromkeys(lines))


def _with_task_bootstrap(
    made: Pairing, base: Side, read: Read, tasks: Sequence[Task], suite: Suite
) -> Pairing:
    """Public results: the tasks' scores are all there is."""
    if len(tasks) < 2:
        return made
    weights = task_weights(tasks, suite.average)
    differences = []
    for task in tasks:
        ours, theirs = (
            np.mean([read[name].answers[task.name].score for name in side.named()])
            for side in (base, made.side)
        )
        differences.append(theirs - ours)
    return Pairing(
        **vars(made) | {"over_tasks": task_bootstrap(np.array(differences), np.array(weights))}
    )
