"""Which model a folder of result files is of: by `model_meta.json`, else by the folder's path.

What neither says is not guessed: two folders are of one model only where both say its name, or
where they are revisions in one folder of a model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPERIMENTS = "experiments"
NO_REVISION = "no_revision_available"
EXTERNAL = "external"
RESULTS = "results"

_COMMIT = re.compile(r"(sha256-)?[0-9a-f]{6,64}")
_WHOLE = 40  # digits of a commit that nobody shortened
_NAMED = {NO_REVISION, "no_revision", EXTERNAL, "main", "master"}
_NOT_APPLICABLE = ["N", "A"]  # the revision `N/A` is two folders
_NO_NAME = "no_model_name"  # what mteb writes of a model that has none


@dataclass(frozen=True)
class Identity:
    """The model of a folder.

    Attributes:
        name: With its organisation where that is known; None where nothing says it.
        revision: The name of the revision's folder, or `no_revision_available`.
        settings: The name of the folder below `experiments`, if it is in one.
        place: The folder of the model, in which its revisions are; the folder itself where it may
            be a revision or a model of its own.
        stated: Whether `model_meta.json`, or a name `<org>__<model>` as mteb writes it, says the
            name.
    """

    name: str | None
    revision: str
    settings: str | None
    place: Path
    stated: bool


def is_commit(revision: str) -> bool:
    """Whether a revision is told by its content.

    A short one has digits and letters: digits alone may be a date or a seed, letters a word.
    """
    mixed = not revision.isdecimal() and not revision.isalpha()
    return _COMMIT.fullmatch(revision) is not None and (mixed or len(revision) >= _WHOLE)


def identity(top: Path, parts: Sequence[str], meta: dict[str, Any], *, own: bool) -> Identity:
    """The model of a folder.

    Args:
        top: The folder that was typed, as an absolute path.
        parts: The way from there to the folder.
        meta: Its `model_meta.json`; empty where there is none.
        own: Whether angle-bench wrote it; then the folder is that of a revision.
    """
    path = [top.parent.name, top.name, *parts]
    settings = None
    if len(path) > 2 and path[-2] == EXPERIMENTS:
        settings = path[-1]
        path = path[:-2]
    depth = _revision_depth(path, meta, own)
    at = len(path) - 1 - depth
    revision = "/".join(path[at + 1 :]) or NO_REVISION

    def made(name: str | None, place: int, revision: str = revision, *, stated: bool) -> Identity:
        return Identity(name, revision, settings, top.parent.joinpath(*path[1 : place + 1]), stated)

    if at < 0:
        return made(None, 0, stated=False)
    if (name := _name_of(meta)) is not None:
        if own or _is_called(path, at, name):
            return made(name, at, stated=True)
        if depth == 0 and _is_called(path, at - 1, name):
            return made(name, at - 1, path[at], stated=True)
        return made(name, at, _text(meta.get("revision")) or revision, stated=False)
    if _by_convention(path[at]):
        return made(_as_name(path[at]), at, stated=True)
    if depth == 0 and at > 0 and _by_convention(path[at - 1]) and (at > 1 or len(path) == 2):
        return made(_as_name(path[at - 1]), at, path[at], stated=False)
    return made(_by_path(path, at), at, stated=False)


def _revision_depth(path: Sequence[str], meta: dict[str, Any], own: bool) -> int:
    """How many folders at the end of a path are a revision: none, one, or two for `N/A`."""
    if list(path[-2:]) == _NOT_APPLICABLE:
        return 2
    last = path[-1]
    if own or last in _NAMED or last == meta.get("revision"):
        return 1
    whole = len(last) >= _WHOLE or not last.isalnum()  # a short commit may be a model's name, too
    return int(is_commit(last) and (whole or _by_convention(path[-2])))


def _name_of(meta: dict[str, Any]) -> str | None:
    name = _text(meta.get("name"))
    return None if name is None or name.startswith(_NO_NAME) else name


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and value.isprintable() else None


def _is_called(path: Sequence[str], at: int, name: str) -> bool:
    """Whether the folder at a place of the path is called as the model is."""
    if at < 0:
        return False
    short = name.rpartition("/")[2]
    written = {name.replace("/", "__").replace(" ", "_"), name.replace("/", "__"), short}
    return path[at] in written


def _by_convention(folder: str) -> bool:
    return folder.find("__") > 0


def _as_name(folder: str) -> str:
    """`org/model` for the folder `org__model`."""
    return shown(folder.replace("__", "/", 1))


def _by_path(path: Sequence[str], at: int) -> str | None:
    """The last two folders below what was typed, else what was typed itself."""
    below = list(path[2 : at + 1])
    while RESULTS in below:
        below = below[below.index(RESULTS) + 1 :]
    if not below:
        below = [] if path[at] == RESULTS else [path[at]]
    return shown("/".join(below[-2:])) or None


def shown(name: str) -> str:
    r"""The name of a folder as text that can be written: bytes that are no UTF-8 as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
