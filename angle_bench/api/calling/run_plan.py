"""What a run is asked, and what that means: models, tasks, where results go."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.variants import known_precisions
from angle_bench.errors import UsageError
from angle_bench.evaluation.run.run_options import Computing, Options, StoreOptions
from angle_bench.evaluation.tracking.trackers import check_trackers
from angle_bench.extras import needs_all
from angle_bench.files.output_file import refuse_output

if TYPE_CHECKING:
    from angle_bench.checkpoints.folder.saved_steps import SavedTraining
    from angle_bench.checkpoints.reference import ModelRef
    from angle_bench.checkpoints.spec import ModelSpec
    from angle_bench.evaluation.run.forecast import JobForecast
    from angle_bench.evaluation.run.jobs import Job
    from angle_bench.evaluation.run.shards import Shard
    from angle_bench.results.progress.planned_work import PlannedWork
    from angle_bench.suites.task import Suite

MINIMUM = 2  # samples that something can be compared on


@dataclass(frozen=True)
class Question:
    """What a run is asked.

    Attributes:
        models: What stands after `-m`.
        tasks: What stands after `-t`.
        checkpoints: `[LABEL=]DIR` of trainings, each of whose saved steps is a model.
        results: The results folder.
        changes: Settings over the checkpoints' own.
        access: Where checkpoints are looked for; its mirror also has data.
        computing: How vectors are computed.
        store_options: Where they are kept.
        layers: Whose hidden states are scored.
        sizes: The leading dimensions that are scored.
        precisions: What vectors are quantised to before they are scored.
        limit: Samples of each split that a smoke run takes; None is all.
        shard: `I/N`, `auto` or `auto/N`: only that part.
        overwrite: Whether stored scores are computed again.
        command: What was typed, for the records.
        debug_timing: Where a trace of it is written.
        track: The trackers that are told of the scores.
        first_stage: A scored model whose first 100 documents of each query are ranked again.
    """

    models: Sequence[str]
    tasks: Sequence[str] = ("STS",)
    checkpoints: Sequence[str] = ()
    results: Path = Path("results")
    changes: Overrides = field(default_factory=Overrides)
    access: LoadOptions = field(default_factory=LoadOptions)
    computing: Computing = field(default_factory=Computing)
    store_options: StoreOptions = field(default_factory=StoreOptions)
    layers: Sequence[int] = ()
    sizes: Sequence[int] = ()
    precisions: Sequence[str] = ()
    limit: int | None = None
    shard: str | None = None
    overwrite: bool = False
    command: Sequence[str] = ("angle_bench.run",)
    debug_timing: Path | None = None
    track: Sequence[str] = ()
    first_stage: str | None = None

    @property
    def varied(self) -> bool:
        """Whether variants are asked for."""
        return bool(self.layers or self.sizes or self.precisions)


@dataclass(frozen=True)
class Plan:
    """What a question means.

    Attributes:
        specs: The models.
        jobs: The models with their tasks.
        suites: What is shown together.
        suite: All tasks.
        trainings: Whose steps are among the models.
        said: Which tasks are left out of which models, and why.
        options: How it is computed, and where results go.
        work: The same before it was cut into parts, as the record says it.
    """

    question: Question
    specs: "Sequence[ModelSpec]"
    jobs: "Sequence[Job]"
    suites: "Sequence[Suite]"
    suite: "Suite"
    trainings: "Sequence[SavedTraining]"
    options: Options
    work: "PlannedWork"
    said: Sequence[str] = ()

    @property
    def left_out(self) -> list[str]:
        """What is left out, a line each: folders that hold no model, tasks that a model lacks."""
        folders = [folder for training in self.trainings for folder in training.left_out]
        return [*(f"{folder} holds no model and is left out" for folder in folders), *self.said]

    def forecast(self) -> "list[JobForecast]":
        """What would be computed, and about how long it takes."""
        from angle_bench.evaluation.run.forecast import forecast

        return forecast(self.jobs, self.options)


def planned(question: Question, *, write: bool = True) -> Plan:
    """What a question means.

    Args:
        question: What is asked.
        write: Whether the results folder is made and tried.

    Raises:
        UsageError: A name is unknown, or a setting is invalid.
        ModelError: A checkpoint cannot be read.
        ResultsError: The results folder cannot be written.
    """
    needs_all("run")
    _refuse(question)

    from angle_bench.checkpoints.folder.saved_steps import trainings
    from angle_bench.checkpoints.resolve import resolve_all
    from angle_bench.checkpoints.similarity import refuse_similarity
    from angle_bench.checkpoints.variants import variants
    from angle_bench.suites.select import find_all, joined, tables_of

    found = find_all(question.tasks)
    trained = trainings(question.checkpoints)
    steps = [ref for each in trained for ref in each.refs()]
    specs = resolve_all([*_named(question), *steps], question.changes, question.access)
    if question.first_stage is not None:
        specs = _second_stages(question, specs)
    for spec in specs:
        if spec.settings is not None:
            refuse_similarity(spec.label, spec.settings.similarity)
    grids = [variants(spec, question.layers, question.sizes, question.precisions) for spec in specs]

    # what follows is not needed to refuse a misspelt name, which should take no time
    from angle_bench.evaluation.run.jobs import Job
    from angle_bench.evaluation.run.outcome import ModelOutcome
    from angle_bench.evaluation.run.run_options import (
        refuse_device_of_servers,
        refuse_unused_options,
    )
    from angle_bench.evaluation.run.scorable import scorable_suite
    from angle_bench.evaluation.run.shards import Shard, cut, parse_shard
    from angle_bench.evaluation.task_data import check_mirror
    from angle_bench.results.layout import results_root, smoke_root

    for spec in specs:
        refuse_unused_options(spec, question.computing)
    refuse_device_of_servers(specs, question.computing)
    local = check_mirror(question.access.mirror)
    root = results_root(question.results, write=write)
    options = Options(
        mirror=local,
        root=root if question.limit is None else smoke_root(root, question.limit),
        computing=question.computing,
        store_options=question.store_options,
        overwrite=question.overwrite,
        limit=question.limit,
        command=question.command,
    )
    suite = joined(found)
    said: list[str] = []
    jobs = [
        Job([ModelOutcome.of(spec, options.root) for spec in grid], part)
        for grid, part in [(grid, scorable_suite(grid, suite, said)) for grid in grids]
    ]
    shard = Shard(1, 1) if question.shard is None else parse_shard(question.shard, os.environ)
    work = _work(jobs, shard, options)
    jobs = jobs if question.shard is None else cut(jobs, shard)
    return Plan(question, specs, jobs, tables_of(found), suite, trained, options, work, said)


def _work(jobs: "Sequence[Job]", shard: "Shard", options: Options) -> "PlannedWork":
    """What all parts of a run compute together."""
    from angle_bench.results.progress.planned_work import PlannedWork

    variants = {each.spec.variant_label: (each, job) for job in jobs for each in job.variants}
    places = {
        label: each.folder.path.relative_to(options.root).as_posix()
        for label, (each, _) in variants.items()
    }
    names = {label: [task.name for task in job.suite.task] for label, (_, job) in variants.items()}
    return PlannedWork(places, names, (shard.number, shard.count), options.overwrite)


def _named(question: Question) -> "list[ModelRef]":
    """The checkpoints that are asked for: by name or path, or by what scored ones are called."""
    from angle_bench.evaluation.scored.stored_refs import with_stored
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.results.layout import results_root

    changed = question.changes != Overrides() or question.varied
    kept = results_root(question.results, write=False)
    return with_stored(
        question.models, lambda: stored_models(kept), question.access, changed=changed
    )


def _second_stages(question: Question, specs: "Sequence[ModelSpec]") -> "list[ModelSpec]":
    """The models, each of which ranks what the first stage found."""
    from angle_bench.evaluation.run.first_stage import first_stage_of
    from angle_bench.results.layout import results_root

    assert question.first_stage is not None
    root = results_root(question.results, write=False)
    stage = first_stage_of(question.first_stage, root, question.access, question.tasks)
    return [spec.model_copy(update={"first_stage": stage}) for spec in specs]


def _refuse(question: Question) -> None:
    if not any(text.strip() for text in (*question.models, *question.checkpoints)):
        raise UsageError("no model is named.", "-m all-MiniLM-L6-v2, or -m ./CHECKPOINT")
    if question.limit is not None and question.limit < MINIMUM:
        raise UsageError(f"--limit {question.limit} leaves nothing to compare.", "--limit 20")
    if question.limit is not None and question.first_stage is not None:
        raise UsageError(
            "--limit cuts the corpus in which the first stage found its documents.", "one of both"
        )
    known_precisions(question.precisions)
    check_trackers(question.track)
    refuse_computing(question.computing, question.store_options.folder)
    if question.debug_timing is not None:
        refuse_output(question.debug_timing, [".json"], "trace.json", True, "--debug-timing")


def refuse_computing(computing: Computing, cache_dir: Path | None) -> None:
    """Refuse what is invalid, before anything is written.

    Raises:
        UsageError: One of the values cannot be.
    """
    from angle_bench.encoding.workers.start import check_devices

    check_devices(computing.device)
    if computing.ray is not None:
        from angle_bench.encoding.workers.ray.connection import check_address

        check_address(computing.ray)
    tokens = computing.batch_tokens
    if tokens is not None and tokens < 1:
        raise UsageError(
            f"--batch-tokens {tokens} leaves no room for a text.", "--batch-tokens 4096"
        )
    refuse_cache_dir(cache_dir)


def refuse_cache_dir(cache_dir: Path | None) -> None:
    """Refuse a cache folder that is a file.

    Raises:
        UsageError: The cache folder is a file.
    """
    if cache_dir is not None and cache_dir.exists() and not cache_dir.is_dir():
        raise UsageError(f"{cache_dir} is a file, not a folder.", "--cache-dir DIR, or --no-cache")
