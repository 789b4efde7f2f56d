"""angle-emb's encoder: `… angle_emb_encode MODEL POOLING MAX-LENGTH`.

Its `encode` runs all texts that it is given in one forward pass, so that they are handed to it
by the batch.
"""

import sys

import numpy as np
from angle_emb import AnglE  # type: ignore[import-not-found]

from benchmarks.serving import EncodeCommand, serve

DEFAULT_BATCH = 32


def main() -> None:
    """Load, then answer `ready`, `read` and `encode`."""
    model, pooling, max_length = sys.argv[1:]
    encoder = AnglE.from_pretrained(model, pooling_strategy=pooling, max_length=int(max_length))

    def encode(texts: list[str], batch: int | None) -> np.ndarray:
        size = batch or DEFAULT_BATCH
        parts = [
            encoder.encode(texts[start : start + size], normalize_embedding=True)
            for start in range(0, len(texts), size)
        ]
        return np.concatenate(parts)

    command = EncodeCommand(encode)
    serve({"ready": lambda: True, "read": command.read, "encode": command})


if __name__ == "__main__":
    main()
