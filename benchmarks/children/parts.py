"""The parts that encoding cannot do without, each alone: tokenising, and the forward pass."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.serving import serve

BATCH = 1024
MAX_LENGTH = 64


class Parts:
    """A tokenizer and a transformer, without any encoder around them."""

    def __init__(self, folder: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        self.texts: list[str] = []
        self.ids: list[np.ndarray] = []

    def read(self, texts: str) -> int:
        """Have the texts in memory."""
        self.texts = json.loads(Path(texts).read_text(encoding="utf-8"))
        return len(self.texts)

    def sort(self) -> int:
        """Tokenise and sort by length, which `forward` does not count."""
        self.ids = [
            np.array(row, dtype=np.int32)
            for start in range(0, len(self.texts), BATCH)
            for row in self._tokenised(start)
        ]
        self.ids.sort(key=len)
        return sum(map(len, self.ids))

    def tokenise(self) -> float:
        """Seconds to tokenise every text."""
        start = time.perf_counter()
        for place in range(0, len(self.texts), BATCH):
            self._tokenised(place)
        return time.perf_counter() - start

    @torch.inference_mode()
    def forward(self) -> float:
        """Seconds of the forward pass over every text, sorted by length."""
        vectors = np.empty((len(self.ids), self.model.config.hidden_size), dtype=np.float32)
        start = time.perf_counter()
        for place in range(0, len(self.ids), BATCH):
            rows = self.ids[place : place + BATCH]
            padded = np.zeros((len(rows), len(rows[-1])), dtype=np.int64)
            mask = np.zeros_like(padded)
            for row, ids in enumerate(rows):
                padded[row, : len(ids)] = ids
                mask[row, : len(ids)] = 1
            real = torch.from_numpy(mask)
            hidden = self.model(torch.from_numpy(padded), attention_mask=real).last_hidden_state
            kept = hidden * real[:, :, None]
            vectors[place : place + BATCH] = kept.sum(1) / real.sum(1, keepdim=True)
        return time.perf_counter() - start

    def _tokenised(self, start: int) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(
            self.texts[start : start + BATCH],
            truncation=True,
            max_length=MAX_LENGTH,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return ids


def main() -> None:
    """Load, then answer `read`, `sort`, `tokenise` and `forward`."""
    parts = Parts(sys.argv[1])
    serve(
        {
            "read": parts.read,
            "sort": parts.sort,
            "tokenise": parts.tokenise,
            "forward": parts.forward,
        }
    )


if __name__ == "__main__":
    main()
