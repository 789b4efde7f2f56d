"""How many steps a recipe takes. No torch."""

import math

from angle_bench.training.recipe import Recipe


def steps_of(recipe: Recipe, rows: int | None, processes: int = 1) -> int:
    """Steps of the optimiser, as transformers' Trainer counts them.

    Args:
        recipe: With epochs, batch size, accumulation.
        rows: Of an epoch; None where they are not known.
        processes: That share them.
    """
    if recipe.train.max_steps is not None:
        return recipe.train.max_steps
    assert rows is not None  # the recipe of a stream has max_steps
    batches = math.ceil(rows / recipe.train.batch_size / processes)
    each = max(1, math.ceil(batches / recipe.train.accumulation))
    return math.ceil(recipe.train.epochs * each)
