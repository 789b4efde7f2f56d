"""The cells of a sweep scored like any other models, by the path of `run`, and compared."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.errors import ResultsError

if TYPE_CHECKING:
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.progress import Progress
    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.results.find.stored_models import StoredModel
    from angle_bench.suites.task import Suite
    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep
    from angle_bench.sweeps.sweep_table import SweepEntry, SweepTable


@dataclass(frozen=True)
class Scoring:
    """How the cells are scored once all have ended.

    Attributes:
        suite: What on; None where the recipe chooses by nothing.
        root: The results folder.
        access: Where checkpoints and data are looked for.
        device: A device string, as `--device` takes it.
        quiet: Whether only errors are wanted.
        debug: Whether with tracebacks.
        command: What was typed, for the record.
    """

    suite: "Suite | None"
    root: Path
    access: "LoadOptions"
    device: str
    quiet: bool
    debug: bool
    command: Sequence[str]

    def access_of(self, training: "PlannedTraining") -> "LoadOptions":
        """The same for one training, whose recipe may say where an adapter's base is."""
        return replace(self.access, base=training.recipe.model.base)


def scoring_of(
    sweep: "Sweep",
    results: Path,
    access: "LoadOptions",
    device: str,
    quiet: bool,
    debug: bool,
    command: Sequence[str],
) -> Scoring:
    """How the cells of a sweep are scored; what cannot be is refused before they are trained.

    Raises:
        UsageError: There is no such suite.
        ResultsError: The results folder cannot be written.
    """
    from angle_bench.results.layout import results_root
    from angle_bench.training.loop.selection import selection_suite

    suite = selection_suite(sweep.cells[0].recipe.select.suite)
    root = results_root(results, write=suite is not None)
    return Scoring(suite, root, access, device, quiet, debug, command)


def scored_table(
    sweep: "Sweep",
    finished: "Sequence[PlannedTraining]",
    scoring: Scoring,
    failed: Mapping[str, str],
    progress: "Progress",
) -> "SweepTable":
    """Score what each training left and what it started from, and compare.

    Args:
        sweep: The grid.
        finished: Its trainings that left a candidate.
        scoring: How; with a suite.
        failed: Why others left none, by name.
        progress: Told what happens, and closed at the end.

    Raises:
        ResultsError: A starting checkpoint has no score.
    """
    from angle_bench.checkpoints.loading.devices import give_back_memory
    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.sweeps.sweep_table import sweep_table

    assert scoring.suite is not None
    starts = _starts(sweep, finished, scoring)
    outcomes = {
        each.name: ModelOutcome.of(_candidate(each, scoring), scoring.root) for each in finished
    }
    begun = [ModelOutcome.of(start.spec, scoring.root) for start in starts]
    give_back_memory()
    stored = _run([*begun, *outcomes.values()], scoring, progress)
    if without := [outcome.spec.label for outcome in begun if outcome.failures]:
        raise ResultsError(
            f"{without[0]}, which cells started from, has no score on {scoring.suite.name}.",
            "what the errors say, then the same command with --resume",
        )
    left_out = {name: _why(each) for name, each in outcomes.items() if each.failures}
    models = {name: stored(each) for name, each in outcomes.items() if name not in left_out}
    bases = [
        _entry(start.spec.label, [stored(outcome)], start.settings)
        for start, outcome in zip(starts, begun, strict=True)
    ]
    cells = _cells(sweep, finished, starts, models)
    return sweep_table(sweep.keys, bases, cells, scoring.suite, {**failed, **left_out})


@dataclass(frozen=True)
class _Start:
    """A checkpoint that cells started from.

    Attributes:
        spec: Under their settings.
        cells: Their names.
        settings: The swept settings that set it apart from other starts.
    """

    spec: "ModelSpec"
    cells: frozenset[str]
    settings: Mapping[str, Any]


