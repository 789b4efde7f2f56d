"""Encoder: a checkpoint that turns texts into vectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from angle_bench.encoding.plan import cut_batches, deduplicate
from angle_bench.encoding.tokenise import tokenise
from angle_bench.errors import ModelError
from angle_bench.models.backbone import Backbone
from angle_bench.models.pooling import POOLINGS
from angle_bench.models.prompts import PLACEHOLDER, render
from angle_bench.models.spec import Settings

Vectors = NDArray[np.float32]
TextsDone = Callable[[int], None]

BATCH_TOKENS = {"cpu": 4096, "mps": 8192, "cuda": 65536}


@dataclass
class Counts:
    """What an encoder has done so far.

    Attributes:
        texts: Texts asked for.
        forwarded: Texts that went through the model: each distinct one of a call once.
        tokens: Real tokens that went through the model, without padding.
    """

    texts: int = 0
    forwarded: int = 0
    tokens: int = 0


class Encoder:
    """A loaded checkpoint with its settings."""

    def __init__(self, backbone: Backbone, settings: Settings, batch_tokens: int | None) -> None:
        self.backbone = backbone
        self.settings = settings
        self.batch_tokens = batch_tokens or BATCH_TOKENS.get(backbone.device.type, 4096)
        self.counts = Counts()

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.backbone.model.config.hidden_size)

    def encode(
        self, texts: Sequence[str], template: str = "", done: TextsDone | None = None
    ) -> Vectors:
        """Vectors of texts, in their order.

        Args:
            texts: Any number of texts; equal ones are computed once.
            template: A prompt that holds `{text}`, or `""`.
            done: Called with a number of texts whenever that many more are done.

        Returns:
            float32, (texts, dimension).

        Raises:
            ModelError: A vector is not finite; the text that made it is named.
        """
        unique, place = deduplicate([self._prepare(template, text) for text in texts])
        copies = np.bincount(place, minlength=len(unique))
        tail = len(template.partition(PLACEHOLDER)[2])
        token_ids = tokenise(self.backbone.tokenizer, unique, self.settings.max_length, tail)
        vectors = np.empty((len(unique), self.dimension), dtype=np.float32)
        for batch in cut_batches([len(ids) for ids in token_ids], self.batch_tokens):
            vectors[batch] = self._forward([token_ids[i] for i in batch])
            self._refuse_nonfinite(vectors[batch], [unique[i] for i in batch])
            if done is not None:
                done(int(copies[batch].sum()))
        self.counts.texts += len(texts)
        self.counts.forwarded += len(unique)
        self.counts.tokens += sum(len(ids) for ids in token_ids)
        return vectors[place]

    def _prepare(self, template: str, text: str) -> str:
        rendered = render(template, text)
        return rendered.lower() if self.settings.lowercase else rendered

    @torch.inference_mode()
    def _forward(self, token_ids: list[list[int]]) -> Vectors:
        ids, mask = self._pad(token_ids)
        hidden = self.backbone.model(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = POOLINGS[self.settings.pooling](hidden.float(), mask)
        if self.settings.normalize:
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        vectors: Vectors = pooled.cpu().numpy()
        return vectors

    def _pad(self, token_ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(len(ids) for ids in token_ids)
        padded = np.full(
            (len(token_ids), longest), self.backbone.tokenizer.pad_token_id, dtype=np.int64
        )
        mask = np.zeros_like(padded)
        for row, ids in enumerate(token_ids):
            padded[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        device = self.backbone.device
        return torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device)

    def _refuse_nonfinite(self, vectors: Vectors, texts: list[str]) -> None:
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            text = texts[int(np.argmin(finite))]
            raise ModelError(
                f"the vector of {text[:80]!r} is not finite in {self.settings.dtype}.",
                "--dtype float32, or a checkpoint whose training did not diverge",
            )
