"""Pooling: token vectors of a text to one vector.

Every function takes `hidden` (batch, tokens, dimension) and `mask` (batch, tokens; 1 on real
tokens), and returns (batch, dimension). None depends on how far a batch is padded, nor on which
side.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from angle_bench.models.spec import PoolingName


def cls(hidden: Tensor, mask: Tensor) -> Tensor:
    """The first real token: on left-padded input not position 0."""
    return _token_at(hidden, mask.argmax(dim=1))


def last(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last real token, whichever side is padded."""
    return _token_at(hidden, mask.shape[1] - 1 - mask.flip(1).argmax(dim=1))


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over real tokens."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)


def max_(hidden: Tensor, mask: Tensor) -> Tensor:
    """The maximum over real tokens; a pad never takes part."""
    lowest = torch.finfo(hidden.dtype).min
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, lowest).amax(dim=1)


def cls_avg(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of `cls` and `mean`."""
    return (cls(hidden, mask) + mean(hidden, mask)) / 2


def cls_max(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of `cls` and `max`."""
    return (cls(hidden, mask) + max_(hidden, mask)) / 2


def _token_at(hidden: Tensor, position: Tensor) -> Tensor:
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), position]


POOLINGS: dict[PoolingName, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": cls,
    "mean": mean,
    "cls_avg": cls_avg,
    "max": max_,
    "cls_max": cls_max,
    "last": last,
}
