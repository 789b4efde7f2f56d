"""How many steps a recipe takes, and after which of them a checkpoint is due. No torch."""

import math
from collections.abc import Collection, Sequence

from angle_bench.errors import UsageError
from angle_bench.training.recipe.recipe import Recipe


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
    return math.ceil(recipe.train.epochs * _of_an_epoch(recipe, rows, processes))


def saved_steps(recipe: Recipe, rows: int | None, processes: int = 1) -> list[int]:
    """The steps after which a checkpoint is due, ascending: by steps or epochs, and at the end.

    Those of an interrupt, or that an evaluation found to be the best, are not among them.

    Args:
        recipe: With what `steps_of` needs.
        rows: Of an epoch; None where they are not known, and an epoch has no end.
        processes: That share them.
    """
    steps, each = steps_of(recipe, rows, processes), recipe.train.save_steps
    if each is None and rows is not None:
        each = _of_an_epoch(recipe, rows, processes)
    due = [] if each is None else list(range(each, steps, each))
    return [*due, steps]


def refuse_too_few(recipe: Recipe, due: Sequence[int]) -> None:
    """Refuse the average of more checkpoints than there will be.

    Args:
        recipe: How many it is of.
        due: The steps after which a checkpoint is due.

    Raises:
        UsageError: There will be fewer.
    """
    asked = recipe.train.average_last
    if asked is None or asked <= len(due):
        return
    each = due[-1] // asked
    raise UsageError(
        f"train.average_last is {asked}, and in {due[-1]:,} steps {len(due)} "
        f"checkpoint{' is' if len(due) == 1 else 's are'} due.",
        f"--set train.save_steps={each}" if each else "a recipe without train.average_last",
    )


def refuse_idle_selection(recipe: Recipe) -> None:
    """Refuse what is asked of evaluations, where nothing is evaluated.

    Raises:
        UsageError: A setting of evaluations is given, and nothing is evaluated.
    """
    for key in ("steps", "patience"):
        if getattr(recipe.select, key) is not None:
            raise UsageError(
                f"select.{key} is of evaluations, and with an empty select.suite there are none.",
                "--set select.suite=STSB-dev",
            )


def long_warmup(recipe: Recipe, steps: int) -> str | None:
    """A line, where training ends before its learning rate is reached."""
    if recipe.train.warmup < 1 or recipe.train.warmup < steps:
        return None
    return (
        f"train.warmup is {recipe.train.warmup:,.0f} of {steps:,} steps: "
        "train.learning_rate is never reached"
    )


def last_due(recipe: Recipe, due: Collection[int], there: Sequence[int]) -> list[int]:
    """The steps whose checkpoints are averaged, of those that are there; none where none is asked.

    Args:
        recipe: How many.
        due: The steps after which a checkpoint is due.
        there: The steps that have one, ascending.
    """
    asked = recipe.train.average_last
    return [] if asked is None else [step for step in there if step in due][-asked:]


def _of_an_epoch(recipe: Recipe, rows: int, processes: int) -> int:
    batches = math.ceil(rows / recipe.train.batch_size / processes)
    return max(1, math.ceil(batches / recipe.train.accumulation))
