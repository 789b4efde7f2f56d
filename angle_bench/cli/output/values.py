"""Values on stdout: as JSON for scripts, or as text."""

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from angle_bench.api.objects.value import Value
    from angle_bench.cli.options.groups import VerbosityOptions


def print_json(value: Any) -> None:
    """Plain values, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    rows: Sequence[Sequence[object]], heads: Sequence[str], numbers: bool = False
) -> None:
    """Rows under their heads.

    Args:
        rows: A cell for each head.
        heads: Of the columns.
        numbers: Whether columns of numbers are known as such and go to the right.
    """
    from tabulate import tabulate

    typer.echo(tabulate(rows, heads, tablefmt="simple", disable_numparse=not numbers))


def shortly(text: str) -> str:
    """The first words of a description."""
    return textwrap.shorten(text, 64, placeholder=" …")


def print_value(found: "Value", as_json: bool) -> None:
    """A result; a text that is empty is no line."""
    if as_json:
        print_json(found.to_dict())
    elif text := found.to_text():
        typer.echo(text)


def print_written(found: "Value", said: "VerbosityOptions") -> None:
    """What was written: on stdout for scripts alone, on stderr for people."""
    if said.as_json:
        print_json(found.to_dict())
    if not said.quiet:
        typer.echo(found.to_text(), err=True)
