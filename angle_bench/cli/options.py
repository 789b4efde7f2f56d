"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[
    list[str],
    typer.Option(
        "-m",
        "--model",
        metavar="[LABEL=]NAME-OR-PATH[@REVISION]",
        help="A model; repeatable.",
        show_default=False,
    ),
]
Tasks = Annotated[
    list[str],
    typer.Option(
        "-t", "--tasks", metavar="NAMES", help="Suites, tasks or MTEB benchmarks, by commas."
    ),
]
Results = Annotated[
    Path,
    typer.Option(
        "-r",
        "--results",
        metavar="RESULTS",
        envvar="ANGLE_BENCH_RESULTS",
        help="The results folder.",
    ),
]
Device = Annotated[str, typer.Option("-d", "--device", help="auto, cpu, cuda, cuda:1 or mps.")]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
        metavar="DIR",
        envvar="ANGLE_BENCH_MIRROR",
        help="Local data: DIR/<hub data set>/[<config>/]<split>.parquet or .jsonl.",
    ),
]
Offline = Annotated[
    bool,
    typer.Option("--offline", help="Never ask the hub; cached files only (also HF_HUB_OFFLINE=1)."),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        help="Where vectors are kept; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show what the libraries underneath say.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
