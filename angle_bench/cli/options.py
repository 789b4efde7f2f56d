"""Options that several verbs share."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.models.access import Access

DEFAULT_CACHE_LIMIT = "20G"
PIPED_WIDTH = 200

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
Device = Annotated[
    str,
    typer.Option(
        "-d",
        "--device",
        envvar="ANGLE_BENCH_DEVICE",
        help="auto, cpu, cpu:4 (processes), cuda, cuda:0,cuda:2 or mps.",
    ),
]
Pooling = Annotated[
    str | None,
    typer.Option(
        "--pooling",
        help="cls, mean, cls_avg, max, cls_max, last or a token's number; its own identity.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="A|B|C|none|TEMPLATE",
        help="One prompt around every text, such as 'query: {text}'; its own identity.",
    ),
]
Prompts = Annotated[
    str | None,
    typer.Option(
        "--prompts", metavar="mteb", help="The prompts of mteb's own loader; its own identity."
    ),
]
MaxLength = Annotated[
    int | None, typer.Option("--max-length", help="Tokens a text is cut to; its own identity.")
]
Dtype = Annotated[
    str | None, typer.Option("--dtype", help="float32, bfloat16 or float16; its own identity.")
]
Attention = Annotated[
    str | None,
    typer.Option("--attention", help="sdpa, eager or flash_attention_2; its own identity."),
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Let torch compile the model; its own identity.")
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="PATH", help="The base of an adapter, where the recorded one is not here."
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run Python files that come with this model."),
]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Read weights that are no safetensors.")
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        "--batch-tokens",
        help="The most tokens of a batch; by default measured. No score in float32 changes.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Encode on a Ray cluster: its address, or auto."),
]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
        metavar="DIR",
        envvar="ANGLE_BENCH_MIRROR",
        help="Local models and data: DIR/<hub id>, "
        "DIR/<hub data set>/[<config>/]<split>.parquet or .jsonl.",
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
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Keep no vector beyond this command, and read none.")
]
CacheLimit = Annotated[
    str,
    typer.Option("--cache-limit", metavar="SIZE", help="What the vectors of all models may take."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show what the libraries underneath say.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def table_width() -> int:
    """The columns that a table may take: the terminal's, or of a log as many as it wants."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


def refuse(device: str, batch_tokens: int | None, cache_dir: Path | None, ray: str | None) -> None:
    """Refuse what cannot be meant, before anything is written.

    Raises:
        UsageError: One of the values cannot be.
    """
    from angle_bench.encoding.workers.start import check_devices

    check_devices(device)
    if ray is not None:
        from angle_bench.encoding.workers.ray_connection import check_address

        check_address(ray)
    if batch_tokens is not None and batch_tokens < 1:
        raise UsageError(
            f"--batch-tokens {batch_tokens} leaves no room for a text.", "--batch-tokens 4096"
        )
    if cache_dir is not None and cache_dir.exists() and not cache_dir.is_dir():
        raise UsageError(f"{cache_dir} is a file, not a folder.", "--cache-dir DIR, or --no-cache")


def refuse_all_tokens(pooling: str | None) -> None:
    """Refuse the pooling that gives a vector of every token, where a text must have one.

    Raises:
        UsageError: It is `all`.
    """
    if pooling is not None and pooling.strip() == "all":
        raise UsageError(
            "--pooling all is not possible: it gives a vector of every token, not one.",
            "--pooling cls, mean or last; in Python: angle_bench.load(NAME, pooling='all')",
        )


def access(
    base: str | None, mirror: Path | None, trust_remote_code: bool, allow_pickle: bool
) -> "Access":
    """Where checkpoints are looked for, and what of them may run code."""
    from angle_bench.models.access import Access
    from angle_bench.models.spec import Trust

    return Access(base, mirror, Trust(remote_code=trust_remote_code, pickle=allow_pickle))


def prepare_environment(offline: bool, quiet: bool, verbose: bool) -> None:
    """Set what the libraries underneath read when they are imported."""
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    if quiet or not (verbose or sys.stderr.isatty()):  # a log has lines, no bars
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    if verbose:
        os.environ["ANGLE_BENCH_VERBOSE"] = "1"
    else:
        os.environ.setdefault("TQDM_DISABLE", "1")  # the hub's bars for downloads stay
