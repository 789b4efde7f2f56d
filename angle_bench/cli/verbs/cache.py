"""`angle-bench cache`: what the vector store holds, and making it smaller."""

import sys
from typing import Annotated

import typer

from angle_bench.api.calling.sizes import parse_size
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_value
from angle_bench.errors import UsageError

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

    print_value(looked_at(cache_dir, _tell), said.as_json)


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

    print_value(pruned(parse_size(to), cache_dir, _tell), said.as_json)


@cache.command(epilog=CLEAR_EPILOG)
@grouped
def clear(
    yes: Annotated[bool, shared.flag("-y", "--yes", help="Do not ask.")] = False,
    cache_dir: shared.CacheDir = None,
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> None:
    """Empty the vector store; what it held is computed again when it is needed."""
    from angle_bench.api.vector_cache import cleared

    print_value(cleared(cache_dir, lambda deed: yes or _agreed(deed), _tell), said.as_json)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _agreed(deed: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked whether to clear the store.", "-y")
    return typer.confirm(f"{deed}?", err=True)
