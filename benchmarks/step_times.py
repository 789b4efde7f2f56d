"""The median time from one training step's end to the next one's."""

import time
from itertools import pairwise
from statistics import median


class StepTimes:
    """Takes the end of every step; the first one, which also allocates, is no step."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def tick(self) -> None:
        """A step has ended."""
        self.ends.append(time.perf_counter())

    def median(self) -> float:
        """Seconds."""
        return median(after - before for before, after in pairwise(self.ends))
