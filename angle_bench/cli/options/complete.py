"""What a shell offers after an option: `angle-bench --install-completion`."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import typer

from angle_bench.errors import AngleBenchError

# what a folder holds that -m takes
_CHECKPOINT = ("config.json", "adapter_config.json", "angle_bench.json", "modules.json")
# a name with one of these would have to be quoted
_SHELL_SIGNS = set(" ()'\"$&;|<>*?")

Complete = Callable[[str], list[str]]


def choices(*values: str) -> Complete:
    """A function that offers those of some values that go on from what was typed."""

    def offered(incomplete: str) -> list[str]:
        return _starting(values, incomplete)

    return offered


def models(incomplete: str) -> list[str]:
    """Names of the registry and of the user's files, and folders that hold a checkpoint."""
    label, word = _label(incomplete)
    return [label + name for name in _starting([*_known_models(), *_checkpoints(word)], word)]


def registry_names(incomplete: str) -> list[str]:
    """Names of the registry and of the user's files."""
    return _starting(_known_models(), incomplete)


def scored(ctx: typer.Context, incomplete: str) -> list[str]:
    """Labels and names of models with scores in the results folder, and checkpoint folders."""
    label, listed = _label(incomplete)
    before, comma, word = listed.rpartition(",")
    names = [*_scored_names(_results(ctx)), *_checkpoints(word)]
    return [label + before + comma + name for name in _starting(names, word)]


def tasks(incomplete: str) -> list[str]:
    """Suites, and once letters are typed also tasks and benchmarks; after commas too."""
    before, comma, word = incomplete.rpartition(",")
    taken = set(before.split(","))
    names = [name for name in _starting(_known_tasks(bool(word)), word) if name not in taken]
    return [before + comma + name for name in names]


def recipes(incomplete: str) -> list[str]:
    """The ready recipes; files of one's own are offered by the shell."""
    from angle_bench.training.recipe.read_recipe import recipe_names

    return _starting(recipe_names(), incomplete)


def _starting(names: Iterable[str], typed: str) -> list[str]:
    found = [name for name in dict.fromkeys(names) if name.startswith(typed)]
    return [name for name in found if name.isprintable() and not _SHELL_SIGNS & set(name)]


def _label(typed: str) -> tuple[str, str]:
    """`LABEL=` and the rest."""
    label, sign, rest = typed.partition("=")
    return (label + sign, rest) if sign else ("", typed)


def _known_models() -> list[str]:
    """Short names first, since these are what people type."""
    from angle_bench.checkpoints.registry.registry import registry, users_entries

    entries = list(registry().values())
    with suppress(AngleBenchError):  # a file that cannot be read is for the command to speak of
        entries = [*users_entries(), *entries]
    return [*(entry.short_name for entry in entries), *(entry.name for entry in entries)]


def _checkpoints(typed: str) -> list[str]:
    """The folders beside what was typed that hold a checkpoint, as they would be typed."""
    before, slash, _ = typed.rpartition("/")
    parent = Path(before + slash).expanduser()
    try:
        places = sorted(entry.name for entry in os.scandir(parent) if entry.is_dir())
    except OSError:
        return []
    held = [name for name in places if any((parent / name / file).exists() for file in _CHECKPOINT)]
    return [before + slash + name for name in held]


def _results(ctx: typer.Context) -> Path:
    return Path(ctx.params.get("results") or os.environ.get("ANGLE_BENCH_RESULTS") or "results")


def _scored_names(folder: Path) -> list[str]:
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.results.layout import results_root

    try:
        found = stored_models(results_root(folder, write=False))
    except AngleBenchError:
        return []
    return [*(model.label for model in found), *(model.name for model in found)]


def _known_tasks(every: bool) -> list[str]:
    from angle_bench.suites.names import known_names
    from angle_bench.suites.shipped import suites

    if not every:
        return list(suites())
    try:
        return known_names()
    except AngleBenchError:  # the user's own file cannot be read; ours still can
        return [*suites(), *(task.name for suite in suites().values() for task in suite.task)]
