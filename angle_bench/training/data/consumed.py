"""Which examples a training has used by a step, so that a record can say so."""

import itertools
from collections.abc import Iterator

from angle_bench.results.training_record import TrainingRecord
from angle_bench.training.data.dataset import Example, TrainingRows
from angle_bench.training.data.order import sampler_of
from angle_bench.training.data.stream import Stream
from angle_bench.training.recipe.recipe import Recipe


class Consumed:
    """The examples of a training in their order, as far as its steps have come.

    Args:
        recipe: What is trained.
        data: Its rows, or its stream.
        processes: How many of them take a batch in each step.
    """

    def __init__(self, recipe: Recipe, data: TrainingRows | Stream, processes: int = 1) -> None:
        self._per_step = recipe.train.batch_size * recipe.train.accumulation * processes
        self._epoch = None if isinstance(data, Stream) else len(sampler_of(data, recipe))
        self._examples = iter(data) if isinstance(data, Stream) else _of_rows(recipe, data)
        self._taken = 0

    def skip(self, step: int) -> None:
        """Go to a step without noting what is before it."""
        for _ in self._until(step):
            pass

    def record(self, step: int, record: TrainingRecord) -> None:
        """Note what was used up to a step, since the step before."""
        for example in self._until(step):
            first, *others = example.texts
            for other in others:
                record.pair(first, other)

    def _until(self, step: int) -> Iterator[Example]:
        count = self._count(step) - self._taken
        self._taken += max(0, count)
        return itertools.islice(self._examples, max(0, count))

    def _count(self, step: int) -> int:
        if self._epoch is None:
            return step * self._per_step
        each = max(1, -(-self._epoch // self._per_step))  # steps of an epoch, the last one short
        whole, more = divmod(step, each)
        return whole * self._epoch + min(more * self._per_step, self._epoch)


def _of_rows(recipe: Recipe, rows: TrainingRows) -> Iterator[Example]:
    sampler = sampler_of(rows, recipe)
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        for index in sampler:
            yield rows[index]
