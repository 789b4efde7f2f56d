"""`angle-bench run`: evaluate models on suites."""

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli import command_line
from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Computed, Used, VerbosityOptions, Where, grouped
from angle_bench.cli.options.options_file import from_plan
from angle_bench.cli.output.run_output import print_tables
from angle_bench.cli.output.values import print_json, print_value
from angle_bench.errors import UsageError, shell_word

if TYPE_CHECKING:
    from angle_bench.api.calling.run_plan import Plan, Question

EPILOG = """
Examples:

angle-bench run -m all-MiniLM-L6-v2 -t demo

angle-bench run -m base=all-MiniLM-L6-v2 -m tuned=./checkpoint-500 -t STS12,STS13 --mirror data/

angle-bench run -m 'ft-seed*' -t STSB-dev

angle-bench run --checkpoints ckpts/run1 -t STSB-dev

angle-bench run study.toml --shard auto
"""

RESULTS = Path("results")


@dataclass(frozen=True)
class RunOptions:
    """What is evaluated, and where results go."""

    model: shared.Models = field(default_factory=list)
    checkpoints: Annotated[
        list[str],
        typer.Option(
            "--checkpoints",
            metavar="[LABEL=]DIR",
            help="Every checkpoint-N in the folder of a training, as a curve; repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    tasks: shared.Tasks = field(default_factory=lambda: ["STS"])
    results: shared.Results = RESULTS
    first_stage: Annotated[
        str | None,
        typer.Option(
            "--first-stage",
            metavar="NAME",
            help="Rank again the 100 documents of each query that this scored model found.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class Carried:
    """How much of it is done, and what of it is kept."""

    save_spec: Annotated[
        bool,
        shared.flag("--save-spec", help="Save the options of the model in angle-bench.toml."),
    ] = False
    dry_run: Annotated[
        bool,
        shared.flag(
            "-n", "--dry-run", help="Say what would be computed, and about how long it takes."
        ),
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", help="Smoke run: N samples a task, stored apart, in no table."
        ),
    ] = None
    shard: shared.Shard = None
    overwrite: Annotated[
        bool,
        shared.flag(
            "--overwrite", help="Score again what is stored; the old files are kept aside."
        ),
    ] = False
    debug_timing: Annotated[
        Path | None,
        typer.Option(
            "--debug-timing",
            metavar="FILE.json",
            help="Write a trace of what all processes here did, for chrome://tracing.",
        ),
    ] = None
    track: shared.Track = "none"
    cache_dtype: Annotated[
        str,
        typer.Option(
            "--cache-dtype",
            metavar="NAME",
            help="Keep vectors in float32, or float16: half the room, and all vectors rounded.",
            rich_help_panel=shared.COMPUTING,
            autocompletion=complete.choices("float32", "float16"),
        ),
    ] = "float32"


@dataclass(frozen=True)
class Varied:
    """Which variants of the models are scored."""

    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="2,4,6",
            help="Score these layers; 0 is the embeddings.",
            rich_help_panel=shared.SETTINGS,
        ),
    ] = None
    sizes: Annotated[
        str | None,
        typer.Option(
            "--sizes",
            metavar="64,128",
            help="Score these leading dimensions.",
            rich_help_panel=shared.SETTINGS,
        ),
    ] = None
    precisions: Annotated[
        str | None,
        typer.Option(
            "--precisions",
            metavar="float32,int8,binary",
            help="Score vectors quantised to these, as mteb does.",
            rich_help_panel=shared.SETTINGS,
        ),
    ] = None
    similarity: shared.Similarity = None


@grouped
def run(
    asked: RunOptions = RunOptions(),
    carried: Carried = Carried(),
    varied: Varied = Varied(),
    where: Where = Where(),  # noqa: B008  frozen
    used: Used = Used(),  # noqa: B008
    computed: Computed = Computed(),  # noqa: B008
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008
    stray: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE.toml",
            help="Options by their long names, such as tasks = ['STS'].",
            is_eager=True,
            callback=from_plan,
            show_default=False,
        ),
    ] = None,
) -> int:
    """Evaluate models on suites: prints the table, writes results; runs only what is missing."""
    _refuse_stray(stray, [*asked.model, *asked.checkpoints], asked.tasks)
    _refuse_timing_of_nothing(carried)
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.calling.run_plan import planned
    from angle_bench.api.forecasting import forecast_of
    from angle_bench.api.running import carried_out

    question = _question(asked, carried, varied, where, used, computed)
    plan = planned(question, write=not carried.dry_run)
    for line in plan.left_out:
        typer.echo(line, err=True)
    if carried.dry_run:
        found = forecast_of(plan)
        print_value(found, said.as_json)
        return found.exit_code
    if carried.save_spec:
        plan = replace(planned(_saved(plan, question)), trainings=plan.trainings)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # SLURM sends SIGTERM; it is treated as Ctrl-C
    result = carried_out(plan, watcher(said.quiet, said.debug))
    if said.as_json:
        print_json(result.to_dict())
    else:
        place = ["-r", str(asked.results)] if asked.results != RESULTS else []
        print_tables(result, said.quiet, ["-t", ",".join(asked.tasks), *place])
    return result.exit_code


