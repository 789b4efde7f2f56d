"""`angle-bench recipes`: the ready recipes of `train`."""

from typing import Annotated

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options.groups import OutputOptions, grouped
from angle_bench.cli.output.values import print_json, print_table, shortly

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
@grouped
def list_(
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """The ready recipes: what each trains, and on what."""
    from angle_bench.api.listing import recipes as known

    found = known()
    if said.as_json:
        print_json(found.to_dict())
        return 0
    rows = [[row["name"], _few(row["models"]), shortly(row["description"])] for row in found.rows]
    print_table(rows, ["recipe", "model", ""], numbers=True)
    if not said.quiet:
        typer.echo("what one says: angle-bench recipes show NAME", err=True)
    return 0


@recipes.command("show", epilog=SHOW_EPILOG)
@grouped
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A ready recipe, or a file.", autocompletion=complete.recipes
        ),
    ],
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """The file of a recipe, as a start for one's own."""
    from angle_bench.api.listing import draft_of
    from angle_bench.api.listing import recipes as known

    if said.as_json:
        print_json(known(name).to_dict())
    else:
        typer.echo(draft_of(name).text, nl=False)
    return 0


def _few(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]}, {len(names) - 1} more"
