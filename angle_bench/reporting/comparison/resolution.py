"""Which difference between two models a suite can show, before anything is computed."""

import math
from collections.abc import Sequence

from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.suites.task import Task

# standard error of a difference in Spearman, times the root of the number of pairs:
# all-MiniLM-L6-v2 beside its leading 128 dimensions has 10 to 18 points on six STS tasks, and on
# their mean the error that this value gives (leaderboards/compare-minilm-layers.md)
CLOSE = 14.0


def resolved(tasks: Sequence[Task]) -> float | None:
    """The difference in the mean of tasks that is found with 80 % power at α 0.05, in points.

    Between two checkpoints as close as a model and a third of its dimensions; models that agree
    less need a larger one. None where a task is not STS by Spearman, since nobody measured that.
    """
    counts = [task.samples or 0 for task in tasks if task.metric == "cosine_spearman"]
    if len(counts) < len(tasks) or not tasks or min(counts) < 1:
        return None
    error = CLOSE * math.sqrt(math.fsum(1 / count for count in counts)) / len(counts)
    return Estimate(0.0, error).resolves()
