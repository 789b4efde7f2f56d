"""The vector store as a command asked for it, and what is said where it cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from angle_bench.errors import UsageError, next_step
from angle_bench.evaluation.run.run_options import StoreOptions

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store

MEMORY_STORE_BYTES = 2 << 30


class Warned(Protocol):
    """Whoever is told what a user should know."""

    def warning(self, text: str) -> None:
        """Something that the user should know."""


@contextmanager
def opened_store(store_options: StoreOptions, progress: Warned) -> "Iterator[Store]":
    """The vector store; where there is none, vectors are kept until the block ends.

    Raises:
        UsageError: The folder that was named cannot hold one.
    """
    kept = _open(store_options, progress)
    try:
        yield kept
    finally:
        for line in [kept.problem, *kept.findings()]:
            if line:
                progress.warning(line)
        kept.close()


def _open(store_options: StoreOptions, progress: Warned) -> "Store":
    from angle_bench.encoding.store.lmdb_store import open_store
    from angle_bench.encoding.store.memory import MemoryStore

    if not store_options.on:
        return MemoryStore(MEMORY_STORE_BYTES)
    try:
        opened = open_store(store_options.folder, store_options.limit_bytes, store_options.dtype)
    except UsageError as error:
        if store_options.folder is not None:  # it was asked for by name
            raise
        progress.warning(f"{error.what} No vector is kept; {next_step(error.fix)}")
        return MemoryStore(MEMORY_STORE_BYTES)
    if opened.moved:
        progress.warning(opened.moved)
    return opened
