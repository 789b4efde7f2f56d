"""Progress of a training on stderr: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn

from angle_bench.api.calling.progress_bars import LINE_EVERY_SECONDS, WarningsOnly, duration
from angle_bench.training.loop.training_events import TrainingProgress


class Warnings(WarningsOnly, TrainingProgress):
    """Warnings alone; the base of the others.

    Args:
        label: What stands before lines, where several trainings follow each other.
    """

    def __init__(self, label: str = "") -> None:
        super().__init__()
        self._label = label


class _Steps(Warnings):
    """Keeps how far training is, how fast, and what was said of it last."""

    def __init__(self, label: str = "") -> None:
        super().__init__(label)
        self.total, self._first, self.done = 0, 0, 0
        self._started = time.monotonic()
        self.losses = ""

    def began(self, header: str, steps: int, done: int) -> None:
        """A line with what is trained."""
        self.total, self._first, self.done = steps, done, done
        self._started = time.monotonic()
        going_on = f", going on after step {done:,}" if done else ""
        head = f"{self._label}: {header}" if self._label else header
        self._say(f"{head} · {steps:,} steps{going_on}")

    def reading(self, line: str) -> None:
        """The line."""
        self._say(line)

    def step(self, done: int) -> None:
        """Counts."""
        self.done = done

    def logged(self, step: int, parts: Mapping[str, float], learning_rate: float) -> None:
        """Keeps the losses."""
        said = "  ".join(f"{name} {value:.4g}" for name, value in parts.items())
        self.losses = f"{said}  lr {learning_rate:.2g}"

    def evaluated(self, step: int, score: float, best: bool) -> None:
        """A line with the score."""
        self._say(f"step {step:,}: {100 * score:.2f}{'  best so far' if best else ''}")

    def pace(self) -> str:
        """`1.2 steps/s  4 min left`."""
        seconds = time.monotonic() - self._started
        steps = self.done - self._first
        if not steps or seconds <= 0:
            return ""
        left = (self.total - self.done) * seconds / steps
        return f"{steps / seconds:.2g} steps/s  {duration(left)} left"


class StepBar(_Steps):
    """One bar over all steps, for terminals."""

    def __init__(self, label: str = "") -> None:
        super().__init__(label)
        self._bars = Progress(
            TextColumn("train"),
            BarColumn(20),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[pace]}"),
            TextColumn("{task.fields[losses]}"),
            console=self._console,
        )

    def began(self, header: str, steps: int, done: int) -> None:
        """The header, and the bar."""
        super().began(header, steps, done)
        self._bars.start()
        self._bar = self._bars.add_task("", total=steps, completed=done, pace="", losses="")

    def step(self, done: int) -> None:
        """Moves the bar."""
        super().step(done)
        self._bars.update(self._bar, completed=done, pace=self.pace())

    def logged(self, step: int, parts: Mapping[str, float], learning_rate: float) -> None:
        """The losses beside the bar."""
        super().logged(step, parts, learning_rate)
        self._bars.update(self._bar, losses=self.losses)

    def close(self) -> None:
        """Ends the bar."""
        self._bars.stop()


class StepLines(_Steps):
    """A plain line a minute, and for each evaluation and checkpoint, for logs."""

    def __init__(self, label: str = "") -> None:
        super().__init__(label)
        self._said = time.monotonic()

    def logged(self, step: int, parts: Mapping[str, float], learning_rate: float) -> None:
        """A line for the first step, and once a minute has passed."""
        super().logged(step, parts, learning_rate)
        if step == 1 or time.monotonic() - self._said >= LINE_EVERY_SECONDS:
            share = round(100 * self.done / self.total)
            self._say(f"step {step:,}/{self.total:,}  {share} %  {self.pace()}  {self.losses}")

    def saved(self, place: Path) -> None:
        """A line."""
        self._say(f"saved {place}")

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        super()._say(f"{time.strftime('%H:%M')} {text}")


def watcher(quiet: bool, place: Path | None) -> Warnings:
    """The progress that suits where stderr goes.

    Args:
        quiet: Whether only warnings are wanted.
        place: What is trained, where several trainings follow each other.
    """
    label = "" if place is None else str(place)
    if quiet:
        return Warnings(label)
    return StepBar(label) if sys.stderr.isatty() else StepLines(label)
