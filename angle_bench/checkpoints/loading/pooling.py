"""Pooling: token vectors of a text to one vector.

Every function takes `hidden` (batch, tokens, dimension) and `mask` (batch, tokens; 1 on real
tokens), and returns (batch, dimension), `all` (tokens, dimension). None but `cls_avg_v0` depends
on how far a batch is padded, nor on which side.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from angle_bench.checkpoints.spec import Pooling, PoolingName


def pool(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """One vector of each text, by the pooling of this name or token number."""
    if isinstance(pooling, int):
        return token(hidden, mask, pooling)
    return POOLINGS[pooling](hidden, mask)


def without_first(mask: Tensor, skips: Tensor) -> Tensor:
    """A mask without the first tokens of each text.

    Args:
        mask: 1 on real tokens, padded on the right, (texts, tokens).
        skips: How many of each text to leave out, (texts,).
    """
    return mask * (torch.arange(mask.shape[1], device=mask.device) >= skips[:, None])


def token(hidden: Tensor, mask: Tensor, number: int) -> Tensor:
    """The real token of this number, counted from 0; the last one of a text that is shorter."""
    within = (mask.sum(dim=1) - 1).clamp(min=0, max=number)
    return _token_at(hidden, mask.argmax(dim=1) + within)


def all_(hidden: Tensor, mask: Tensor) -> Tensor:
    """No pooling: the vectors of all real tokens, one text after the other, (tokens, dimension)."""
    return hidden[mask.bool()]


def cls(hidden: Tensor, mask: Tensor) -> Tensor:
    """The first real token: on left-padded input not position 0."""
    return _token_at(hidden, mask.argmax(dim=1))


def last(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last real token, whichever side is padded."""
    found = _token_at(hidden, mask.shape[1] - 1 - mask.flip(1).argmax(dim=1))
    return found * mask.any(dim=1, keepdim=True)  # 0 where a prompt is all that there is


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over real tokens."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)


def max_(hidden: Tensor, mask: Tensor) -> Tensor:
    """The maximum over real tokens; a pad never takes part."""
    lowest = torch.finfo(hidden.dtype).min
    found = hidden.masked_fill(mask.unsqueeze(-1) == 0, lowest).amax(dim=1)
    # 0 where a prompt is all that there is
    return found.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)


def cls_avg(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of `cls` and `mean`."""
    return (cls(hidden, mask) + mean(hidden, mask)) / 2


def cls_max(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of `cls` and `max`."""
    return (cls(hidden, mask) + max_(hidden, mask)) / 2


def cls_avg_v0(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of `cls` and the mean over all positions, pads included.

    What angle-emb 0.1 did, and what its published BERT scores were measured with. It depends on
    how far the batch is padded, so it is for reproduction only.
    """
    return (cls(hidden, mask) + hidden.mean(dim=1)) / 2


def _token_at(hidden: Tensor, position: Tensor) -> Tensor:
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), position]


POOLINGS: dict[PoolingName, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": cls,
    "mean": mean,
    "cls_avg": cls_avg,
    "max": max_,
    "cls_max": cls_max,
    "last": last,
    "cls_avg_v0": cls_avg_v0,
    "all": all_,
}
