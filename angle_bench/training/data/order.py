"""The order in which an epoch takes the rows: a permutation by seed, shares, equal texts apart."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from angle_bench.training.data.apart import Texts, apart, meeting
from angle_bench.training.data.batches import announced, batches_of
from angle_bench.training.data.dataset import TrainingRows
from angle_bench.training.recipe.recipe import Recipe


class EpochSampler:
    """The order of the rows in an epoch: a permutation by seed and epoch alone.

    With weights, the sources share the epoch's rows by them: those of a source that has too few
    come again, and of one that has too many others come in the next epoch. A last batch of one
    row, which has nothing to be compared with, is left out.

    Args:
        sizes: Rows of each source.
        weights: Of each source; None uses every row once.
        batch_size: Rows of a step.
        seed: Of the order.
        shuffle: False takes the rows as they stand.
        together: How many rows are compared with each other; None lets equal texts meet.
        texts: Of an index, for `together`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        weights: Sequence[float] | None,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        together: int | None = None,
        texts: Texts | None = None,
    ) -> None:
        self._sizes = tuple(sizes)
        self._shares = tuple(sizes) if weights is None else _shares(sum(sizes), weights)
        self._left_out = int(batch_size > 1 and sum(sizes) % batch_size == 1)
        self._seed = seed
        self._shuffle = shuffle
        self._together, self._texts = together, texts
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(self._sizes) - self._left_out

    def __iter__(self) -> Iterator[int]:
        rows = sum(self._sizes)
        order = self._order() if self._shuffle else np.arange(rows)
        indices = (self._epoch * rows + order).tolist()
        if self._together is not None and self._texts is not None:
            indices = apart(indices, self._texts, self._together)
        yield from indices[: len(self)]

    def _order(self) -> NDArray[np.int64]:
        first, chosen = 0, []
        for source, (size, share) in enumerate(zip(self._sizes, self._shares, strict=True)):
            chosen.append(first + self._of_source(source, size, share))
            first += size
        return np.random.default_rng([self._seed, self._epoch]).permutation(np.concatenate(chosen))

    def _of_source(self, source: int, size: int, share: int) -> NDArray[np.int64]:
        """The source's next `share` rows; each comes again only when all have been."""
        start = self._epoch * share
        rounds = range(start // size, (start + share - 1) // size + 1)
        shuffled = [
            np.random.default_rng([self._seed, source, each, 1]).permutation(size)
            for each in rounds
        ]
        begin = start % size
        return np.concatenate([*shuffled, np.empty(0, np.int64)])[begin : begin + share]


def _shares(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """`total` split by weights; the largest remainders get what rounding leaves."""
    exact = [total * weight / sum(weights) for weight in weights]
    shares = [int(each) for each in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: shares[place] - exact[place])
    for place in by_rest[: total - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


def sampler_of(rows: TrainingRows, recipe: Recipe) -> EpochSampler:
    """The order in which a recipe takes its rows."""
    weights = [source.weight for source in recipe.data.train if source.weight is not None]
    used = recipe.train
    together = batches_of(recipe, announced()).together
    return EpochSampler(
        rows.sizes,
        weights or None,
        used.batch_size,
        used.seed,
        recipe.data.shuffle,
        together if used.batch_sampler == "no_duplicates" else None,
        rows.texts_of,
    )


def sharing(rows: TrainingRows, recipe: Recipe) -> int:
    """The rows of the first epoch that share a text with another row of their batch."""
    together = batches_of(recipe, announced()).together
    return meeting(list(sampler_of(rows, recipe)), rows.texts_of, together)
