"""Progress on stderr: bars on a terminal, plain lines in a log."""

import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import next_step
from angle_bench.errors import shown as safe
from angle_bench.evaluation.progress import Progress as WatchedRun
from angle_bench.files.reading_pace import heard_by

LINE_EVERY_SECONDS = 60.0
WIDE = 120  # columns for a bar, the counts and the pace in one line


class WarningsOnly:
    """Warnings alone, on stderr; what watches a run or a training begins here.

    Attributes:
        in_python: Whether a program is told, by warnings of Python, and not a person on stderr.
    """

    in_python = False

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._heard: AbstractContextManager[None] = nullcontext()

    def warning(self, text: str) -> None:
        """One line."""
        if self.in_python:
            warnings.warn(safe(text), stacklevel=2)
        else:
            self._say(f"  ! {text}")

    def close(self) -> None:
        """Nothing to put away."""

    def reading(self, line: str) -> None:
        """Nothing to say."""

    def __enter__(self) -> Self:
        self._heard = heard_by(self.reading)
        self._heard.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._heard.__exit__(None, None, None)
        self.close()

    def _say(self, text: str) -> None:
        self._console.print(safe(text), markup=False)


class Quiet(WarningsOnly, WatchedRun):
    """Says only what went wrong with a run; the base of the others."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__()
        self._debug = debug

    def failed(self, name: str, what: str, fix: str) -> None:
        """Two lines: what happened, what to type."""
        if self.in_python:
            self.warning(f"{name}: {what}")
            return
        self._say(f"error: {name}: {what}")
        self._say(f"  {next_step(fix)}")
        if self._debug and sys.exc_info()[0] is not None:
            self._say(traceback.format_exc())


class Bars(Quiet):
    """One bar over all texts of a model, for terminals."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        wide = self._console.width >= WIDE
        columns: list[ProgressColumn] = [TextColumn("encode"), BarColumn(40 if wide else 10)]
        if wide:
            columns += [TextColumn("{task.fields[counted]}"), TimeElapsedColumn()]
        columns.append(TextColumn("{task.fields[now]}"))
        self._bars = Progress(*columns, console=self._console)
        self._bar: TaskID | None = None
        self._pace = Pace(0, 0)

    def reading(self, line: str) -> None:
        """The line."""
        self._say(line)

    def loading(self, spec: ModelSpec) -> None:
        """A line, since a download or some seconds of imports follow."""
        self._say(f"loading {spec.label}")

    def model(self, header: str, tasks: int, texts: int) -> None:
        """The header, and a new bar."""
        self._end_bar()
        self._say(header)
        self._pace = Pace(tasks, texts)
        self._bars.start()
        self._bar = self._bars.add_task("", total=texts or tasks, counted="", now="")

    def note(self, line: str) -> None:
        """A line above the bar."""
        self._bars.console.print(line, markup=False)

    def encoding(self, unique: int, texts: int) -> None:
        """How many texts are computed for how many, above the bar."""
        self._pace.task("", 0, texts)
        self._bars.console.print(f"{unique:,} unique of {texts:,} texts", markup=False)
        self._update()

    def task(self, name: str, number: int, texts: int) -> None:
        """The task beside the bar."""
        self._pace.task(name, number, texts)
        self._update()

    def texts(self, count: int) -> None:
        """Moves the bar."""
        self._pace.texts(count)
        self._update()

    def scored(self, name: str, scores: Sequence[float], seconds: float) -> None:
        """The score above the bar."""
        self._pace.ended()
        self._update()
        self._bars.console.print(f"{name} {shown(scores)}  {seconds:.0f} s", markup=False)

    def waiting(self, what: str) -> None:
        """A line, since it may take long."""
        self._end_bar()
        self._say(f"waiting for {what}")

    def tracked(self, line: str) -> None:
        """The line."""
        self._say(line)

    def close(self) -> None:
        """Ends the bar."""
        self._end_bar()

    def _update(self) -> None:
        if self._bar is not None:
            counted = (
                f"{self._pace.done:,} of {self._pace.total:,} texts" if self._pace.total else ""
            )
            completed = self._pace.done if self._pace.total else max(0, self._pace.number - 1)
            self._bars.update(
                self._bar, completed=completed, counted=counted, now=self._pace.line()
            )

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bars.stop()
            self._bars.remove_task(self._bar)
            self._bar = None


