"""`angle-bench reproduce`: does a checkpoint score what was published, and if not, why."""

import json
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.cli.sizes import parse_size
from angle_bench.errors import UsageError, fix_said_as

if TYPE_CHECKING:
    from angle_bench.evaluation.reproduce import Attempt, Verdict

EPILOG = """
Examples:

angle-bench reproduce UAE-Large-V1

angle-bench reproduce all-MiniLM-L6-v2 -t STS12,STS13 --mirror data/
"""

UNEXPLAINED = 3


def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model with published scores.",
            autocompletion=complete.models,
        ),
    ],
    tasks: shared.Tasks = [],  # noqa: B006  typer copies it
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", metavar="POINTS", help="The largest gap of a task that counts as none."
        ),
    ] = 0.05,
    results: shared.Results = Path("results"),
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
    """Measure a model against its published scores; where they differ, name what explains it."""
    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance {tolerance} is no difference in points.", "--tolerance 0.05")
    shared.refuse(device, batch_tokens, cache_dir, ray)
    limit = parse_size(cache_limit)
    shared.prepare_environment(offline, quiet, verbose)

    from angle_bench.models.reference import ModelRef
    from angle_bench.models.registry import find
    from angle_bench.models.resolve import resolve

    changes = shared.overrides(pooling, prompt, prompts, max_length, dtype, attention, compile)
    access = shared.access(base, mirror, trust_remote_code, allow_pickle)
    with fix_said_as("-m ", "angle-bench reproduce "):
        spec = resolve(model, changes, access)
    entry = find(ModelRef.parse(model).name) or find(spec.name)

    from angle_bench.cli.progress import watcher
    from angle_bench.evaluation.data import check_mirror
    from angle_bench.evaluation.options import Computing, Keeping, Options
    from angle_bench.evaluation.reproduce import published_of
    from angle_bench.evaluation.reproduce import reproduce as measure
    from angle_bench.results.layout import results_root

    suite, published = published_of(entry, model, tasks)
    options = Options(
        mirror=check_mirror(mirror),
        root=results_root(results, write=True),
        computing=Computing(device, batch_tokens, ray, worker_timeout),
        keeping=Keeping(not no_cache, cache_dir, limit),
        command=["angle-bench", *sys.argv[1:]],
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is an interrupt
    with watcher(quiet, debug) as progress:
        verdict = measure(spec, published, suite, options, progress, tolerance)
    if verdict is None:
        typer.echo(
            "nothing could be measured; what the errors say, then the same command", err=True
        )
        return 1
    typer.echo(json.dumps(_json(verdict), indent=2) if as_json else _text(verdict))
    if not verdict.matches and not verdict.explained:
        return UNEXPLAINED
    return 1 if verdict.failures else 0


def _text(verdict: "Verdict") -> str:
    said = " · ".join(
        f"{_mean(verdict, each.scores)} ({each.source})" for each in verdict.published
    )
    count = len(verdict.tasks)
    over = f"{count} task" + ("s" if count > 1 else "")
    lines = [f"published {said} · measured {verdict.measured.mean:.2f}, mean of {over}"]
    if verdict.failures:
        lines.append(f"without {', '.join(verdict.failures)}, which could not be measured")
    if verdict.matches:
        return "\n".join([*lines, f"It matches: no task differs by more than {verdict.tolerance}."])
    lines.append(f"largest gap {verdict.measured.largest:.2f} {verdict.measured.where}")
    if verdict.attempts:
        lines.append(_table(verdict))
    return "\n".join([*lines, _sentence(verdict)])


def _table(verdict: "Verdict") -> str:
    from tabulate import tabulate

    closest = verdict.closest
    rows = [
        [
            each.change,
            f"{each.mean:.2f}",
            f"{each.largest:.2f} {each.where}" + ("   ← closest" if each is closest else ""),
        ]
        for each in verdict.attempts
    ]
    heads = ["one change at a time", "mean", "largest gap"]
    return tabulate(rows, heads, tablefmt="plain", disable_numparse=True)


def _sentence(verdict: "Verdict") -> str:
    closest = verdict.closest
    if closest is None:
        return "No single setting brings it nearer."
    if verdict.explained:
        return f"{closest.change} explains it: no task differs by more than {verdict.tolerance}."
    return (
        f"{closest.change} comes nearest, and leaves a gap of {closest.largest:.2f} "
        f"({closest.where}); no single setting explains it."
    )


def _mean(verdict: "Verdict", scores: dict[str, float]) -> str:
    common = [scores[name] for name in verdict.tasks if name in scores]
    return f"{sum(common) / len(common):.2f}" if common else "–"


def _json(verdict: "Verdict") -> dict[str, Any]:
    return {
        "published": [each.model_dump(mode="json") for each in verdict.published],
        "tasks": verdict.tasks,
        "tolerance": verdict.tolerance,
        "measured": _attempt(verdict.measured),
        "changes": [_attempt(each) for each in verdict.attempts],
        "closest": verdict.closest.change if verdict.closest else None,
        "matches": verdict.matches,
        "explained": verdict.explained,
        "failures": verdict.failures,
    }


def _attempt(attempt: "Attempt") -> dict[str, Any]:
    return {
        "change": attempt.change or None,
        "scores": {name: round(score, 4) for name, score in attempt.scores.items()},
        "mean": round(attempt.mean, 4),
        "largest_gap": attempt.largest,
        "task": attempt.where,
    }
