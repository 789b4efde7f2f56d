"""`angle-bench recipes`: the ready recipes of `train`."""

import json
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared

LIST_EPILOG = """
Examples:

angle-bench recipes list

angle-bench recipes list --json
"""
SHOW_EPILOG = """
Examples:

angle-bench recipes show sts-b

angle-bench recipes show sts-b --json
"""

recipes = typer.Typer(help="The ready recipes of train.", no_args_is_help=True)


@recipes.command("list", epilog=LIST_EPILOG)
def list_(
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    debug: shared.Debug = False,
) -> int:
    """The ready recipes: what each trains, and on what."""
    from angle_bench.training.draft import read_draft, recipe_names

    contents = {name: read_draft(name).content for name in recipe_names()}
    if as_json:
        rows = [{"name": name, **_said(content)} for name, content in contents.items()]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    from tabulate import tabulate

    table = [
        [name, _few(said["models"]), textwrap.shorten(said["description"], 64, placeholder=" …")]
        for name, said in ((name, _said(content)) for name, content in contents.items())
    ]
    typer.echo(tabulate(table, ["recipe", "model", ""], tablefmt="simple"))
    if not quiet:
        typer.echo("what one says: angle-bench recipes show NAME", err=True)
    return 0


@recipes.command("show", epilog=SHOW_EPILOG)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A ready recipe, or a file.", autocompletion=complete.recipes
        ),
    ],
    as_json: shared.Json = False,
    quiet: shared.Quiet = False,
    debug: shared.Debug = False,
) -> int:
    """The file of a recipe, as a start for one's own."""
    from angle_bench.errors import fix_said_as
    from angle_bench.training.draft import read_draft

    shown = fix_said_as("angle-bench train ", "angle-bench recipes show ")
    with shown, fix_said_as(" -n", ""):
        draft = read_draft(name)
    if as_json:
        typer.echo(json.dumps(draft.content, indent=2, ensure_ascii=False, default=str))
    else:
        typer.echo(draft.text, nl=False)
    return 0


def _said(content: Mapping[str, Any]) -> dict[str, Any]:
    sources = content["data"]["train"]
    models = content["model"]["name"]
    return {
        "description": content.get("description", ""),
        "models": models if isinstance(models, list) else [models],
        "data": [source.get("hub", source.get("path")) for source in sources],
    }


def _few(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]}, {len(names) - 1} more"