def _starts(
    sweep: "Sweep", finished: "Sequence[PlannedTraining]", scoring: Scoring
) -> list[_Start]:
    """What the trainings started from: one checkpoint, but where its settings are swept."""
    from angle_bench.training.recipe.starting_point import starting_point

    found: dict[tuple[str, str, str], tuple[ModelSpec, list[PlannedTraining]]] = {}
    for each in finished:
        spec = starting_point(each.recipe, scoring.access_of(each))
        key = (spec.name, spec.revision, spec.required_settings().digest())
        found.setdefault(key, (spec, []))[1].append(each)
    labels = Counter(spec.label for spec, _ in found.values())
    starts = []
    for spec, begun in found.values():
        own = {} if len(found) == 1 else _shared_settings(sweep.keys, begun)
        if labels[spec.label] > 1:
            apart = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in own.items())
            spec = spec.model_copy(update={"label": f"{spec.label} ({apart})"})
        starts.append(_Start(spec, frozenset(each.cell.name for each in begun), own))
    return starts


def _shared_settings(keys: Sequence[str], trained: "Sequence[PlannedTraining]") -> dict[str, Any]:
    first = trained[0].cell.settings
    return {
        key: first[key]
        for key in keys
        if all(each.cell.settings[key] == first[key] for each in trained)
    }


def _candidate(training: "PlannedTraining", scoring: Scoring) -> "ModelSpec":
    from angle_bench.checkpoints.reference import ModelRef
    from angle_bench.checkpoints.resolve import resolve_all

    ref = ModelRef(str(training.folder.absolute()), label=training.name)
    (spec,) = resolve_all([ref], None, scoring.access_of(training))
    return spec


def _run(
    outcomes: "Sequence[ModelOutcome]", scoring: Scoring, progress: "Progress"
) -> "Callable[[ModelOutcome], StoredModel]":
    """Score models on the suite, but for what is stored; what finds a stored one."""
    from angle_bench.evaluation.run.jobs import Job
    from angle_bench.evaluation.run.recorded_run import recorded
    from angle_bench.evaluation.run.run_options import Computing, Options
    from angle_bench.results.find.stored_models import stored_models

    assert scoring.suite is not None
    options = Options(
        root=scoring.root,
        mirror=scoring.access.mirror,
        computing=Computing(scoring.device),
        command=scoring.command,
    )
    asked = {
        "models": [outcome.spec.label for outcome in outcomes],
        "suite": scoring.suite.signature,
    }
    jobs = [Job([outcome], scoring.suite) for outcome in outcomes]
    if jobs:
        recorded(jobs, options, asked, progress)
    found = {
        at.path.resolve(): model for model in stored_models(scoring.root) for at in model.folders
    }
    return lambda outcome: found[outcome.folder.path.resolve()]


def _why(outcome: "ModelOutcome") -> str:
    return "; ".join(f"{task}: {failure.what}" for task, failure in outcome.failures.items())


def _cells(
    sweep: "Sweep",
    finished: "Sequence[PlannedTraining]",
    starts: Sequence[_Start],
    models: "Mapping[str, StoredModel]",
) -> "list[SweepEntry]":
    """The cells with scores, each of its seeds that have some."""
    entries = []
    for cell in sweep.cells:
        mine = [each for each in finished if each.cell is cell and each.name in models]
        if not mine:
            continue
        start = next(start.spec.label for start in starts if cell.name in start.cells)
        entry = _entry(cell.name, [models[each.name] for each in mine], cell.settings)
        folders = tuple(str(each.folder) for each in mine)
        entries.append(replace(entry, start=start, folders=folders))
    return entries


def _entry(
    label: str, models: "Sequence[StoredModel]", settings: Mapping[str, Any]
) -> "SweepEntry":
    """Models as a row; their records of training texts, which hold this suite, are left aside."""
    from angle_bench.reporting.comparison.pairing import Side
    from angle_bench.sweeps.sweep_table import SweepEntry

    return SweepEntry(Side(label, tuple(models)), settings)
