"""Imports of large libraries, without the garbage collector looking at what they make.

mteb or torch make a million objects that all stay, and the collector would look at them again and
again: a fifth of the time that their import takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import in the body. What the process had of a collector it has again afterwards."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
