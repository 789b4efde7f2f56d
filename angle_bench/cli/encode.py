"""`angle-bench encode`: the vectors of a text column."""

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.cli.sizes import parse_size
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.reader.texts import Texts
    from angle_bench.models.spec import ModelSpec

EPILOG = """
Examples:

angle-bench encode sentences.txt -m all-MiniLM-L6-v2

angle-bench encode corpus.parquet --column text -m UAE-Large-V1 --role document -o vectors.npy
"""


def encode(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help=".csv, .tsv, .jsonl, .json, .parquet, .arrow, .xlsx or .txt, "
            "also with .gz or .zst; a folder or glob of them; - is the standard input.",
        ),
    ],
    model: shared.OneModel = [],  # noqa: B006  typer copies it
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="A .parquet or .npy file.")
    ] = Path("vectors.parquet"),
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="The text column.")
    ] = None,
    format: shared.Format = None,
    encoding: shared.Encoding = None,
    skip_bad_rows: shared.SkipBadRows = False,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="NAME",
            help="query or document; chooses the prompt.",
            autocompletion=complete.choices("query", "document"),
        ),
    ] = None,
    start: Annotated[
        int, typer.Option("--start", metavar="N", help="The first dimension to keep.")
    ] = 0,
    size: Annotated[
        int | None, typer.Option("--size", metavar="N", help="How many dimensions to keep.")
    ] = None,
    overwrite: shared.Overwrite = False,
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
) -> int:
    """Encode a text column: writes a parquet or npy file, in the order of the rows."""
    if len(model) != 1:
        raise UsageError(f"encode takes one model, not {len(model)}.", "-m all-MiniLM-L6-v2")
    if role not in (None, "query", "document"):
        raise UsageError(f"there is no role {role}.", "--role query, or --role document")
    shared.refuse(device, batch_tokens, cache_dir, ray)
    limit = parse_size(cache_limit)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.evaluation.options import Computing, Keeping
    from angle_bench.evaluation.reader import ReadOptions
    from angle_bench.evaluation.reader.problems import short
    from angle_bench.evaluation.reader.texts import read_texts, text_files
    from angle_bench.evaluation.vectors import (
        Asked,
        check_output,
        compute,
        refuse_other_loaders,
        write,
    )
    from angle_bench.models.resolve import resolve

    options = ReadOptions(encoding, skip_bad_rows, format)
    check_output(output, column, overwrite)
    changes = shared.overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    access = shared.access(base, mirror, trust_remote_code, allow_pickle)
    spec = resolve(model[0], changes, access)
    computing = Computing(device, batch_tokens, ray, worker_timeout)
    refuse_other_loaders(spec, computing)
    _refuse(spec, role, start, size)
    with text_files(file, options) as files:
        found = read_texts(files, column)
    column, texts = found.column, found.texts
    check_output(output, column, overwrite)

    from angle_bench.cli.progress import watcher

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    began = time.monotonic()
    keeping = Keeping(not no_cache, cache_dir, limit)
    with watcher(quiet, debug) as progress:
        vectors = compute(spec, texts, Asked(role, start, size), computing, keeping, progress)
    said = {"skipped": found.skipped, "unused_columns": found.unused}
    write(output, column, texts, vectors, spec, said)
    for line in found.skipped:
        typer.echo(f"  ! {line}", err=True)
    if found.unused and not quiet:
        typer.echo(f"not used: {', '.join(map(short, found.unused))}", err=True)
    _report(output, spec, vectors.shape, time.monotonic() - began, found, as_json, quiet)
    return 0


def _refuse(spec: "ModelSpec", role: str | None, start: int, size: int | None) -> None:
    if spec.settings is not None:
        spec.settings.prompts.template_for(None, None, role)  # refuses {instruction}
    most = None if spec.shape is None else spec.shape.width  # unknown: the encoder refuses
    beyond = most is not None and start + (size or 1) > most
    if start < 0 or (size is not None and size < 1) or beyond:
        asked = f"--start {start}" + ("" if size is None else f" --size {size}")
        has = f"has {most} dimensions" if most is not None else "has its dimensions from 0"
        raise UsageError(f"{spec.label} {has}; {asked} asks for others.", "--start 0 --size 128")


def _report(
    output: Path,
    spec: "ModelSpec",
    shape: tuple[int, ...],
    seconds: float,
    found: "Texts",
    as_json: bool,
    quiet: bool,
) -> None:
    from angle_bench.cli.progress import duration

    rows, width = shape
    if as_json:
        said = {
            "output": str(output),
            "model": spec.name,
            "revision": spec.revision,
            "row_file": None if spec.row_file is None else str(spec.row_file),
            "vectors": rows,
            "dimensions": width,
            "bad_rows": found.bad_rows,
            "skipped": list(found.skipped),
            "unused_columns": list(found.unused),
        }
        typer.echo(json.dumps(said, indent=2))
    if not quiet:
        pace = rows / max(seconds, 1e-9)
        typer.echo(
            f"saved {output}  {rows:,} vectors of {width} dimensions  "
            f"{duration(seconds)}, {pace:,.0f} texts/s",
            err=True,
        )
