"""Rows that are read as they are needed, without end; a recipe's `max_steps` ends training."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from angle_bench.errors import DataError
from angle_bench.training.data.columns import Format
from angle_bench.training.data.dataset import Example, checked, drawn
from angle_bench.training.data.rows import require_active_objective
from angle_bench.training.data.sources import columns_of, name_of
from angle_bench.training.recipe.data_sections import DataSource
from angle_bench.training.recipe.recipe import Recipe

BUFFER = 1_000  # rows that are shuffled among each other


class Stream(IterableDataset[Example]):
    """The sources of a recipe, mixed and shuffled by its seed alone; the same order every time.

    A source that ends begins again, and its lists are drawn anew: whoever skips the batches that
    were used before goes on as if nothing had been between.

    Args:
        recipe: With `data.streaming`.
        mirror: A folder with hub data sets.

    Raises:
        DataError: A source has no rows, or the sources have several formats.
    """

    def __init__(self, recipe: Recipe, mirror: Path | None = None) -> None:
        self._sources = recipe.data.train
        self._seed = recipe.train.seed
        self._mirror = mirror
        self._columns_of = [columns_of(each, mirror) for each in self._sources]
        kinds = [
            checked(each, mirror, streaming=True, columns=there)[0].format
            for each, there in zip(self._sources, self._columns_of, strict=True)
        ]
        if len(set(kinds)) > 1:
            raise DataError(
                f"the sources have the formats {', '.join(kinds)}; a batch has one.",
                "one recipe for each format",
            )
        self.format: Format = kinds[0]
        require_active_objective(self.format, recipe.loss, recipe.prompts, recipe.train.batch_size)

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number, example in enumerate(self._shuffled()):
            if number % step == first:
                yield example

    def _shuffled(self) -> Iterator[Example]:
        random = np.random.default_rng([self._seed, 0])
        buffer: list[Example] = []
        for example in self._mixed():
            if len(buffer) < BUFFER:
                buffer.append(example)
                continue
            place = int(random.integers(BUFFER))
            yield buffer[place]
            buffer[place] = example

    def _mixed(self) -> Iterator[Example]:
        weights = [source.weight for source in self._sources if source.weight is not None]
        if not weights:
            yield from self._endless(self._sources, 0)
            return
        shares = np.array(weights) / sum(weights)
        random = np.random.default_rng([self._seed, 1])
        streams = [self._endless([each], place) for place, each in enumerate(self._sources)]
        while True:
            yield next(streams[int(random.choice(len(streams), p=shares))])

    def _endless(self, sources: Sequence[DataSource], first: int) -> Iterator[Example]:
        """The sources one after the other, again and again; the round is the epoch of the draws."""
        epoch = 0
        while True:
            found = False
            for place, source in enumerate(sources, start=first):
                there = self._columns_of[place]
                for number, row in checked(source, self._mirror, streaming=True, columns=there)[1]:
                    found = True
                    # numbers of several sources never meet
                    yield drawn(row, (place << 40) + number, self._seed, epoch)
            if not found:
                raise DataError(
                    f"{name_of(sources[0])} has no row that can be trained on.",
                    "data with texts in every column",
                )
            epoch += 1
