"""Errors and warnings in the language of the caller: a shell's options or Python's arguments."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from angle_bench.errors import AngleBenchError, printable

P = ParamSpec("P")
R = TypeVar("R")
Names = str | Sequence[str]
Places = str | os.PathLike[str]

_TYPED: ContextVar[bool] = ContextVar("typed", default=False)


@contextmanager
def typed() -> Iterator[None]:
    """Within it the caller is the command line, whose user types options."""
    token = _TYPED.set(True)
    try:
        yield
    finally:
        _TYPED.reset(token)


def public(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors say what to pass, where they are not those of the command line."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except AngleBenchError as error:
            if not _TYPED.get():
                error.verb = "pass"
            raise

    return called


def warn(lines: Iterable[str]) -> None:
    """Say lines as warnings of Python; the command line says them itself."""
    if not _TYPED.get():
        for line in lines:
            warnings.warn(printable(line), stacklevel=4)


def listed(names: "Names | os.PathLike[str]") -> list[str]:
    """One name or several, as a list.

    >>> listed("a"), listed(("a", "b"))
    (['a'], ['a', 'b'])
    """
    return [str(names)] if isinstance(names, str | os.PathLike) else [str(each) for each in names]


def words_of(names: Names) -> tuple[str, ...]:
    """The words of one text with commas, or of several.

    >>> words_of("int8, binary"), words_of(["int8"]), words_of(())
    (('int8', 'binary'), ('int8',), ())
    """
    return tuple(word.strip() for text in listed(names) for word in text.split(","))


def place(path: Places) -> Path:
    """A path, with `~` as the user's home."""
    return Path(path).expanduser()
