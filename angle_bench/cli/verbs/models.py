"""`angle-bench models`: the checkpoints that are known by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli.options import complete
from angle_bench.cli.options import options as shared
from angle_bench.cli.options.groups import OutputOptions, VerbosityOptions, Where, grouped
from angle_bench.cli.output.values import print_json, print_table, print_value

if TYPE_CHECKING:
    from angle_bench.checkpoints.registry.entry import Entry

LIST_EPILOG = """
Examples:

angle-bench models list

angle-bench models list --json
"""
SHOW_EPILOG = """
Examples:

angle-bench models show UAE-Large-V1

angle-bench models show angle-llama-7b-nli-v2 --json
"""
CHECK_EPILOG = """
Examples:

angle-bench models check all-MiniLM-L6-v2

angle-bench models check ./checkpoint-500

angle-bench models check UAE-Large-V1 bge-base-en-v1.5 --mirror bundle/
"""

models = typer.Typer(help="The checkpoints that are known by name.", no_args_is_help=True)


@models.command("list", epilog=LIST_EPILOG)
@grouped
def list_(
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """The registry, and the rows of your own angle-bench.toml."""
    from angle_bench.api.listing import entries as every
    from angle_bench.api.listing import models as known

    if said.as_json:
        print_json(known().to_dict())
        return 0
    entries = every()
    rows = [
        [
            entry.name,
            "-" if entry.pooling is None else str(entry.pooling),
            _prompt(entry),
            entry.max_length or "-",
            entry.dtype or "float32",
            _weights(entry),
        ]
        for entry in entries
    ]
    heads = ["name", "pooling", "prompt", "max", "dtype", "weights"]
    print_table(rows, heads)
    if not said.quiet:
        others = len(_mteb_only(entries))
        typer.echo(f"and {others:,} names of mteb, folders, and hub repositories", err=True)
    return 0


@models.command("show", epilog=SHOW_EPILOG)
@grouped
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A name of models list.",
            autocompletion=complete.registry_names,
        ),
    ],
    said: OutputOptions = OutputOptions(),  # noqa: B008  frozen
) -> int:
    """All that is known of a checkpoint: settings, prompts, source, published scores."""
    from angle_bench.api.listing import models as listed

    known = listed(name).to_dict()
    if said.as_json:
        print_json(known)
        return 0
    published = known.pop("published", [])
    for key, value in known.items():
        for line_key, text in _lines(key, value):
            typer.echo(f"{line_key:<21} {text}")
    for each in published:
        known = {**each.get("scores", {}), **each.get("types", {})}
        scores = "  ".join(f"{name} {score:.2f}" for name, score in known.items())
        mean = "" if each.get("average") is None else f" mean {each['average']:.2f}"
        typer.echo(f"published on {each['suite']} ({each['source']}):{mean}\n  {scores}")
    return 0


@models.command("check", epilog=CHECK_EPILOG)
@grouped
def check(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME-OR-FOLDER...",
            help="Names of models list, or checkpoint folders.",
            autocompletion=complete.registry_names,
        ),
    ],
    where: Where = Where(),  # noqa: B008  frozen
    said: VerbosityOptions = VerbosityOptions(),  # noqa: B008  frozen
) -> int:
    """Do rows agree with their checkpoints' files? Of a folder: what is honoured, key by key.

    Exit code 3 if a row does not agree, or a folder is refused.
    """
    shared.prepare_environment(where.offline, said.quiet, said.verbose)

    from angle_bench.api.checking import checked

    found = checked(names, where.access())
    print_value(found, said.as_json)
    for name, why in found.failures.items():
        typer.echo(f"error: {name}: {why}", err=True)
    return found.exit_code


def _prompt(entry: "Entry") -> str:
    from angle_bench.checkpoints.prompts import PromptPolicy
    from angle_bench.checkpoints.templates import named

    policy = entry.prompts or PromptPolicy()
    templates = set(policy.templates()) - {""}
    if not templates:
        return "none"
    if templates == {policy.default}:
        letter = named(policy.default)
        return letter if len(letter) == 1 else "its own"
    letters = ", ".join(sorted(named(template) for template in templates))
    return f"{letters if len(letters) < 4 else 'its own'} on some tasks"


def _weights(entry: "Entry") -> str:
    if entry.endpoint is not None:
        return "endpoint"
    if entry.base is not None:
        return f"adapter of {entry.base}"
    if entry.path is not None:
        return _short(entry.path)
    return "in a package" if entry.package and entry.package.locate() else "hub"


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _mteb_only(entries: "list[Entry]") -> set[str]:
    from angle_bench.checkpoints.registry.mteb_models import mteb_models

    return set(mteb_models()) - {entry.name for entry in entries}


def _lines(key: str, value: Any) -> list[tuple[str, str]]:
    """Nested tables as dotted keys."""
    if isinstance(value, dict):
        return [line for inner, v in value.items() for line in _lines(f"{key}.{inner}", v)]
    return [(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value))]
