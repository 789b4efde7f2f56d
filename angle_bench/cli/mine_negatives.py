"""`angle-bench mine-negatives`: hard negatives for pairs, as data that trains."""

import json
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import options as shared
from angle_bench.cli.sizes import parse_size
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.evaluation.reader.texts import Texts
    from angle_bench.models.spec import ModelSpec
    from angle_bench.training.hard_negatives import Found
    from angle_bench.training.mining import Rule
    from angle_bench.training.mining_data import MiningTexts
    from angle_bench.training.rows import Counts

EPILOG = """
Examples:

angle-bench mine-negatives pairs.csv -m UAE-Large-V1 -o triplets.jsonl

angle-bench mine-negatives pairs.jsonl -m all-MiniLM-L6-v2 --top-k 4 --range 5:50 --margin 0.05

angle-bench mine-negatives qa.tsv --column question=query --column answer=positive
--corpus passages.parquet --corpus-column text -m bge-base-en-v1.5 -n
"""


def mine_negatives(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Queries with positives: a file of rows (.csv, .jsonl, .parquet …), a folder or "
            "glob, or ORG/NAME of the hub, also with @REVISION.",
        ),
    ],
    model: shared.OneModel = [],  # noqa: B006  typer copies it
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="A .jsonl, .parquet or .csv file."),
    ] = Path("negatives.jsonl"),
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="N", help="Negatives of a pair, a row for each.")
    ] = 1,
    ranks: Annotated[
        str,
        typer.Option(
            "--range", metavar="A:B", help="Skip the nearest A documents, look at those up to B."
        ),
    ] = "10:100",
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            metavar="X",
            help="A negative's cosine is at least so much below the positive's.",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus",
            metavar="FILE",
            help="The documents to search, a file of rows, folder or glob; by default all "
            "positives.",
        ),
    ] = None,
    corpus_column: Annotated[
        str | None,
        typer.Option("--corpus-column", metavar="NAME", help="The text column of --corpus."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="THEIRS=OURS",
            help="A column of DATA that is our query or positive; repeatable.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar="NAME", help="The config of a hub data set.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Of a folder or hub data set.")
    ] = "train",
    encoding: shared.Encoding = None,
    skip_bad_rows: shared.SkipBadRows = False,
    overwrite: shared.Overwrite = False,
    dry_run: Annotated[
        bool, shared.flag("-n", "--dry-run", help="Show texts, prompts and rule; compute nothing.")
    ] = False,
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
    """Find hard negatives for pairs: writes query, positive, negative, which `train` reads."""
    if len(model) != 1:
        raise UsageError(
            f"mine-negatives takes one model, not {len(model)}.", "-m all-MiniLM-L6-v2"
        )
    if corpus_column is not None and corpus is None:
        raise UsageError("--corpus-column is of no file.", "--corpus FILE")
    shared.refuse(device, batch_tokens, cache_dir, ray)
    limit = parse_size(cache_limit)
    first, last = _ranks(ranks)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.options import Computing, Keeping
    from angle_bench.evaluation.reader import ReadOptions
    from angle_bench.evaluation.vectors import refuse_other_loaders
    from angle_bench.models.resolve import resolve
    from angle_bench.training.hard_negatives import (
        check_output,
        check_rule,
        check_texts,
        counted,
        find,
        write,
    )
    from angle_bench.training.mining import Rule
    from angle_bench.training.mining_data import gather, read_corpus, read_pairs, source_of

    rule = Rule(top_k, first, last, margin)
    check_rule(rule)
    check_output(output, overwrite)
    source = source_of(data, columns or [], config, split, encoding, skip_bad_rows)
    mirror = check_mirror(mirror)
    changes = shared.overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    spec = resolve(model[0], changes, shared.access(base, mirror, trust_remote_code, allow_pickle))
    computing = Computing(device, batch_tokens, ray, worker_timeout)
    refuse_other_loaders(spec, computing)
    documents = (
        None
        if corpus is None
        else read_corpus(corpus, corpus_column, ReadOptions(encoding, skip_bad_rows))
    )
    pairs, counts = read_pairs(source, mirror)
    texts = gather(pairs, None if documents is None else documents.texts)
    check_texts(output, texts)
    if dry_run:
        _preview(texts, counts, documents, spec, rule, as_json)
        return 0

    from angle_bench.cli.progress import watcher

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    began = time.monotonic()
    keeping = Keeping(not no_cache, cache_dir, limit)
    with watcher(quiet, debug) as progress:
        negatives = find(texts, spec, rule, computing, keeping, progress)
    write(output, texts, negatives)
    found = counted(negatives)
    if as_json:
        done = {"output": str(output), **_searched(texts, counts, documents, spec, rule)}
        done |= asdict(found)
        typer.echo(json.dumps(done, indent=2, ensure_ascii=False))
    if not quiet:
        _report(output, _data(texts, counts, documents), texts, found, time.monotonic() - began)
    return 0


def _ranks(typed: str) -> tuple[int, int]:
    """The two numbers of `A:B`.

    Raises:
        UsageError: They are no such numbers.
    """
    words = [word.strip() for word in typed.split(":")]
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(
            f"--range {typed} is no range of ranks.",
            "--range 10:100, which skips the nearest 10 of 100",
        )
    return int(words[0]), int(words[1])


def _searched(
    texts: "MiningTexts",
    counts: "Counts",
    corpus: "Texts | None",
    spec: "ModelSpec",
    rule: "Rule",
) -> dict[str, Any]:
    from angle_bench.training.hard_negatives import prompts_of

    return {
        "model": spec.name,
        "revision": spec.revision,
        "row_file": None if spec.row_file is None else str(spec.row_file),
        "prompts": prompts_of(spec),
        "rule": asdict(rule),
        "read": counts.read,
        "dropped": dict(counts.dropped),
        "unused_columns": list(counts.unused),
        "skipped": counts.skipped,
        "corpus_unused_columns": [] if corpus is None else list(corpus.unused),
        "corpus_skipped": [] if corpus is None else list(corpus.skipped),
        "repeated": texts.repeated,
        "pairs": len(texts.pairs),
        "queries": len(texts.queries),
        "documents": len(texts.documents),
        "corpus": len(texts.pool.corpus),
    }


def _preview(
    texts: "MiningTexts",
    counts: "Counts",
    corpus: "Texts | None",
    spec: "ModelSpec",
    rule: "Rule",
    as_json: bool,
) -> None:
    if as_json:
        said = _searched(texts, counts, corpus, spec, rule)
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    from angle_bench.training.hard_negatives import prompts_of

    typer.echo(f"model: {spec.header([])}")
    for role, template in prompts_of(spec).items():
        typer.echo(f"  prompt of a {role}: {template or 'none'}")
    typer.echo("\n".join(_data(texts, counts, corpus)))
    typer.echo(
        f"to encode: {len(texts.queries):,} queries, {len(texts.documents):,} documents, of which "
        f"{len(texts.pool.corpus):,} are searched"
    )
    below = "" if rule.margin is None else f", {rule.margin:g} or more below the positive"
    typer.echo(f"negatives: {rule.top_k} of a pair, from the ranks {rule.first}:{rule.last}{below}")


def _data(texts: "MiningTexts", counts: "Counts", corpus: "Texts | None") -> list[str]:
    """`data: 12 rows, 10 pairs; dropped: 1 empty query, 1 repeated`, and so of the corpus."""
    from angle_bench.evaluation.reader.problems import short

    dropped = [f"{count:,} {why}" for why, count in counts.dropped.items()]
    dropped += [f"{texts.repeated:,} repeated"] if texts.repeated else []
    said = f"{counts.read:,} rows, {len(texts.pairs):,} pairs"
    said += f"; dropped: {', '.join(dropped)}" if dropped else ""
    said += f"; not used: {', '.join(map(short, counts.unused))}" if counts.unused else ""
    lines = [f"data: {said}", *(f"  ! {line}" for line in counts.skipped)]
    if corpus is not None:
        unused = f"; not used: {', '.join(map(short, corpus.unused))}" if corpus.unused else ""
        lines.append(f"corpus: {len(corpus.texts):,} texts of {short(corpus.column)}{unused}")
        lines += [f"  ! {line}" for line in corpus.skipped]
    return lines


def _report(
    output: Path, data: list[str], texts: "MiningTexts", found: "Found", seconds: float
) -> None:
    from angle_bench.cli.progress import duration

    lines = [
        *data,
        f"saved {output}  {found.rows:,} rows from {len(texts.pairs) - found.none:,} pairs  "
        f"{duration(seconds)}",
    ]
    if found.fewer:
        lines.append(f"  ! {found.fewer:,} pairs have fewer negatives than asked for")
    if found.none:
        lines.append(f"  ! {found.none:,} pairs have none and are left out")
    typer.echo("\n".join(lines), err=True)
