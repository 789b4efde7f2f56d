"""sentence-transformers' encoder: `… sentence_transformers_encode MODEL DEVICE DTYPE`."""

import sys
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from benchmarks.serving import EncodeCommand, serve


def main() -> None:
    """Load, then answer `ready`, `read` and `encode`."""
    model, device, dtype = sys.argv[1:]
    encoder = SentenceTransformer(
        model, device=device, model_kwargs={"dtype": getattr(torch, dtype)}
    )

    def encode(texts: list[str], batch: int | None) -> object:
        options: dict[str, Any] = {} if batch is None else {"batch_size": batch}
        return encoder.encode(texts, show_progress_bar=False, **options)

    command = EncodeCommand(encode)
    serve({"ready": lambda: True, "read": command.read, "encode": command})


if __name__ == "__main__":
    main()
