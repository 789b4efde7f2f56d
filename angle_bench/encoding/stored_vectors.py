"""The vectors of a checkpoint in the store: under which identities, and looking them up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import head_and_tail
from angle_bench.encoding.workers.contract import Vectors

if TYPE_CHECKING:
    from angle_bench.encoding.store.interface import Store, StoreIdentity

LOOK_UP = 1 << 16


class StoredVectors:
    """What the store has of a checkpoint.

    Args:
        store: Where vectors are kept, if anywhere.
        identities: Whose they are without a template: one for each output of the workers.
        settings: Of the checkpoint.
    """

    def __init__(
        self, store: "Store | None", identities: Sequence["StoreIdentity"], settings: Settings
    ) -> None:
        self._store = store
        self._plain = identities
        self._settings = settings
        self._touched: set[StoreIdentity] = set()

    def identities(self, template: str) -> Sequence["StoreIdentity"]:
        """Whose vectors they are under a template; empty where nothing is kept.

        Where a text is cut depends on the template's tail, too, and what of it is pooled may
        depend on its head.
        """
        if self._store is None:
            return ()
        head, tail = head_and_tail(template)
        more = f" tail {len(tail)}" if tail else ""
        if head and not self._settings.include_prompt:
            more += f" head {len(head)}"
        if not more:
            return self._plain
        return [replace(one, settings=f"{one.settings}{more}") for one in self._plain]

    def look_up(
        self, identity: "StoreIdentity", texts: list[str], vectors: Vectors
    ) -> NDArray[np.bool_]:
        """Read what is there into `vectors`, (texts, width), and say which texts it is of."""
        assert self._store is not None
        found = np.zeros(len(texts), dtype=bool)
        for start in range(0, len(texts), LOOK_UP):
            part = slice(start, start + LOOK_UP)
            keys = identity.keys(texts[part])
            found[part], vectors[part] = self._store.get(identity, keys, vectors.shape[1])
        if identity not in self._touched:
            self._touched.add(identity)
            self._store.touch(identity)
        return found
