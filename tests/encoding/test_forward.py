"""One forward pass: padding, and what happens where memory runs out."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from angle_bench.encoding.workers.contract import Ids, OutOfMemory, Vectors
from angle_bench.encoding.workers.forward import halving, is_out_of_memory, pad

CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"


def memory_of(most: int, error: Exception, log: list[int]) -> Callable[[Ids, Ids], Vectors]:
    """A forward pass that fits so many padded tokens; its vector is a text's first id."""

    def forward(ids: Ids, lengths: Ids) -> Vectors:
        padded = int(lengths.max()) * len(lengths)
        log.append(padded)
        if padded > most:
            raise error
        starts = np.cumsum(lengths) - lengths
        return ids[starts].astype(np.float32)[:, None, None]

    return forward


def texts(*lengths: int) -> tuple[Ids, Ids]:
    """Texts whose first id is their place."""
    rows = [[place, *[7] * (length - 1)] for place, length in enumerate(lengths)]
    return np.concatenate([np.array(row, np.int32) for row in rows]), np.array(lengths, np.int32)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("MPS backend out of memory"),
        RuntimeError(CPU_ALLOCATOR),
    ],
    ids=repr,
)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 16])
def test_a_batch_that_does_not_fit_is_halved_and_its_order_kept(
    error: Exception, count: int
) -> None:
    log: list[int] = []
    vectors = halving(memory_of(10, error, log), *texts(*[5] * count))
    assert vectors[:, 0, 0].tolist() == list(range(count))
    assert max(log[1:], default=0) < log[0] or count <= 2  # never the same batch again


def test_a_text_that_does_not_fit_alone_is_named() -> None:
    log: list[int] = []
    forward = memory_of(10, MemoryError(), log)
    with pytest.raises(OutOfMemory, match="a text of 11 tokens") as caught:
        halving(forward, *texts(3, 5, 2, 4, 11, 3))
    assert caught.value.text == 4


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("out of memory")])
def test_any_other_error_is_not_taken_for_memory(error: Exception) -> None:
    log: list[int] = []
    with pytest.raises(type(error)):
        halving(memory_of(10, error, log), *texts(5, 5, 5))
    assert len(log) == 1
    assert not is_out_of_memory(error)


def test_padding_is_on_the_right_and_masked() -> None:
    padded, mask = pad(np.array([1, 2, 3, 4], np.int32), np.array([3, 1], np.int32), pad_id=9)
    assert padded.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
