"""Vectors on their way into the store."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from angle_bench.encoding.plan import Indices
from angle_bench.encoding.workers.contract import Vectors

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store, StoreIdentity

FLUSH_SECONDS = 10.0
FLUSH_BYTES = 64 << 20


class Pending:
    """Vectors that wait to be stored together: a transaction for each would be slow.

    Args:
        store: Where they go; None keeps nothing.
        identities: Whose they are, one for each output of the workers.
        texts: Theirs, by place.
        seconds: How long they wait at most.
    """

    def __init__(
        self,
        store: "Store | None",
        identities: Sequence["StoreIdentity"],
        texts: Sequence[str],
        seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._store = store
        self._identities = identities
        self._texts = texts
        self._seconds = seconds
        self._parts: list[tuple[Indices, Vectors]] = []
        self._bytes = 0
        self._flushed = time.monotonic()

    def add(self, places: Indices, vectors: Vectors) -> None:
        """Take vectors, (texts, outputs, width); store all that wait now and then."""
        if not self._identities:
            return
        self._parts.append((places, vectors))
        self._bytes += vectors.nbytes
        late = time.monotonic() - self._flushed >= self._seconds
        if late or self._bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store all that wait."""
        if self._parts and self._store is not None:
            texts = [self._texts[i] for places, _ in self._parts for i in places]
            vectors = np.concatenate([part for _, part in self._parts])
            for output, identity in enumerate(self._identities):
                self._store.put(identity, identity.keys(texts), vectors[:, output])
        self._parts, self._bytes, self._flushed = [], 0, time.monotonic()
