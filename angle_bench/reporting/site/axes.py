"""Where values stand in a drawing, in percent of its width or height, and the ticks beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ROOM = 3.0  # percent left free at both ends


@dataclass(frozen=True)
class Axis:
    """A scale from values to percent.

    Attributes:
        low: The least value that is drawn.
        high: The largest; above `low`.
        ticks: Values that are written beside it.
        logarithmic: Whether equal ratios are equally far apart; then all values are above 0.
        upwards: Whether larger values stand higher, as percent counts from the top.
    """

    low: float
    high: float
    ticks: tuple[float, ...] = ()
    logarithmic: bool = False
    upwards: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, upwards: bool = False, count: int = 5) -> "Axis":
        """Over all values, with round ticks.

        >>> Axis.over([-0.4, 1.3]).ticks
        (0.0, 0.5, 1.0)
        """
        low, high = _apart(min(values), max(values))
        step = _round_step((high - low) / count)
        first = math.ceil(low / step - 1e-9)
        ticks = [round(at * step, 10) for at in range(first, math.floor(high / step + 1e-9) + 1)]
        return cls(low, high, tuple(each + 0.0 for each in ticks), upwards=upwards)

    @classmethod
    def logarithmic_over(cls, values: Sequence[float]) -> "Axis":
        """The same by ratios, for values above 0; a tick at 1, 2 and 5 of each power of ten."""
        low, high = min(values), max(values)
        low, high = (low / 2, high * 2) if low == high else (low, high)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [head * 10.0**power for power in powers for head in (1, 2, 5)]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) > 7:
            inside = [10.0**power for power in powers if low <= 10.0**power <= high]
        return cls(low, high, tuple(inside), logarithmic=True)

    def at(self, value: float) -> float:
        """The place of a value in percent, with one decimal."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = ROOM + (100 - 2 * ROOM) * (value - low) / (high - low)
        return round(92 - 0.9 * share if self.upwards else share, 1)  # ticks stand below


def _apart(low: float, high: float) -> tuple[float, float]:
    return (low - 1, high + 1) if low == high else (low, high)


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(head * power for head in (1, 2, 5, 10) if head * power >= rough * (1 - 1e-9))
