"""StoreIdentity and the Store protocol: the key of a vector, and what a store can be asked."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PLAN_VERSION = 2  # of how texts become vectors; vectors of another version never answer


@dataclass(frozen=True)
class StoreIdentity:
    """What a vector depends on beside its text.

    Attributes:
        content: The content hash of the checkpoint.
        settings: The canonical settings, without the size that vectors are cut to.
        label: What `cache info` shows.
    """

    content: str
    settings: str
    label: str

    def prefix(self) -> bytes:
        """What every key of this identity is hashed with; it says itself where it ends."""
        return json.dumps([self.content, self.settings, PLAN_VERSION]).encode()

    @property
    def table(self) -> bytes:
        """The name of the identity's table."""
        return hashlib.blake2b(self.prefix(), digest_size=16).hexdigest().encode()

    def keys(self, texts: Iterable[str]) -> list[bytes]:
        """The keys of rendered texts (CONTRACTS "Vector store")."""
        start = hashlib.blake2b(self.prefix(), digest_size=32)
        keys = []
        for text in texts:
            key = start.copy()
            key.update(text.encode("utf-8", errors="surrogatepass"))
            keys.append(key.digest())
        return keys


class Store(Protocol):
    """Where vectors are kept between uses.

    Attributes:
        problem: Why a `put`, `get` or `touch` could not do all it was asked for, in a sentence
            for the user, of the last one that could not; None if none has failed.
    """

    problem: str | None

    def get(
        self, identity: StoreIdentity, keys: Sequence[bytes], dimension: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """The vectors of keys.

        Returns:
            Which keys have a vector of this dimension, shape (n,), and the vectors, shape
            (n, dimension), zero where there is none.
        """
        ...

    def put(
        self, identity: StoreIdentity, keys: Sequence[bytes], vectors: NDArray[np.float32]
    ) -> bool:
        """Store vectors, shape (n, dimension); False where not all of them are stored."""
        ...

    def rounded(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are read back, so that computed and stored ones give the same scores.

        Raises:
            ModelError: A number is too large for what vectors are stored as.
        """
        ...

    def findings(self) -> list[str]:
        """What was read and is not as it was stored, a sentence for the user each, with counts."""
        ...

    def holds(self, identity: StoreIdentity) -> bool:
        """Whether there is any vector of an identity."""
        ...

    def touch(self, identity: StoreIdentity) -> None:
        """Note that an identity is used, so that it is not the next to be evicted."""
        ...

    def close(self) -> None:
        """Release what the store holds."""
        ...
