"""Options that several verbs share: same name, short flag, placeholder and words everywhere."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from angle_bench.cli.options import complete
from angle_bench.errors import UsageError

DEFAULT_CACHE_LIMIT = "20G"
PIPED_WIDTH = 200

# headings of --help
PLACES = "Where models and data are, and what may run code"
SETTINGS = "Settings of the model; non-default settings are stored separately"
COMPUTING = "How it is computed"
SHOWN = "What is shown"


def flag(*names: str, help: str, panel: str | None = None) -> Any:
    """An option without a value; without the empty placeholder typer writes `<bool>` beside it."""
    return typer.Option(*names, metavar="", help=help, rich_help_panel=panel)


Models = Annotated[
    list[str],
    typer.Option(
        "-m",
        "--model",
        metavar="[LABEL=]NAME-OR-PATH[@REVISION]",
        help="A model; repeatable.",
        show_default=False,
        autocompletion=complete.models,
    ),
]
OneModel = Annotated[
    list[str],
    typer.Option(
        "-m",
        "--model",
        metavar="NAME-OR-PATH[@REVISION]",
        help="The model.",
        show_default=False,
        autocompletion=complete.models,
    ),
]
Caption = Annotated[
    str, typer.Option("--caption", metavar="TEXT", help="The caption of a table that is printed.")
]
Label = Annotated[
    str, typer.Option("--label", metavar="NAME", help="What a text refers to that table by.")
]
Tasks = Annotated[
    list[str],
    typer.Option(
        "-t",
        "--tasks",
        metavar="NAMES",
        help="Suites, tasks or MTEB benchmarks, by commas or repeated.",
        autocompletion=complete.tasks,
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
ModelName = Annotated[
    list[str],
    typer.Option(
        "--model-name",
        metavar="[FOLDER=]NAME",
        help="The model that the results in a folder are of, where files and path do not say it.",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, flag("--overwrite", help="Replace the output.")]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Only part I of N, dealt out the same on every machine; auto or auto/N in a job array "
        "of SLURM, PBS, LSF, SGE or Kubernetes.",
    ),
]
Track = Annotated[
    str,
    typer.Option(
        "--track",
        metavar="NAMES",
        help="Report to tensorboard, wandb, mlflow, trackio, by commas; or none.",
        autocompletion=complete.choices("tensorboard", "wandb", "mlflow", "trackio", "none"),
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "-d",
        "--device",
        metavar="DEVICE",
        envvar="ANGLE_BENCH_DEVICE",
        help="auto, cpu, cpu:4 (processes), cuda, cuda:0,cuda:2 or mps.",
        autocompletion=complete.choices("auto", "cpu", "cuda", "mps"),
        rich_help_panel=COMPUTING,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="KIND",
        help="What the file is where its name does not say so: csv, jsonl, parquet …",
        show_default=False,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Of text files; by default UTF-8, or UTF-16 by its mark.",
        show_default=False,
    ),
]
SkipBadRows = Annotated[
    bool,
    flag("--skip-bad-rows", help="Leave out rows that cannot be read, and count them."),
]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
        metavar="DIR",
        envvar="ANGLE_BENCH_MIRROR",
        help="Local models and data: DIR/<hub id>, "
        "DIR/<hub data set>/[<config>/]<split>.parquet or .jsonl.",
        rich_help_panel=PLACES,
    ),
]
Offline = Annotated[
    bool,
    flag(
        "--offline",
        help="Never ask the hub; cached files only (also HF_HUB_OFFLINE=1).",
        panel=PLACES,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="PATH",
        help="The base of an adapter, where the recorded one is not here.",
        rich_help_panel=PLACES,
    ),
]
TrustRemoteCode = Annotated[
    bool,
    flag("--trust-remote-code", help="Run Python files that come with this model.", panel=PLACES),
]
AllowPickle = Annotated[
    bool,
    flag("--allow-pickle", help="Read weights that are no safetensors.", panel=PLACES),
]
Pooling = Annotated[
    str | None,
    typer.Option(
        "--pooling",
        metavar="NAME",
        help="cls, mean, cls_avg, max, cls_max, last or a token's number.",
        rich_help_panel=SETTINGS,
        autocompletion=complete.choices("cls", "mean", "cls_avg", "max", "cls_max", "last"),
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="A|B|C|none|TEMPLATE",
        help="One prompt around every text, such as 'query: {text}'.",
        rich_help_panel=SETTINGS,
        autocompletion=complete.choices("A", "B", "C", "none"),
    ),
]
Prompts = Annotated[
    str | None,
    typer.Option(
        "--prompts",
        metavar="mteb",
        help="The prompts of mteb's own loader.",
        rich_help_panel=SETTINGS,
        autocompletion=complete.choices("mteb"),
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        "--max-length", metavar="N", help="Tokens a text is cut to.", rich_help_panel=SETTINGS
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="float32, bfloat16 or float16.",
        rich_help_panel=SETTINGS,
        autocompletion=complete.choices("float32", "bfloat16", "float16"),
    ),
]
Attention = Annotated[
    str | None,
    typer.Option(
        "--attention",
        metavar="NAME",
        help="sdpa, eager or flash_attention_2.",
        rich_help_panel=SETTINGS,
        autocompletion=complete.choices("sdpa", "eager", "flash_attention_2"),
    ),
]
Compile = Annotated[bool, flag("--compile", help="Let torch compile the model.", panel=SETTINGS)]
Similarity = Annotated[
    str | None,
    typer.Option(
        "--similarity",
        metavar="NAME",
        help="How vectors are compared: cosine or dot. By default the checkpoint's own.",
        autocompletion=complete.choices("cosine", "dot"),
        rich_help_panel=SETTINGS,
    ),
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        "--batch-tokens",
        metavar="N",
        help="Maximum padded tokens per batch; measured by default. No score in float32 changes.",
        rich_help_panel=COMPUTING,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Encode on a Ray cluster: its address, or auto.",
        rich_help_panel=COMPUTING,
    ),
]
WorkerTimeout = Annotated[
    float | None,
    typer.Option(
        "--worker-timeout",
        metavar="SECONDS",
        help="End a worker that does not answer so long; others get its work. By default it is "
        "said after a minute.",
        rich_help_panel=COMPUTING,
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        help="Where vectors are kept; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.",
        rich_help_panel=COMPUTING,
    ),
]
NoCache = Annotated[
    bool,
    flag("--no-cache", help="Keep no vector beyond this command, and read none.", panel=COMPUTING),
]
CacheLimit = Annotated[
    str,
    typer.Option(
        "--cache-limit",
        metavar="SIZE",
        help="What the vectors of all models may take.",
        rich_help_panel=COMPUTING,
    ),
]
Json = Annotated[bool, flag("--json", help="Print JSON, and nothing else on stdout.", panel=SHOWN)]
Quiet = Annotated[bool, flag("-q", "--quiet", help="Say less on stderr.", panel=SHOWN)]
Verbose = Annotated[
    bool,
    flag("-v", "--verbose", help="Show what the libraries underneath say.", panel=SHOWN),
]
Debug = Annotated[bool, flag("--debug", help="Show tracebacks.", panel=SHOWN)]


def table_width() -> int:
    """The columns that a table may take: the terminal's, or of a log as many as it wants."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


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
