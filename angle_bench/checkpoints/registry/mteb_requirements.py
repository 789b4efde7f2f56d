"""Whether the code of a name of mteb can run beside the versions that are installed here."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from angle_bench.checkpoints.registry.mteb_models import required_extras
from angle_bench.errors import shell_word, some

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_SHOWN = 4  # tasks that a recipe names


def cannot_run(name: str) -> str | None:
    """Why the code of a name of mteb cannot run here; None where nothing that mteb asks for lacks.

    mteb itself says what each of its models needs beside it.
    """
    lacking = unmet(tuple(required_extras(name)))
    return f"mteb's code of {name} cannot run here: {some(lacking)}." if lacking else None


def elsewhere(name: str, tasks: Sequence[str] = ()) -> str:
    """The command that scores a name in an environment of its own, and what reads the scores.

    Args:
        name: A name of mteb.
        tasks: What it is scored on.
    """
    extras = required_extras(name)
    package = f"mteb[{','.join(extras)}]" if extras else "mteb"
    said = " ".join(shell_word(task) for task in tasks[:_SHOWN]) or "STSBenchmark"
    more = " …" if len(tasks) > _SHOWN else ""
    return (
        f"uv run --no-project --with {shell_word(package)} mteb run -m {shell_word(name)} "
        f"-t {said}{more} --output-folder theirs, then angle-bench leaderboard results theirs"
    )


@cache
def unmet(extras: tuple[str, ...]) -> list[str]:
    """What these extras of mteb ask for and is not here, or in another version."""
    from packaging.requirements import Requirement

    asked = [Requirement(text) for text in _requirements()]
    needed = {
        str(each).partition(";")[0].strip(): each
        for each in asked
        if each.marker is not None
        and any(each.marker.evaluate({"extra": extra}) for extra in extras)
    }
    said = {text: _differs(each) for text, each in needed.items()}
    return [f"it needs {text}, {found}" for text, found in said.items() if found]


def _requirements() -> list[str]:
    for name in ("mteb-core", "mteb"):  # one of which is installed
        try:
            return requires(name) or []
        except PackageNotFoundError:
            continue
    return []


def _differs(needed: "Requirement") -> str | None:
    """How what is installed differs from what is needed."""
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return "which is not installed"
    return None if needed.specifier.contains(found, prereleases=True) else f"and {found} is here"
