"""`angle-bench encode`: the vectors of a text column."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import Computed, Used, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_written
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.api.encoding import Encoded

EPILOG = """
Examples:

angle-bench encode sentences.txt -m all-MiniLM-L6-v2

angle-bench encode corpus.parquet --column text -m UAE-Large-V1 --role document -o vectors.npy
"""


@dataclass(frozen=True)
class EncodeInput:
    """How the file is read."""

    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="The text column.")
    ] = None
    format: shared.Format = None
    encoding: shared.Encoding = None
    skip_bad_rows: shared.SkipBadRows = False


@dataclass(frozen=True)
class VectorOptions:
    """Which vectors are wanted."""

    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="NAME",
            help="query or document; chooses the prompt.",
            autocompletion=complete.choices("query", "document"),
        ),
    ] = None
    start: Annotated[
        int, typer.Option("--start", metavar="N", help="The first dimension to keep.")
    ] = 0
    size: Annotated[
        int | None, typer.Option("--size", metavar="N", help="How many dimensions to keep.")
    ] = None
    overwrite: shared.Overwrite = False


@grouped
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
    read: EncodeInput = EncodeInput(),
    wanted: VectorOptions = VectorOptions(),
    where: Where = Where(),  # noqa: B008  frozen
    used: Used = Used(),  # noqa: B008  frozen
    computed: Computed = Computed(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Encode a text column: writes a parquet or npy file, in the order of the rows."""
    if len(model) != 1:
        raise UsageError(f"encode takes one model, not {len(model)}.", "-m all-MiniLM-L6-v2")
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.calling.progress_bars import watcher
    from angle_bench.api.encoding import EncodeRequest, encoded
    from angle_bench.evaluation.reader.kinds import ReadOptions
    from angle_bench.evaluation.vector_files import EncodeOptions

    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # SLURM sends SIGTERM; it is treated as Ctrl-C
    request = EncodeRequest(
        file=file,
        model=model[0],
        output=output,
        overwrite=wanted.overwrite,
        column=read.column,
        reading=ReadOptions(read.encoding, read.skip_bad_rows, read.format),
        asked=EncodeOptions(wanted.role, wanted.start, wanted.size),
        changes=used.overrides(),
        access=where.access(),
        computing=computed.computing(),
        store_options=computed.store_options(),
    )
    _print(encoded(request, watcher(said.quiet, said.debug)), said)
    return 0


def _print(found: "Encoded", said: VerbosityOptions) -> None:
    from angle_bench.evaluation.reader.problems import short

    for line in found.skipped:
        typer.echo(f"  ! {line}", err=True)
    if found.unused_columns and not said.quiet:
        typer.echo(f"not used: {', '.join(map(short, found.unused_columns))}", err=True)
    print_written(found, said)
