"""Panics of the tokenizers library, which are no `Exception` and pass by whoever looks for one."""

from collections.abc import Iterator
from contextlib import contextmanager

from angle_bench.errors import first_line


@contextmanager
def panics_caught() -> Iterator[None]:
    """Raise a panic as an ordinary exception.

    Raises:
        RuntimeError: The library underneath panicked.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # its class cannot be imported
            raise
        raise RuntimeError(f"the tokenizers library panicked: {first_line(error)}") from error
