"""`angle-bench models`: the checkpoints that are known by name."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from angle_bench.cli import complete
from angle_bench.cli import options as shared
from angle_bench.cli.groups import Said, Shown, Where, grouped
from angle_bench.errors import AngleBenchError, UsageError, did_you_mean, or_list

if TYPE_CHECKING:
    from angle_bench.checkpoints.access import Access
    from angle_bench.checkpoints.entry import Entry

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

DISAGREES = 3


@models.command("list", epilog=LIST_EPILOG)
@grouped
def list_(
    said: Shown = Shown(),  # noqa: B008  frozen
) -> int:
    """The registry, and the rows of your own angle-bench.toml."""
    from angle_bench.checkpoints.registry import registry, users_entries

    entries = list({e.name: e for e in (*registry().values(), *users_entries())}.values())
    if said.as_json:
        known = [entry.to_dict() for entry in entries]
        typer.echo(json.dumps(known, indent=2, ensure_ascii=False))
        return 0
    from tabulate import tabulate

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
    typer.echo(tabulate(rows, heads, tablefmt="simple", disable_numparse=True))
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
    said: Shown = Shown(),  # noqa: B008  frozen
) -> int:
    """All that is known of a checkpoint: settings, prompts, source, published scores."""
    entry = _entry(name)
    known = entry.to_dict()
    if said.as_json:
        typer.echo(json.dumps(known, indent=2, ensure_ascii=False))
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
    said: Said = Said(),  # noqa: B008  frozen
) -> int:
    """Do rows agree with their checkpoints' files? Of a folder: what is honoured, key by key.

    Exit code 3 if a row does not agree, or a folder is refused.
    """
    shared.prepare_environment(where.offline, said.quiet, said.verbose)
    folders = [name for name in names if _is_folder(name)]
    if folders:
        _refuse_both(names, folders)
        access = where.access()
        return _check_folders(folders, access, said.as_json)
    from angle_bench.checkpoints import hub
    from angle_bench.checkpoints.check import differences
    from angle_bench.checkpoints.resolve import resolve

    found: dict[str, list[str]] = {}
    missing: dict[str, AngleBenchError] = {}
    access = where.access()
    for name in names:
        entry = _entry(name)
        try:
            spec = resolve(name, None, access)
            folder = spec.folder or hub.fetch(spec.name, spec.revision)
            found[name] = differences(entry, folder, access)
        except AngleBenchError as error:
            missing[name] = error
    if said.as_json:
        errors = {name: why.what for name, why in missing.items()}
        typer.echo(json.dumps({"differences": found, "errors": errors}, indent=2))
    else:
        for name, lines in found.items():
            typer.echo(f"{name}  {'differs' if lines else 'agrees with its files'}")
            for line in lines:
                typer.echo(f"  {line}")
    for name, why in missing.items():
        typer.echo(f"error: {name}: {why}", err=True)
    if any(found.values()):
        return DISAGREES
    return 1 if missing else 0


def _is_folder(name: str) -> bool:
    from angle_bench.checkpoints.registry import find

    return Path(name).expanduser().is_dir() and find(name) is None


def _refuse_both(names: list[str], folders: list[str]) -> None:
    others = [name for name in names if name not in folders]
    if others:
        raise UsageError(
            f"{folders[0]} is a folder and {others[0]} is none.",
            f"angle-bench models check {' '.join(folders)}",
        )


def _check_folders(folders: list[str], access: "Access", as_json: bool) -> int:
    """Print what comes of every file and key; exit code 3 if one is refused."""
    from dataclasses import asdict

    from tabulate import tabulate

    from angle_bench.checkpoints.folder_check import check_folder

    found = {name: check_folder(Path(name).expanduser(), access) for name in folders}
    if as_json:
        plain = {name: [asdict(one) for one in all_] for name, all_ in found.items()}
        typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, default=str))
    else:
        for name, all_ in found.items():
            rows = [[one.file, one.key, _cell(one.value), one.verdict, one.why] for one in all_]
            heads = ["file", "key", "value", "verdict", "by or why"]
            typer.echo(name)
            typer.echo(tabulate(rows, heads, tablefmt="simple", disable_numparse=True))
            counts = Counter(one.verdict for one in all_)
            said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
            whole = ": sentence-transformers computes the whole folder"
            typer.echo(f"{said}{whole if counts['handed over'] else ''}")
    refused = any(one.verdict == "refused" for all_ in found.values() for one in all_)
    return DISAGREES if refused else 0


def _cell(value: Any) -> str:
    text = "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _entry(name: str) -> "Entry":
    from angle_bench.checkpoints.registry import find, registry, users_entries

    if (entry := find(name)) is not None:
        return entry
    near = did_you_mean(name, [*(e.name for e in users_entries()), *registry()])
    hint = f" Did you mean {or_list(near)}?" if near else ""
    what = f"no row of the registry is called {name}.{hint}"
    raise UsageError(
        what, f"angle-bench models show {near[0]}" if near else "angle-bench models list"
    )


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
    from angle_bench.checkpoints.known import mteb_models

    return set(mteb_models()) - {entry.name for entry in entries}


def _lines(key: str, value: Any) -> list[tuple[str, str]]:
    """Nested tables as dotted keys."""
    if isinstance(value, dict):
        return [line for inner, v in value.items() for line in _lines(f"{key}.{inner}", v)]
    return [(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value))]
