"""Which texts of a step go through the model together, so that little of it is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# what a forward pass of its own costs, in tokens: a launch of every kernel
OVERHEAD = {"cpu": 96, "cuda": 1024, "mps": 512}


@dataclass(frozen=True)
class Groups:
    """A step's texts, divided.

    Attributes:
        texts: The places of each group's texts in the batch, one tensor a group.
        longest: The tokens of each group's longest text.
        order: For each text of the batch its place among the groups' outputs, one after the other.
    """

    texts: tuple[Tensor, ...]
    longest: tuple[int, ...]
    order: Tensor


def grouped(
    lengths: Sequence[int],
    overhead: int,
    most: int | None = None,
    text_ids: Sequence[int] | None = None,
) -> Groups:
    """Divide texts by length so that padded tokens and overheads together are fewest.

    Args:
        lengths: Tokens of each text.
        overhead: What one more group costs, in tokens.
        most: The most padded tokens of a group, of more than one text; None is any number.
        text_ids: Equal for equal texts: these are forwarded once.
    """
    firsts, copy_of = _distinct(len(lengths), text_ids)
    sizes = np.array([lengths[first] for first in firsts])
    by_length = np.argsort(sizes, kind="stable")
    places: list[NDArray[np.int64]] = []
    for part in _cut(sizes[by_length], overhead):
        places += _within(by_length[part], sizes, most)
    position = np.empty(len(firsts), np.int64)
    position[np.concatenate(places)] = np.arange(len(firsts))
    batch_places = np.array(firsts)
    return Groups(
        texts=tuple(torch.from_numpy(batch_places[each]) for each in places),
        longest=tuple(int(sizes[each].max()) for each in places),
        order=torch.from_numpy(position[copy_of]),
    )


def split(groups: Groups, count: int) -> Groups:
    """The same texts in exactly so many groups, which are not fewer than there are.

    Where single texts are left, the last one goes through the model again, for nothing.
    """
    texts, longest = list(groups.texts), list(groups.longest)
    while len(texts) < count:
        most = max(range(len(texts)), key=lambda at: (len(texts[at]) > 1, len(texts[at])))
        halves = torch.tensor_split(texts[most], 2)
        if len(halves[0]) == 0 or len(halves[1]) == 0:
            texts.append(texts[-1])
            longest.append(longest[-1])
            continue
        texts[most : most + 1] = halves
        longest[most : most + 1] = [longest[most]] * 2
    return Groups(tuple(texts), tuple(longest), groups.order)


def whole(texts: int, tokens: int) -> Groups:
    """All texts in one group."""
    every = torch.arange(texts)
    return Groups((every,), (tokens,), every)


def _distinct(count: int, text_ids: Sequence[int] | None) -> tuple[list[int], NDArray[np.int64]]:
    """The first place of each distinct text, and for every text the number of its distinct one."""
    if text_ids is None:
        return list(range(count)), np.arange(count)
    firsts: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for place, key in enumerate(text_ids):
        firsts.setdefault(key, place)
        numbers.setdefault(key, len(numbers))
    return list(firsts.values()), np.array([numbers[key] for key in text_ids])


def _cut(ascending: NDArray[np.int64], overhead: int) -> list[slice]:
    """The cheapest cuts of ascending lengths, by dynamic programming over the distinct ones."""
    values, starts = np.unique(ascending, return_index=True)
    ends = np.append(starts[1:], len(ascending))
    cost = np.zeros(len(values) + 1)
    came_from = np.zeros(len(values) + 1, np.int64)
    for last in range(len(values)):
        whole = cost[: last + 1] + (ends[last] - starts[: last + 1]) * values[last] + overhead
        came_from[last + 1] = int(np.argmin(whole))
        cost[last + 1] = whole[came_from[last + 1]]
    cuts: list[slice] = []
    end = len(values)
    while end:
        first = int(came_from[end])
        cuts.append(slice(int(starts[first]), int(ends[end - 1])))
        end = first
    return cuts[::-1]


def _within(
    places: NDArray[np.int64], sizes: NDArray[np.int64], most: int | None
) -> list[NDArray[np.int64]]:
    """A group in as few equal parts as a budget asks for."""
    if most is None:
        return [places]
    each = max(1, most // int(sizes[places].max()))
    return np.array_split(places, -(-len(places) // each))
