"""A vector store in memory, for a run that keeps nothing on disk."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from angle_bench.encoding.store.interface import StoreIdentity


class MemoryStore:
    """A store that ends with the process.

    It exists for `--no-cache`, where a suite's texts are encoded before the first task and each
    task then asks for its own. Once full it stores no more, without a word: texts that it does
    not hold are encoded when a task asks for them.

    Attributes:
        problem: Always None, since a full memory is nothing a user has to act on.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.problem: str | None = None
        self._limit = limit_bytes
        self._size = 0
        self._vectors: dict[bytes, NDArray[np.float32]] = {}

    def get(
        self, identity: StoreIdentity, keys: Sequence[bytes], dimension: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The vectors of keys (see `Store.get`)."""
        found = np.zeros(len(keys), np.bool_)
        vectors = np.zeros((len(keys), dimension), np.float32)
        for place, key in enumerate(keys):  # a key names its identity too
            vector = self._vectors.get(key)
            if vector is not None and len(vector) == dimension:
                found[place] = True
                vectors[place] = vector
        return found, vectors

    def put(
        self, identity: StoreIdentity, keys: Sequence[bytes], vectors: NDArray[np.float32]
    ) -> bool:
        """Store vectors as long as there is room; False where not all of them are stored."""
        if np.ndim(vectors) != 2 or len(vectors) != len(keys):
            raise ValueError(f"{len(keys)} keys for vectors of shape {np.shape(vectors)}")
        for key, vector in zip(keys, vectors, strict=True):
            old = self._vectors.get(key)
            grown = self._size + 4 * len(vector) - (0 if old is None else old.nbytes)
            if grown > self._limit:
                return False
            # a copy: a view would hold the whole batch that the vector came in
            self._vectors[key] = np.array(vector, np.float32)
            self._size = grown
        return True

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are: memory keeps them so."""
        return vectors

    def findings(self) -> list[str]:
        """Nothing: memory is not read back from a disk."""
        return []

    def holds(self, identity: StoreIdentity) -> bool:
        """Never known beforehand: what is in memory was computed by this very process."""
        return False

    def touch(self, identity: StoreIdentity) -> None:
        """Nothing is evicted, so nothing is noted."""

    def close(self) -> None:
        """Forget everything."""
        self._vectors.clear()
        self._size = 0
