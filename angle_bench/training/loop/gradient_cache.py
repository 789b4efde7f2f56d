"""Large batches in little memory: gradient caching (Gao et al., 2021).

Vectors are computed chunk by chunk without a graph, the loss gives their gradients, and each chunk
goes through the model once more, with the same draws, to carry them on.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from angle_bench.training.data.collate import Batch
from angle_bench.training.model.grouping import Groups, whole
from angle_bench.training.model.trainable import ForwardOutput, joined


def cached_backward(
    model: nn.Module,
    batch: Batch,
    groups: Groups,
    backward: Callable[[ForwardOutput], Tensor],
    unsynchronised: Callable[[], AbstractContextManager[None]],
) -> Tensor:
    """The loss of a batch, whose gradients are added to the model's.

    Args:
        model: What gives vectors; gradients are synchronised in its last backward pass.
        batch: As the collator makes it.
        groups: The chunks.
        backward: From all vectors to the loss, after its backward pass.
        unsynchronised: A context in which gradients are not synchronised.
    """
    chunks = list(_chunks(batch, groups))
    device = batch["input_ids"].device
    states, parts = [], []
    for chunk in chunks:
        states.append(RandomState(device))
        with torch.no_grad():
            parts.append(_leaf(model(*chunk)))
    total = backward(joined(parts, groups, batch["input_ids"].shape[1]))
    after = RandomState(device)
    for number, (chunk, state, part) in enumerate(zip(chunks, states, parts, strict=True)):
        state.restore()
        last = number == len(chunks) - 1
        with nullcontext() if last else unsynchronised():
            _carried(model(*chunk), part).backward()  # type: ignore[no-untyped-call]
    after.restore()
    return total


def _chunks(batch: Batch, groups: Groups) -> Iterator[tuple[Tensor, Tensor, Tensor, Groups]]:
    """What the module is called with for each group by itself."""
    for places, longest in zip(groups.texts, groups.longest, strict=True):
        at = places.to(batch["input_ids"].device)
        ids, mask = (batch[name][at, :longest] for name in ("input_ids", "attention_mask"))
        yield ids, mask, batch["prompts"][at], whole(len(at), longest)


def _leaf(found: ForwardOutput) -> ForwardOutput:
    """Found values that gradients are gathered in."""
    layers = tuple(layer.detach().requires_grad_() for layer in found.layers)
    return ForwardOutput(
        layers, None if found.tokens is None else found.tokens.detach().requires_grad_()
    )


def _carried(found: ForwardOutput, leaf: ForwardOutput) -> Tensor:
    """A scalar whose gradient is that of the loss."""
    pairs = [*zip(found.layers, leaf.layers, strict=True)]
    if found.tokens is not None and leaf.tokens is not None:
        pairs.append((found.tokens, leaf.tokens))
    carried = [(own * known.grad).sum() for own, known in pairs if known.grad is not None]
    return torch.stack(carried).sum()


class RandomState:
    """What dropout draws from, as it is now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.random.get_rng_state()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        """Draw again what was drawn from here on."""
        torch.random.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)
