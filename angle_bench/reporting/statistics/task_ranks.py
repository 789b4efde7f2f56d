"""Who is better than whom over tasks, from scores alone: tasks are what is drawn."""

import numpy as np
from numpy.typing import NDArray

from angle_bench.reporting.statistics.distributions import each_student_below
from angle_bench.reporting.statistics.inference import ALPHA, holm
from angle_bench.reporting.statistics.measures import Vector


def better_over_tasks(scores: Vector, weights: Vector) -> NDArray[np.bool_]:
    """Who is significantly better than whom in the weighted mean, by Holm over all pairs.

    Student's paired t test. With weights w that sum to 1, a pair's differences d and their mean
    m, the squared standard error is n/(n − 1) Σ w²(d − m)²; degrees of freedom are 1/Σw² − 1,
    which is n − 1 where tasks count alike.

    Args:
        scores: Of every model and task, (models, tasks).
        weights: What each task counts in the mean, (tasks,).

    Returns:
        True where the model of the row is better than that of the column, (models, models).
        Nobody is where there are fewer than two tasks, nor where two models differ on every task
        by the same: that says nothing of other tasks.
    """
    models, tasks = scores.shape
    better = np.zeros((models, models), dtype=bool)
    degrees_of_freedom = 1 / float(weights @ weights) - 1
    if tasks < 2 or models < 2 or degrees_of_freedom < 0.5:
        return better
    means = scores @ weights
    one, other = np.triu_indices(models, 1)
    error = np.sqrt(tasks / (tasks - 1) * _squares(weights * (scores - means[:, None])))
    difference = means[one] - means[other]
    scaled = np.divide(difference, error, out=np.zeros_like(error), where=error > _ROUNDING)
    p = np.array(holm((2 * each_student_below(degrees_of_freedom, -np.abs(scaled))).tolist()))
    better[one, other] = (p < ALPHA) & (scaled > 0)
    better[other, one] = (p < ALPHA) & (scaled < 0)
    return better


_ROUNDING = 1e-12  # of scores between −1 and 1


def _squares(rows: Vector) -> Vector:
    """The squared distance of every two rows, (pairs,)."""
    found = [((rows[at] - rows[at + 1 :]) ** 2).sum(axis=1) for at in range(len(rows))]
    return np.concatenate(found)
