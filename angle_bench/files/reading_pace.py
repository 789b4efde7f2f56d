"""How far a file is read, said from time to time to whoever listens: a large one takes minutes."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

FIRST_SECONDS = 3.0  # what is read faster is not spoken of
EVERY_SECONDS = 15.0
BYTES = "MB"

Part = TypeVar("Part")
Say = Callable[[str], None]

_LISTENER: ContextVar[Say | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(say: Say | None) -> Iterator[None]:
    """In the block it is said how far files are read; None stops that."""
    before = _LISTENER.set(say)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def paced(
    parts: Iterable[Part],
    doing: str,
    unit: str,
    size: Callable[[Part], int],
    total: int | None = None,
) -> Iterator[Part]:
    """The same parts; how far they are taken is said if that lasts.

    Args:
        parts: Of a file, as they are read, or of what was read of it.
        doing: What is done with them, such as `reading rows.csv`.
        unit: What is counted: `BYTES`, or a word such as `rows`.
        size: How much a part is, in bytes or so many of the unit.
        total: Of all parts; None where nobody knows.
    """
    said, due, done = _LISTENER.get(), time.monotonic() + FIRST_SECONDS, 0
    for part in parts:
        done += size(part)
        if said is not None and time.monotonic() >= due:
            said(f"{doing}: {_so_far(done, total, unit)}")
            due = time.monotonic() + EVERY_SECONDS
        yield part


def _so_far(done: int, total: int | None, unit: str) -> str:
    """`41 %, 1,230,000 of 3,000,000 rows`; without a total `1,230,000 rows`."""
    shown = [_shown(count, unit) for count in (done, total) if count is not None]
    counted = f"{' of '.join(shown)} {unit}"
    return f"{100 * done // total} %, {counted}" if total else counted


def _shown(count: int, unit: str) -> str:
    return f"{count / 1e6:,.1f}" if unit == BYTES else f"{count:,}"
