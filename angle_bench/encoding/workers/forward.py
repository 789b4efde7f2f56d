"""The forward pass: a batch of token ids to vectors, on one device."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from angle_bench.checkpoints.loading.backbone import Backbone
from angle_bench.checkpoints.loading.pooling import pool, without_first
from angle_bench.checkpoints.spec import Output, Pooling, Settings
from angle_bench.encoding.machine import processor
from angle_bench.encoding.workers.contract import (
    Batch,
    Ids,
    Loaded,
    OutOfMemory,
    Probe,
    Rates,
    Vectors,
)

PROBE_TOKENS_OF_A_TEXT = 16  # about a sentence of STS


class Forward:
    """A loaded transformer with its pooling.

    Args:
        backbone: The transformer.
        settings: Pooling, normalisation, the layer.
        outputs: The layers and poolings to give, instead of those of the settings.
    """

    def __init__(
        self, backbone: Backbone, settings: Settings, outputs: tuple[Output, ...] = ()
    ) -> None:
        self.backbone = backbone
        self._settings = settings
        self._outputs = outputs or (settings.output,)
        self.loaded = Loaded(
            device=str(backbone.device),
            hardware=_hardware(backbone.device),
            dimension=backbone.dimension,
            parameters=backbone.parameters,
            layers=backbone.layers,
            attention=backbone.attention,
            warnings=tuple(backbone.warnings),
        )

    def __call__(self, batch: Batch) -> Vectors:
        """Vectors of a batch, float32, (texts, outputs, dimension).

        Raises:
            OutOfMemory: A single text does not fit.
        """
        return halving(partial(self._forward, skip=batch.skip), batch.ids, batch.lengths)

    def probe(self, question: Probe) -> Rates:
        """Tokens a second for each batch budget that the time allows."""
        if question.threads:
            torch.set_num_threads(question.threads)
        rates: Rates = {}
        end = time.monotonic() + question.seconds
        for budget in question.budgets:
            try:
                rates[budget] = self._rate(budget, end)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                break
            if time.monotonic() > end:
                break
        return rates

    def _rate(self, budget: int, end: float) -> float:
        lengths = np.full(budget // PROBE_TOKENS_OF_A_TEXT, PROBE_TOKENS_OF_A_TEXT, np.int32)
        ids = np.full(int(lengths.sum()), self.backbone.pad_id, np.int32)
        self._forward(ids, lengths)  # the first one of a shape also allocates
        best = 0.0
        for _ in range(3):
            started = time.perf_counter()
            self._forward(ids, lengths)
            best = max(best, len(ids) / (time.perf_counter() - started))
            if time.monotonic() > end:
                break
        return best

    @torch.inference_mode()
    def _forward(self, ids: Ids, lengths: Ids, skip: int = 0) -> Vectors:
        device = self.backbone.device
        padded, mask = pad(ids, lengths, self.backbone.pad_id)
        inputs = torch.from_numpy(padded).to(device, non_blocking=True)
        real = torch.from_numpy(mask).to(device, non_blocking=True)
        hidden = self._hidden(inputs, real)
        own = without_first(real, real.new_full((len(lengths),), skip)) if skip else real
        pooled = [self._pool(hidden[out.layer], own, out.pooling) for out in self._outputs]
        vectors: Vectors = torch.stack(pooled, dim=1).cpu().numpy()
        return vectors

    def _hidden(self, inputs: torch.Tensor, real: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """Token vectors of every layer that is asked for, in float32."""
        wanted = dict.fromkeys(out.layer for out in self._outputs)
        every = any(layer is not None for layer in wanted)
        output: Any = self.backbone.model(
            input_ids=inputs, attention_mask=real, output_hidden_states=every
        )
        return {
            layer: (
                output.last_hidden_state if layer is None else output.hidden_states[layer]
            ).float()
            for layer in wanted
        }

    def _pool(self, hidden: torch.Tensor, real: torch.Tensor, pooling: Pooling) -> torch.Tensor:
        pooled = pool(hidden, real, pooling)
        for module in self.backbone.dense:
            pooled = module(pooled)
        if self._settings.normalize:
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        return pooled


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {processor()}"


def pad(ids: Ids, lengths: Ids, pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids of several texts as a rectangle, padded on the right.

    Returns:
        Ids and mask (1 on real tokens), (texts, longest).
    """
    mask = np.arange(int(lengths.max())) < lengths[:, None]
    padded = np.full(mask.shape, pad_id, dtype=np.int64)
    padded[mask] = ids
    return padded, mask.astype(np.int64)


def halving(forward: Callable[[Ids, Ids], Vectors], ids: Ids, lengths: Ids) -> Vectors:
    """Run a batch; where memory runs out, run its two halves, and so on.

    Only this batch is halved, and any other error is not taken for memory.

    Raises:
        OutOfMemory: A single text does not fit.
    """
    try:
        return forward(ids, lengths)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if len(lengths) == 1:
            raise OutOfMemory(0, int(lengths[0])) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(lengths) // 2
    cut = int(lengths[:middle].sum())
    first = halving(forward, ids[:cut], lengths[:middle])
    try:
        second = halving(forward, ids[cut:], lengths[middle:])
    except OutOfMemory as error:
        place = middle + error.text
        raise OutOfMemory(place, int(lengths[place])) from error
    return np.concatenate([first, second])


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception says that memory is used up, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # the CPU's allocator and MPS raise a plain RuntimeError
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    return "out of memory" in message or "can't allocate memory" in message
