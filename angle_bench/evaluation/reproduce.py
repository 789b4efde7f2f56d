"""Does a checkpoint score what was published, and if not, which one setting explains the gap?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from angle_bench.checkpoints.folder.config import max_length
from angle_bench.checkpoints.registry.entry import Entry
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.spec_changes import Change, single_changes
from angle_bench.encoding.workers.start import has_accelerator
from angle_bench.errors import UsageError, or_list, shell_word
from angle_bench.evaluation.encoders.load import place_of
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.run.runner import run
from angle_bench.suites.published import Published
from angle_bench.suites.select import select
from angle_bench.suites.task import Suite

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Attempt:
    """What was measured with one setting changed, or with none.

    Attributes:
        change: What was changed; empty for the checkpoint as it is registered.
        scores: By task, ×100.
        mean: The mean over the tasks that were published too.
        largest: The largest gap to a published score, without its sign.
        where: The task of that gap.
    """

    change: str
    scores: Scores
    mean: float
    largest: float
    where: str


@dataclass
class ReproduceVerdict:
    """What came of a reproduction.

    Attributes:
        published: What it was compared with, the nearest first.
        tasks: The tasks that are compared.
        measured: The checkpoint as it is registered.
        attempts: One setting changed at a time, in the order of trying.
        tolerance: The largest gap of a task that counts as none.
        failures: Tasks without a score, with the reason.
    """

    published: list[Published]
    tasks: list[str]
    measured: Attempt
    attempts: list[Attempt] = field(default_factory=list)
    tolerance: float = 0.05
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def matches(self) -> bool:
        """Whether no task differs."""
        return self.measured.largest <= self.tolerance

    @property
    def closest(self) -> Attempt | None:
        """The change that comes nearest, if one comes nearer than no change."""
        nearer = [each for each in self.attempts if each.largest < self.measured.largest]
        return min(nearer, key=lambda each: each.largest, default=None)

    @property
    def explained(self) -> bool:
        """Whether a change leaves no gap."""
        return self.closest is not None and self.closest.largest <= self.tolerance


def published_of(
    entry: Entry | None, name: str, tasks: Sequence[str]
) -> tuple[Suite, list[Published]]:
    """The suite to measure, and what was published on it.

    Args:
        entry: The checkpoint's row.
        name: What was typed.
        tasks: What was typed after -t; nothing means the suite that was published.

    Raises:
        UsageError: Nothing was published that could be measured.
    """
    known = [each for each in entry.published if each.scores] if entry is not None else []
    if not known:
        raise UsageError(
            f"no published score of {name} is registered.",
            "[[model.published]] in its row of angle-bench.toml, or angle-bench run",
        )
    suite = select(list(tasks)) if tasks else _first_suite(known, name)
    names = {task.name for task in suite.task}
    fitting = [on for each in known if names & set((on := _on(each, suite)).scores)]
    if not fitting:
        suites = or_list(list(dict.fromkeys(each.suite for each in known)))
        raise UsageError(
            f"{name} has published scores on {suites} alone.", f"-t {shell_word(known[0].suite)}"
        )
    return suite, _told_once(fitting, names)


def _on(each: Published, suite: Suite) -> Published:
    """The scores of tasks that both suites mean alike; all where no suite follows the protocol."""
    try:
        theirs = select([each.suite])
    except UsageError:
        return each
    asked = {task.as_scored for task in suite.task}
    same = {task.name for task in theirs.task if task.as_scored in asked}
    kept = {name: score for name, score in each.scores.items() if name in same}
    return each.model_copy(update={"scores": kept})


def _told_once(known: Sequence[Published], names: set[str]) -> list[Published]:
    """Without those that say what one before them says of these tasks."""
    told: list[Published] = []
    said: list[dict[str, float]] = []
    for each in known:
        scores = {name: score for name, score in each.scores.items() if name in names}
        if scores not in said:
            told.append(each)
            said.append(scores)
    return told


def _first_suite(known: Sequence[Published], name: str) -> Suite:
    for each in known:
        try:
            return select([each.suite])
        except UsageError:  # a protocol that no suite follows yet
            continue
    suites = or_list(list(dict.fromkeys(each.suite for each in known)))
    raise UsageError(
        f"the scores of {name} were published on {suites}, which is no suite here.",
        "-t TASKS of the same names",
    )


def reproduce(
    spec: ModelSpec,
    published: Sequence[Published],
    suite: Suite,
    options: Options,
    progress: Progress,
    tolerance: float,
) -> ReproduceVerdict | None:
    """Measure a checkpoint, and where it differs from what was published, look for one reason.

    Every measurement is stored as `run` stores it, so that an interrupted one goes on.

    Returns:
        What came of it; None if no task could be measured.
    """
    between = IdleWorkers(progress.warning)

    def measure(specs: Sequence[ModelSpec]) -> list[ModelOutcome]:
        outcomes = [ModelOutcome.of(each, options.root) for each in specs]
        run([Job(outcomes, suite)], options, progress, between)
        return outcomes

    try:
        verdict = _compared(measure([spec])[0], published, suite, tolerance)
        if verdict is not None and not verdict.matches and spec.loader == "transformers":
            half = options.computing.device != "cpu" and has_accelerator()
            longest = max_length(place_of(spec).whole)
            changes = single_changes(spec.required_settings(), longest, half)
            _explain(verdict, spec, suite, changes, measure)
    finally:
        between.close()
    return verdict


def _compared(
    outcome: ModelOutcome, published: Sequence[Published], suite: Suite, tolerance: float
) -> ReproduceVerdict | None:
    """The checkpoint as it is registered, beside what was published."""
    scores = _scores(outcome, suite)
    tasks = [name for name in scores if any(name in each.scores for each in published)]
    if not tasks:
        return None
    by_gap = sorted(published, key=lambda each: _attempt("", scores, each, tasks).largest)
    measured = _attempt("", scores, by_gap[0], tasks)
    failures = {name: failure.what for name, failure in outcome.failures.items()}
    return ReproduceVerdict(by_gap, tasks, measured, [], tolerance, failures)


def _explain(
    verdict: ReproduceVerdict,
    spec: ModelSpec,
    suite: Suite,
    changes: Sequence[Change],
    measure: Callable[[Sequence[ModelSpec]], list[ModelOutcome]],
) -> None:
    """Change one setting at a time, the cheap ones first, until one leaves no gap."""
    for free, group in groupby(changes, key=lambda change: change.free):
        some = list(group)
        for together in [some] if free else [[each] for each in some]:
            outcomes = measure([_with(spec, each) for each in together])
            for change, outcome in zip(together, outcomes, strict=True):
                scores = _scores(outcome, suite)
                if set(verdict.tasks) <= set(scores):
                    made = _attempt(change.name, scores, verdict.published[0], verdict.tasks)
                    verdict.attempts.append(made)
            if verdict.explained:
                return


def _with(spec: ModelSpec, change: Change) -> ModelSpec:
    label = f"{spec.label} {change.name}"
    return spec.model_copy(update={"settings": change.settings, "label": label, "note": None})


def _scores(outcome: ModelOutcome, suite: Suite) -> dict[str, float]:
    return {name: 100 * score for name, score in outcome.scores(suite).items()}


def _attempt(change: str, scores: Scores, published: Published, tasks: Sequence[str]) -> Attempt:
    """Published scores have two decimals, so the measured ones are rounded before they differ."""
    common = [name for name in tasks if name in published.scores]
    if not common:
        return Attempt(change, scores, float("nan"), float("inf"), "")
    gaps = {name: abs(round(scores[name], 2) - published.scores[name]) for name in common}
    where = max(gaps, key=lambda name: gaps[name])
    mean = sum(scores[name] for name in common) / len(common)
    return Attempt(change, scores, mean, round(gaps[where], 4), where)
