"""`angle-bench run`: evaluate models on suites."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.cli.forecast import show_forecast
from angle_bench.cli.plan import from_plan
from angle_bench.cli.run_output import print_json, print_tables
from angle_bench.cli.sizes import parse_size
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.jobs import Job
    from angle_bench.evaluation.options import Options
    from angle_bench.models.access import Access
    from angle_bench.models.spec import ModelSpec

EPILOG = """
Examples:

angle-bench run -m all-MiniLM-L6-v2 -t demo

angle-bench run -m UAE-Large-V1 -t STS

angle-bench run -m base=all-MiniLM-L6-v2 -m tuned=./checkpoint-500 -t STS12,STS13 --mirror data/

angle-bench run -m 'ft-seed*' -t STSB-dev

angle-bench run --checkpoints ckpts/run1 -t STSB-dev

angle-bench run study.toml --shard auto
"""

RESULTS = Path("results")


def run(
    model: shared.Models = [],  # noqa: B006  typer copies it
    checkpoints: Annotated[
        list[str],
        typer.Option(
            "--checkpoints",
            metavar="[LABEL=]DIR",
            help="Every checkpoint-N in the folder of a training, as a curve; repeatable.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    tasks: shared.Tasks = ["STS"],  # noqa: B006
    results: shared.Results = RESULTS,
    save_spec: Annotated[
        bool,
        shared.flag("--save-spec", help="Keep what was typed of the model in angle-bench.toml."),
    ] = False,
    dry_run: Annotated[
        bool,
        shared.flag(
            "-n", "--dry-run", help="Say what would be computed, and about how long it takes."
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", help="Smoke run: N samples a task, stored apart, in no table."
        ),
    ] = None,
    shard: shared.Shard = None,
    overwrite: Annotated[
        bool,
        shared.flag(
            "--overwrite", help="Score again what is stored; the old files are kept aside."
        ),
    ] = False,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="2,4,6",
            help="Score these layers; 0 is the embeddings.",
            rich_help_panel=shared.SETTINGS,
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            "--sizes",
            metavar="64,128",
            help="Score these leading dimensions.",
            rich_help_panel=shared.SETTINGS,
        ),
    ] = None,
    device: shared.Device = "auto",
    mirror: shared.Mirror = None,
    offline: shared.Offline = False,
    base: shared.Base = None,
    trust_remote_code: shared.TrustRemoteCode = False,
    allow_pickle: shared.AllowPickle = False,
    pooling: shared.Pooling = None,
    prompt: shared.Prompt = None,
    prompts: shared.Prompts = None,
    max_length: shared.MaxLength = None,
    dtype: shared.Dtype = None,
    attention: shared.Attention = None,
    compile: shared.Compile = False,
    similarity: shared.Similarity = None,
    batch_tokens: shared.BatchTokens = None,
    ray: shared.Ray = None,
    worker_timeout: shared.WorkerTimeout = None,
    cache_dir: shared.CacheDir = None,
    no_cache: shared.NoCache = False,
    cache_limit: shared.CacheLimit = shared.DEFAULT_CACHE_LIMIT,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
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
    _refuse(stray, [*model, *checkpoints], tasks, limit)
    shared.refuse(device, batch_tokens, cache_dir, ray)
    vectors_limit = parse_size(cache_limit)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.evaluation.stored_refs import with_stored
    from angle_bench.models.checkpoints import trainings
    from angle_bench.models.overrides import Overrides
    from angle_bench.models.resolve import resolve_all
    from angle_bench.models.similarity import refuse_similarity
    from angle_bench.models.variants import variants
    from angle_bench.results.layout import results_root, smoke_root
    from angle_bench.results.stored_models import stored_models
    from angle_bench.results.suites import find_all, joined, tables_of

    found = find_all(tasks)
    suite = joined(found)
    depths, widths = numbers(layers, "--layers"), numbers(sizes, "--sizes")
    changes = shared.overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    changes = replace(changes, similarity=similarity)
    access = shared.access(base, mirror, trust_remote_code, allow_pickle)
    trained = trainings(checkpoints)
    for place in [place for each in trained for place in each.left_out]:
        typer.echo(f"{place} holds no model and is left out", err=True)
    steps = [ref for each in trained for ref in each.refs()]
    changed = changes != Overrides() or bool(depths or widths)
    kept = results_root(results, write=False)
    named = with_stored(model, lambda: stored_models(kept), access, changed=changed)
    specs = resolve_all([*named, *steps], changes, access)
    for spec in specs:
        if spec.settings is not None:
            refuse_similarity(spec.label, spec.settings.similarity)
    if save_spec and not dry_run:
        specs = _saved_specs(specs, access)
    grids = [variants(spec, depths, widths) for spec in specs]

    # what follows is not needed to refuse a misspelt name, which should take no time
    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.jobs import Job
    from angle_bench.evaluation.options import Computing, Keeping, Options, refuse_idle
    from angle_bench.evaluation.outcome import ModelOutcome
    from angle_bench.evaluation.shards import cut, parse_shard

    computing = Computing(device, batch_tokens, ray, worker_timeout)
    for spec in specs:
        refuse_idle(spec, computing)
    local = check_mirror(mirror)
    root = results_root(results, write=not dry_run)
    run_options = Options(
        mirror=local,
        root=root if limit is None else smoke_root(root, limit),
        computing=computing,
        keeping=Keeping(not no_cache, cache_dir, vectors_limit),
        overwrite=overwrite,
        limit=limit,
        command=["angle-bench", *sys.argv[1:]],
    )
    jobs = [
        Job([ModelOutcome.of(spec, run_options.root) for spec in grid], suite) for grid in grids
    ]
    if shard is not None:
        jobs = cut(jobs, parse_shard(shard, os.environ))
    if dry_run:
        return show_forecast(jobs, run_options, as_json)
    asked = {
        "models": model,
        "checkpoints": checkpoints,
        "suite": suite.signature,
        "shard": shard,
        "limit": limit,
    }
    code = run_jobs(jobs, run_options, asked, quiet, debug)
    if as_json:
        print_json(jobs, suite, trained)
    else:
        rest = ["-t", ",".join(tasks), *(["-r", str(results)] if results != RESULTS else [])]
        print_tables(jobs, tables_of(found), trained, quiet, limit, rest)
    return code


def run_jobs(
    jobs: "Sequence[Job]", options: "Options", asked: dict[str, Any], quiet: bool, debug: bool
) -> int:
    """Run the jobs, with a record of the command that is there from its start.

    Returns:
        The exit code: 1 where a task failed.
    """
    from angle_bench.cli.progress import watcher
    from angle_bench.evaluation.record import RunRecord
    from angle_bench.evaluation.runner import run as evaluate

    outcomes = [outcome for job in jobs for outcome in job.variants]
    record = RunRecord(options.root, options.command, asked)
    record.write({}, None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    code = 1
    try:
        with watcher(quiet, debug) as progress:
            evaluate(jobs, options, progress)
        code = 1 if any(outcome.failures for outcome in outcomes) else 0
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        record.write({o.spec.variant_label: o.summary() for o in outcomes}, code)
    return code


def _saved_specs(specs: "list[ModelSpec]", access: "Access") -> "list[ModelSpec]":
    """Write the models into angle-bench.toml; from then on they are what that file says."""
    from angle_bench.models.registry import registry
    from angle_bench.models.resolve import resolve_all
    from angle_bench.models.spec_file import with_spec
    from angle_bench.results.files import text_file, write_together
    from angle_bench.toml_file import FILE_NAME

    place = Path(FILE_NAME).resolve()
    for spec in specs:
        whole = text_file(place, with_spec(place, spec, registry()))
        write_together([whole], fix="a folder that can be written, or no --save-spec")
        place.chmod(place.stat().st_mode & ~0o022)  # what others may write is not followed
        typer.echo(f"saved {spec.label} in {FILE_NAME}; from now on: -m {spec.label}", err=True)
    return resolve_all([spec.label for spec in specs], None, access)


def numbers(text: str | None, option: str) -> list[int]:
    """The whole numbers of `2,4,6`.

    Raises:
        UsageError: They are none.
    """
    if text is None:
        return []
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(f"{option} {text} is no list of whole numbers.", f"{option} 2,4,6")
    return [int(word) for word in words]


def _refuse(stray: list[str] | None, model: list[str], tasks: list[str], limit: int | None) -> None:
    if stray:
        if not model or os.path.isdir(stray[0]):
            raise UsageError(f"{stray[0]} stands alone; a model goes after -m.", f"-m {stray[0]}")
        if tasks == ["STS"] and not {"-t", "--tasks"} & set(sys.argv):
            raise UsageError(f"{stray[0]} stands alone; tasks go after -t.", f"-t {stray[0]}")
        words = ",".join([tasks[-1], *stray])
        raise UsageError(f"{stray[0]} stands alone; several tasks go by commas.", f"-t {words}")
    if not any(text.strip() for text in model):
        raise UsageError("no model is named.", "-m all-MiniLM-L6-v2, or -m ./CHECKPOINT")
    if limit is not None and limit < 2:
        raise UsageError(f"--limit {limit} leaves nothing to compare.", "--limit 20")