class Lines(Quiet):
    """One plain line per task and per minute, for logs."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pace = Pace(0, 0)
        self._said = time.monotonic()

    def reading(self, line: str) -> None:
        """The line."""
        self._line(line)

    def loading(self, spec: ModelSpec) -> None:
        """A line, since a download may follow."""
        self._line(f"loading {spec.label}")

    def model(self, header: str, tasks: int, texts: int) -> None:
        """The header."""
        self._pace = Pace(tasks, texts)
        self._line(header)

    def note(self, line: str) -> None:
        """A line."""
        self._line(line)

    def encoding(self, unique: int, texts: int) -> None:
        """A line: how many texts are computed for how many."""
        self._pace.task("", 0, texts)
        self._line(f"{unique:,} unique of {texts:,} texts")

    def task(self, name: str, number: int, texts: int) -> None:
        """Keeps the place."""
        self._pace.task(name, number, texts)

    def texts(self, count: int) -> None:
        """A line if a minute has passed."""
        self._pace.texts(count)
        if time.monotonic() - self._said >= LINE_EVERY_SECONDS:
            self._line(self._pace.line())

    def scored(self, name: str, scores: Sequence[float], seconds: float) -> None:
        """A line for the task."""
        self._pace.ended()
        self._line(f"{self._pace.line()}  {shown(scores)}")

    def waiting(self, what: str) -> None:
        """A line, since it may take long."""
        self._line(f"waiting for {what}")

    def tracked(self, line: str) -> None:
        """The line."""
        self._line(line)

    def _line(self, text: str) -> None:
        self._said = time.monotonic()
        self._say(f"{time.strftime('%H:%M')} {text}")


def shown(scores: Sequence[float]) -> str:
    """A score ×100, or the range of the scores of several variants."""
    if len(scores) == 1:
        return f"{100 * scores[0]:.2f}"
    return f"{100 * min(scores):.2f} to {100 * max(scores):.2f}"


class Pace:
    """How far a model's run is, how fast, and how long it will take."""

    def __init__(self, tasks: int, total: int) -> None:
        self.tasks = tasks
        self.total = total
        self.done = 0
        self.number = 0
        self.where = ""
        self._expected = 0
        self._encoded = 0
        self._started = time.monotonic()

    def task(self, name: str, number: int, texts: int) -> None:
        """Task `number` starts; the one before is over, however many texts it had."""
        self.ended()
        self._expected += texts
        self.number = number
        self.where = f"{name} {number}/{self.tasks}" if name else "encode"

    def texts(self, count: int) -> None:
        """That many more texts are done."""
        self.done = min(self.done + count, self._expected or self.done + count)
        self._encoded += count

    def ended(self) -> None:
        """The task is over: what was expected of it is done."""
        self.done = self._expected

    def line(self) -> str:
        """`STS14 3/7  61 %  410 texts/s  4 min left`.

        How many texts are done where nobody knows how many there are; before the first only the
        place.
        """
        seconds = time.monotonic() - self._started
        if not self._encoded or seconds <= 0:
            return self.where
        rate = self._encoded / seconds
        if not self.total:
            return f"{self.where}  {self._encoded:,} texts  {rate:,.0f} texts/s"
        left = max(0.0, (self.total - self.done) / rate)
        share = min(100, round(100 * self.done / self.total))
        return f"{self.where}  {share} %  {rate:,.0f} texts/s  {duration(left)} left"


def duration(seconds: float) -> str:
    """Seconds for people: `47 s`, `4 min`, `2 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def watcher(quiet: bool, debug: bool) -> Quiet:
    """The progress that suits where stderr goes."""
    if quiet:
        return Quiet(debug)
    return Bars(debug) if sys.stderr.isatty() else Lines(debug)


def in_python(shown: bool) -> Quiet:
    """The progress of a call from Python, whose warnings are warnings."""
    watch = watcher(not shown, debug=False)
    watch.in_python = True
    return watch
