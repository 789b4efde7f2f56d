"""`angle-bench run`: evaluate models on suites."""

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.cli.sizes import parse_size
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.outcome import ModelOutcome
    from angle_bench.models.access import Access
    from angle_bench.models.spec import ModelSpec
    from angle_bench.reporting.table import Table
    from angle_bench.results.suites import Suite

EPILOG = """
Examples:

angle-bench run -m all-MiniLM-L6-v2 -t demo

angle-bench run -m UAE-Large-V1 -t STS

angle-bench run -m base=all-MiniLM-L6-v2 -m tuned=./checkpoint-500 -t STS12,STS13 --mirror data/
"""


def run(
    model: shared.Models = [],  # noqa: B006  typer copies it
    tasks: shared.Tasks = ["STS"],  # noqa: B006
    results: shared.Results = Path("results"),
    device: shared.Device = "auto",
    mirror: shared.Mirror = None,
    offline: shared.Offline = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Score again what is stored; the old files are kept aside."
        ),
    ] = False,
    base: shared.Base = None,
    pooling: shared.Pooling = None,
    prompt: shared.Prompt = None,
    prompts: shared.Prompts = None,
    max_length: shared.MaxLength = None,
    dtype: shared.Dtype = None,
    attention: shared.Attention = None,
    compile: shared.Compile = False,
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="2,4,6", help="Score these layers; 0 is the embeddings."),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", metavar="64,128", help="Score these leading dimensions."),
    ] = None,
    save_spec: Annotated[
        bool,
        typer.Option("--save-spec", help="Keep what was typed of the model in angle-bench.toml."),
    ] = False,
    trust_remote_code: shared.TrustRemoteCode = False,
    allow_pickle: shared.AllowPickle = False,
    batch_tokens: shared.BatchTokens = None,
    ray: shared.Ray = None,
    cache_dir: shared.CacheDir = None,
    no_cache: shared.NoCache = False,
    cache_limit: shared.CacheLimit = shared.DEFAULT_CACHE_LIMIT,
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    debug: shared.Debug = False,
    stray: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> int:
    """Evaluate models on suites: prints the table, writes results; runs only what is missing."""
    _refuse(stray, model, tasks)
    shared.refuse(device, batch_tokens, cache_dir, ray)
    shared.refuse_all_tokens(pooling)
    limit = parse_size(cache_limit)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.models.overrides import Overrides
    from angle_bench.models.resolve import resolve_all
    from angle_bench.models.variants import variants
    from angle_bench.results.suites import select

    suite = select(tasks)
    depths, widths = numbers(layers, "--layers"), numbers(sizes, "--sizes")
    overrides = Overrides(
        pooling=pooling,
        max_length=max_length,
        dtype=dtype,
        attention=attention,
        compile=compile or None,
        prompt=prompt,
        prompts=prompts,
    )
    access = shared.access(base, mirror, trust_remote_code, allow_pickle)
    specs = resolve_all(model, overrides, access)
    if save_spec:
        specs = _saved_specs(specs, access)
    grids = [variants(spec, depths, widths) for spec in specs]

    # what follows is not needed to refuse a misspelt name, which should take no time
    from angle_bench.cli.progress import watcher
    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.options import Computing, Keeping, Options
    from angle_bench.evaluation.outcome import ModelOutcome
    from angle_bench.evaluation.record import RunRecord
    from angle_bench.evaluation.runner import run as evaluate
    from angle_bench.results.layout import results_root

    run_options = Options(
        mirror=check_mirror(mirror),
        root=results_root(results, write=True),
        computing=Computing(device, batch_tokens, ray),
        keeping=Keeping(not no_cache, cache_dir, limit),
        overwrite=overwrite,
        command=["angle-bench", *sys.argv[1:]],
    )
    record = RunRecord(
        run_options.root, run_options.command, {"models": model, "suite": suite.signature}
    )
    groups = [[ModelOutcome.of(spec, run_options.root) for spec in grid] for grid in grids]
    outcomes = [outcome for group in groups for outcome in group]
    record.write({}, None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    code = 1
    try:
        with watcher(quiet, debug) as progress:
            evaluate(groups, suite, run_options, progress)
        code = 1 if any(outcome.failures for outcome in outcomes) else 0
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        record.write({o.spec.variant_label: o.summary() for o in outcomes}, code)
    if as_json:
        table = _table(outcomes, suite)
        typer.echo(json.dumps(_json(outcomes, suite, table), indent=2, ensure_ascii=False))
    else:
        _print(groups, specs, suite, quiet)
    return code


def _saved_specs(specs: "list[ModelSpec]", access: "Access") -> "list[ModelSpec]":
    """Write the models into angle-bench.toml; from then on they are what that file says."""
    from angle_bench.models.resolve import resolve_all
    from angle_bench.models.spec_file import FILE_NAME, with_spec
    from angle_bench.results.files import text_file, write_together

    place = Path(FILE_NAME).resolve()
    for spec in specs:
        whole = text_file(place, with_spec(place, spec))
        write_together([whole], fix="a folder that can be written, or no --save-spec")
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


def _refuse(stray: list[str] | None, model: list[str], tasks: list[str]) -> None:
    if stray:
        if not model or os.path.isdir(stray[0]):
            raise UsageError(f"{stray[0]} stands alone; a model goes after -m.", f"-m {stray[0]}")
        joined = ",".join([tasks[-1], *stray])
        raise UsageError(f"{stray[0]} stands alone; several tasks go by commas.", f"-t {joined}")
    if not any(text.strip() for text in model):
        raise UsageError("no model is named.", "-m all-MiniLM-L6-v2, or -m ./CHECKPOINT")


def _table(outcomes: "list[ModelOutcome]", suite: "Suite") -> "Table":
    from angle_bench.evaluation.record import model_record
    from angle_bench.reporting.stored_table import stored_row
    from angle_bench.reporting.table import Table

    rows = [
        stored_row(
            o.spec.variant_label, o.folder, model_record(o.spec), suite, [*o.kept, *o.scored]
        )
        for o in outcomes
    ]
    return Table(suite, tuple(rows))


def _json(outcomes: "list[ModelOutcome]", suite: "Suite", table: "Table") -> dict[str, Any]:
    from angle_bench.reporting.stored_table import as_json

    rows = as_json(table)
    for row, outcome in zip(rows, outcomes, strict=True):
        used = outcome.spec.settings
        row["name"] = outcome.spec.name
        row["revision"] = outcome.spec.revision
        row["settings"] = outcome.spec.settings_id
        row["layer"] = None if used is None else used.layer
        row["size"] = None if used is None else used.size
        row["folder"] = str(outcome.folder.path)
        row["failures"] = {name: vars(failure) for name, failure in outcome.failures.items()}
    return {"suite": suite.name, "version": suite.version, "models": rows}


def _print(
    groups: "list[list[ModelOutcome]]", specs: "list[ModelSpec]", suite: "Suite", quiet: bool
) -> None:
    from angle_bench.reporting.grid import Grid

    width = shared.table_width()
    plain = [outcome for group in groups if len(group) == 1 for outcome in group]
    tables: list[Table | Grid] = [_table(plain, suite)] if plain else []
    tables += [
        Grid(spec.label, _table(group, suite), _axes(group, spec))
        for group, spec in zip(groups, specs, strict=True)
        if len(group) > 1
    ]
    for table in tables:
        typer.echo(table.text(width))
        if footer := table.footer():
            typer.echo(footer)
    if quiet:
        return
    for group in groups:
        typer.echo(_saved(group), err=True)
    typer.echo(_next([outcome for group in groups for outcome in group]), err=True)


def _axes(group: "list[ModelOutcome]", spec: "ModelSpec") -> list[tuple[int, int]]:
    """Layer and size of each variant."""
    assert spec.shape is not None
    used = [outcome.spec.required_settings() for outcome in group]
    return [
        (spec.shape.layers if one.layer is None else one.layer, one.size or spec.shape.width)
        for one in used
    ]


def _saved(group: "list[ModelOutcome]") -> str:
    from angle_bench.cli.progress import duration

    first = group[0]
    place = os.path.commonpath([outcome.folder.path for outcome in group])
    if not any(outcome.scored for outcome in group):
        failed = any(outcome.failures for outcome in group)
        return f"{place}  {'nothing new' if failed else 'all stored before'}"
    variants = f"{len(group)} variants  " if len(group) > 1 else ""
    line = f"saved {place}  {variants}{duration(first.seconds)}"
    if first.texts and len(group) == 1:
        line += f", {first.texts / first.seconds:,.0f} texts/s"
    return line


def _next(outcomes: "list[ModelOutcome]") -> str:
    if any(outcome.failures for outcome in outcomes):
        return "next: what the errors say, then the same command; it runs only what is missing"
    words = [word for word in sys.argv[1:] if word != "--overwrite"]
    return f"next: {shlex.join(['angle-bench', *words, '-m', './MY-CHECKPOINT'])}"
