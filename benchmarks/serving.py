"""The child's side of `benchmarks.processes.Server`; the standard library is all it needs."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def serve(commands: Mapping[str, Callable[..., Any]]) -> None:
    """Answer commands, one JSON line each, until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        answer = commands[request["command"]](**request["options"])
        print(json.dumps(answer), file=answers, flush=True)


class EncodeCommand:
    """The command `encode`, which every encoder answers alike.

    Args:
        encode: Texts and a batch size (None: the encoder's own) to a float array.
        tokens: How many tokens the encoder has forwarded so far, where it counts them.
    """

    def __init__(
        self,
        encode: Callable[[list[str], int | None], Any],
        tokens: Callable[[], int] | None = None,
    ) -> None:
        self._encode = encode
        self._tokens = tokens or (lambda: 0)
        self._read: tuple[str, list[str]] = ("", [])

    def __call__(
        self, texts: str, first: int | None = None, batch: int | None = None, save: str = ""
    ) -> dict[str, Any]:
        """Encode the texts of a file.

        Args:
            texts: A JSON file with a list of texts.
            first: Only so many of them.
            batch: The batch size.
            save: Where to save the vectors as npy.
        """
        chosen = self.texts(texts)[:first]
        before = self._tokens()
        start = time.perf_counter()
        vectors = self._encode(chosen, batch)
        seconds = time.perf_counter() - start
        if save:
            import numpy as np

            np.save(save, vectors)
        return {
            "seconds": seconds,
            "texts": len(chosen),
            "tokens": self._tokens() - before,
            "bytes": int(vectors.nbytes),
        }

    def texts(self, place: str) -> list[str]:
        """The texts of a file, read once."""
        if self._read[0] != place:
            self._read = (place, json.loads(Path(place).read_text(encoding="utf-8")))
        return self._read[1]

    def read(self, texts: str) -> int:
        """The command `read`: have the texts in memory before anything is measured."""
        return len(self.texts(texts))
