"""Time cases in turn, so that a change of the machine's speed meets all of them."""

import sys
from collections.abc import Callable, Mapping

Case = Callable[[], float]


def interleave(cases: Mapping[str, Case], rounds: int) -> dict[str, list[float]]:
    """Seconds of every case and round; every other round runs in the opposite order.

    Args:
        cases: Each runs once and returns its seconds.
        rounds: How often each is run.
    """
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            seconds[name].append(cases[name]())
            say(f"round {number + 1}/{rounds}  {name}  {seconds[name][-1]:.2f} s")
    return seconds


def say(line: str) -> None:
    """A line of progress on stderr."""
    print(f"  {line}", file=sys.stderr, flush=True)
