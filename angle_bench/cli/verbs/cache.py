"""`angle-bench cache`: what the vector store holds, and making it smaller."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from angle_bench.api.calling.sizes import parse_size
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.errors import UsageError

if TYPE_CHECKING:
    from angle_bench.api.objects.value import Value

INFO_EPILOG = """
Examples:

angle-bench cache info

angle-bench cache info --cache-dir /scratch/vectors --json
"""
PRUNE_EPILOG = """
Examples:

angle-bench cache prune --to 5G

angle-bench cache prune --to 500M --cache-dir /scratch/vectors
"""
CLEAR_EPILOG = """
Examples:

angle-bench cache clear

angle-bench cache clear -y --cache-dir /scratch/vectors
"""

cache = typer.Typer(no_args_is_help=True, help="The vector store: see it, make it smaller.")


@cache.command(epilog=INFO_EPILOG)
@grouped
def info(
    cache_dir: shared.CacheDir = None,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> None:
    """Show what the vector store holds, the one used longest ago first."""
    from angle_bench.api.vector_cache import looked_at

    _print(looked_at(cache_dir, _tell), said)


@cache.command(epilog=PRUNE_EPILOG)
@grouped
def prune(
    to: Annotated[
        str, typer.Option("--to", metavar="SIZE", help="What may stay: 5G, 500M or plain bytes.")
    ],
    cache_dir: shared.CacheDir = None,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> None:
    """Evict whole models from the vector store, the one used longest ago first."""
    from angle_bench.api.vector_cache import pruned

    _print(pruned(parse_size(to), cache_dir, _tell), said)


@cache.command(epilog=CLEAR_EPILOG)
@grouped
def clear(
    yes: Annotated[bool, shared.flag("-y", "--yes", help="Do not ask.")] = False,
    cache_dir: shared.CacheDir = None,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> None:
    """Empty the vector store; what it held is computed again when it is needed."""
    from angle_bench.api.vector_cache import cleared

    _print(cleared(cache_dir, lambda deed: yes or _agreed(deed), _tell), said)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _print(found: "Value", said: OutputOptions) -> None:
    if said.as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    elif text := found.to_text():
        typer.echo(text)


def _agreed(deed: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked whether to clear the store.", "-y")
    return typer.confirm(f"{deed}?", err=True)
