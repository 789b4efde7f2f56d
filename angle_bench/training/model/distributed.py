"""What the processes of a training exchange; with one process each function is the identity."""

import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from angle_bench.encoding.workers.contract import Batch, Vectors
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.training.model.trainable import ForwardOutput


def is_main_process() -> bool:
    """Whether this process is the one that writes; before the processes know each other, too."""
    return os.environ.get("RANK", "0") == "0"


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This one's number, from 0."""
    return dist.get_rank() if count() > 1 else 0


class _Everyone(torch.autograd.Function):
    """The rows of all processes; a row's gradient is the sum of what every process has for it."""

    @staticmethod
    def forward(context: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        context.sizes = sizes
        return torch.cat(_gather(rows, sizes))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        whole = gradient.contiguous()
        dist.all_reduce(whole)
        start = sum(context.sizes[: rank()])
        return whole[start : start + context.sizes[rank()]], None


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes in their order, (all rows, …), with gradients.

    Under DistributedDataParallel, which averages over the processes, a loss that every process
    computes of all rows has the gradient that one process would have had.
    """
    if count() == 1:
        return rows
    found: Tensor = _Everyone.apply(rows, _sizes(rows))  # type: ignore[no-untyped-call]
    return found


def gathered_found(found: ForwardOutput) -> ForwardOutput:
    """Pooled vectors of all processes; token vectors stay where they are."""
    if count() == 1:
        return found
    return ForwardOutput(tuple(gathered(layer) for layer in found.layers), None)


def all_reduce_max(number: int) -> int:
    """The largest of what the processes say."""
    if count() == 1:
        return number
    said = [0] * count()
    dist.all_gather_object(said, number)
    return max(said)


def all_gather(value: Any) -> list[Any]:
    """What each process says, in their order."""
    if count() == 1:
        return [value]
    said: list[Any] = [None] * count()
    dist.all_gather_object(said, value)
    return said


class RankWorkers(InlineWorker):
    """The model of this process, which computes its share; every process gets all vectors.

    All of them run the same plan, so that each knows whose batch is whose.

    Args:
        forward: This process's model.
        alike: Whether all have to compute as many batches: sharded weights are gathered in each
            forward pass.
    """

    def __init__(self, forward: Forward, alike: bool = False) -> None:
        super().__init__(forward)
        self._alike = alike

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[int, Vectors]]:
        """Vectors of every batch, whoever computed them."""
        if count() == 1:
            yield from super().run(batches)
            return
        every = list(batches)
        mine = every[rank() :: count()]
        found = dict(super().run(mine))
        if self._alike and len(mine) < math.ceil(len(every) / count()):
            list(super().run(every[:1]))  # for the others' sake
        for share in all_gather(found):
            yield from share.items()


def _sizes(rows: Tensor) -> list[int]:
    mine = torch.tensor([len(rows)], device=rows.device)
    found = [torch.empty_like(mine) for _ in range(count())]
    dist.all_gather(found, mine)
    return [int(each) for each in found]


def _gather(rows: Tensor, sizes: list[int]) -> list[Tensor]:
    """Collectives need one shape: shorter ones are filled up meanwhile."""
    most = max(sizes)
    padded = rows.new_zeros((most, *rows.shape[1:]))
    padded[: len(rows)] = rows
    found = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(found, padded)
    return [each[:size] for each, size in zip(found, sizes, strict=True)]
