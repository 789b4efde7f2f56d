"""The extras of this package: what each brings, whether it is here, and what to type if not."""

import re
from importlib.metadata import PackageNotFoundError, metadata, version
from importlib.util import find_spec

from angle_bench.errors import UsageError, some

# what the extra `all` brings to load, evaluate and train models, as it is imported
MODULES = (
    *("accelerate", "datasets", "huggingface_hub", "mteb", "peft", "scipy"),
    *("sentence_transformers", "sklearn", "threadpoolctl", "torch", "transformers"),
)
_OF_EXTRA = re.compile(r"([\w.-]+)[^;]*;.*\bextra == ['\"]([\w-]+)['\"]")
_FOR_DEVELOPERS = "dev"


def needs_all(verb: str) -> None:
    """Refuse what loads, evaluates or trains models where the extra `all` is not installed.

    Args:
        verb: What was asked: a verb, or a checkpoint of the hub.

    Raises:
        UsageError: A package of the extra is not installed.
    """
    lacking = [name for name in MODULES if find_spec(name) is None]
    if lacking:
        raise UsageError(
            f"{verb} needs the extra `all`, which is not installed: no {some(lacking)}.",
            f"{_without_core()}pip install 'angle-bench[all]'",
        )


def _without_core() -> str:
    """mteb-core and mteb write the same files: one goes before the other comes."""
    return "" if version_of("mteb-core") is None else "pip uninstall -y mteb-core && "


def version_of(package: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def extras() -> dict[str, dict[str, str | None]]:
    """The packages that each extra names, with their versions; None of what is not installed."""
    try:
        said = metadata("angle-bench")
    except PackageNotFoundError:  # a checkout on the path, which nothing has installed
        return {}
    names = [name for name in said.get_all("Provides-Extra") or () if name != _FOR_DEVELOPERS]
    found: dict[str, dict[str, str | None]] = {name: {} for name in names}
    for line in said.get_all("Requires-Dist") or ():
        match = _OF_EXTRA.match(line)
        if match and match[2] in found and match[1] != "angle-bench":
            found[match[2]][match[1]] = version_of(match[1])
    return found
