"""`angle-bench mine-negatives`: hard negatives for pairs, as data that trains."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Computed, Used, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_json
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.api.mining import MiningRequest

EPILOG = """
Examples:

angle-bench mine-negatives pairs.csv -m UAE-Large-V1 -o triplets.jsonl

angle-bench mine-negatives pairs.jsonl -m all-MiniLM-L6-v2 --top-k 4 --range 5:50 --margin 0.05

angle-bench mine-negatives qa.tsv --column question=query --column answer=positive
--corpus passages.parquet --corpus-column text -m bge-base-en-v1.5 -n
"""


@dataclass(frozen=True)
class Ruled:
    """Which documents become negatives."""

    top_k: Annotated[
        int, typer.Option("--top-k", metavar="N", help="Negatives of a pair, a row for each.")
    ] = 1
    ranks: Annotated[
        str,
        typer.Option(
            "--range", metavar="A:B", help="Skip the nearest A documents, look at those up to B."
        ),
    ] = "10:100"
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            metavar="X",
            help="A negative's cosine is at least so much below the positive's.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class MiningInput:
    """What is read, and how."""

    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus",
            metavar="FILE",
            help="The documents to search, a file of rows, folder or glob; by default all "
            "positives.",
        ),
    ] = None
    corpus_column: Annotated[
        str | None,
        typer.Option("--corpus-column", metavar="NAME", help="The text column of --corpus."),
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="THEIRS=OURS",
            help="A column of DATA that is our query or positive; repeatable.",
            show_default=False,
        ),
    ] = None
    config: Annotated[
        str | None, typer.Option("--config", metavar="NAME", help="The config of a hub data set.")
    ] = None
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Of a folder or hub data set.")
    ] = "train"
    encoding: shared.Encoding = None
    skip_bad_rows: shared.SkipBadRows = False


@grouped
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
    ruled: Ruled = Ruled(),
    read: MiningInput = MiningInput(),
    overwrite: shared.Overwrite = False,
    dry_run: Annotated[
        bool, shared.flag("-n", "--dry-run", help="Show texts, prompts and rule; compute nothing.")
    ] = False,
    where: Where = Where(),  # noqa: B008  frozen
    used: Used = Used(),  # noqa: B008  frozen
    computed: Computed = Computed(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Find hard negatives for pairs: writes query, positive, negative, which `train` reads."""
    if len(model) != 1:
        raise UsageError(
            f"mine-negatives takes one model, not {len(model)}.", "-m all-MiniLM-L6-v2"
        )
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.mining import mined

    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # SLURM sends SIGTERM; it is treated as Ctrl-C
    request = _request((data, model[0], output, overwrite), ruled, read, where, used, computed)
    found = mined(request, watcher(said.quiet, said.debug), dry_run=dry_run)
    if said.as_json:
        print_json(found.to_dict())
    elif dry_run:
        typer.echo(found.to_text())
    if not dry_run and not said.quiet:
        typer.echo(found.to_text(), err=True)
    return 0


def _request(
    named: tuple[str, str, Path, bool],
    ruled: Ruled,
    read: MiningInput,
    where: Where,
    used: Used,
    computed: Computed,
) -> "MiningRequest":
    from angle_bench.api.mining import MiningRequest, ranks_of

    data, model, output, overwrite = named
    return MiningRequest(
        data=data,
        model=model,
        output=output,
        overwrite=overwrite,
        top_k=ruled.top_k,
        ranks=ranks_of(ruled.ranks),
        margin=ruled.margin,
        corpus=read.corpus,
        corpus_column=read.corpus_column,
        columns=read.columns or [],
        config=read.config,
        split=read.split,
        encoding=read.encoding,
        skip_bad_rows=read.skip_bad_rows,
        changes=used.overrides(),
        access=where.access(),
        computing=computed.computing(),
        store_options=computed.store_options(),
    )