def _refuse_timing_of_nothing(carried: Carried) -> None:
    if carried.dry_run and carried.debug_timing is not None:
        raise UsageError(
            "--dry-run computes nothing that --debug-timing could show.", "one of both"
        )


def _question(
    asked: RunOptions,
    carried: Carried,
    varied: Varied,
    where: Where,
    used: Used,
    computed: Computed,
) -> "Question":
    from angle_bench.api.calling.run_plan import Question
    from angle_bench.api.calling.words import words_of
    from angle_bench.evaluation.tracking.trackers import tracker_names

    return Question(
        models=asked.model,
        tasks=asked.tasks,
        checkpoints=asked.checkpoints,
        results=asked.results,
        changes=replace(used.overrides(), similarity=varied.similarity),
        access=where.access(),
        computing=computed.computing(),
        store_options=computed.store_options(carried.cache_dtype),
        layers=numbers(varied.layers, "--layers"),
        sizes=numbers(varied.sizes, "--sizes"),
        precisions=() if varied.precisions is None else words_of(varied.precisions),
        limit=carried.limit,
        shard=carried.shard,
        overwrite=carried.overwrite,
        debug_timing=carried.debug_timing,
        track=tracker_names(carried.track),
        first_stage=asked.first_stage,
        command=command_line.command(),
    )


def _saved(plan: "Plan", question: "Question") -> "Question":
    """Write the models into angle-bench.toml; from then on they are what that file says."""
    from angle_bench.checkpoints.overrides import Overrides
    from angle_bench.checkpoints.registry.registry import registry
    from angle_bench.checkpoints.registry.toml_rows import with_spec
    from angle_bench.files.atomic import text_file, write_together
    from angle_bench.files.toml import FILE_NAME

    place = Path(FILE_NAME).resolve()
    for spec in plan.specs:
        whole = text_file(place, with_spec(place, spec, registry()))
        write_together([whole], fix="a folder that can be written, or no --save-spec")
        place.chmod(place.stat().st_mode & ~0o022)  # what others may write is not followed
        typer.echo(
            f"saved {spec.label} in {FILE_NAME}; from now on: -m {shell_word(spec.label)}",
            err=True,
        )
    labels = [spec.label for spec in plan.specs]
    return replace(question, models=labels, checkpoints=(), changes=Overrides())


def numbers(text: str | None, option: str) -> list[int]:
    """The whole numbers of `2,4,6`.

    Raises:
        UsageError: A word is not a whole number.
    """
    if text is None:
        return []
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(f"{option} {text} is no list of whole numbers.", f"{option} 2,4,6")
    return [int(word) for word in words]


def _refuse_stray(stray: list[str] | None, model: list[str], tasks: list[str]) -> None:
    """Words that stand alone: an option before them is missing."""
    if not stray:
        return
    if not model or os.path.isdir(stray[0]):
        raise UsageError(
            f"{stray[0]} is an unexpected argument; give models with -m.",
            f"-m {shell_word(stray[0])}",
        )
    if tasks == ["STS"] and not {"-t", "--tasks"} & set(command_line.typed()):
        raise UsageError(
            f"{stray[0]} is an unexpected argument; give tasks with -t.",
            f"-t {shell_word(stray[0])}",
        )
    words = ",".join([tasks[-1], *stray])
    raise UsageError(
        f"{stray[0]} is an unexpected argument; separate several tasks by commas.",
        f"-t {shell_word(words)}",
    )
