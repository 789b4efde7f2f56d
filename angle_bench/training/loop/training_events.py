"""What a training tells whoever watches it. No torch."""

from collections.abc import Mapping
from pathlib import Path


class TrainingProgress:
    """The events of a training. Every method returns at once.

    Here nobody watches: watchers override what they show.
    """

    def began(self, header: str, steps: int, done: int) -> None:
        """Training starts, so many steps of all being done already."""

    def step(self, done: int) -> None:
        """That many steps are done."""

    def logged(self, step: int, parts: Mapping[str, float], learning_rate: float) -> None:
        """The mean of each part of the loss since the last time."""

    def evaluated(self, step: int, score: float, best: bool) -> None:
        """The candidate was scored, from 0 to 1; whether it is the best so far."""

    def saved(self, place: Path) -> None:
        """A checkpoint is on the disk."""

    def warning(self, text: str) -> None:
        """Something that the user should know."""
