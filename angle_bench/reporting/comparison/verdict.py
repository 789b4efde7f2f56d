"""A verdict on a difference, and its numbers as text in points (×100)."""

import math
from dataclasses import dataclass
from typing import Literal

from angle_bench.reporting.statistics.inference import ALPHA, Estimate
from angle_bench.reporting.tables.table import ABSENT

Word = Literal["better", "worse", "equivalent", "not significant", "no verdict"]
WORDS: tuple[Word, ...] = ("better", "worse", "equivalent", "not significant", "no verdict")
FEW = 50  # effective sentences below which their number stands beside a verdict


@dataclass(frozen=True)
class DifferenceVerdict:
    """What can be said of a difference.

    Attributes:
        estimate: Candidate minus base, as a fraction.
        p: Two-sided, adjusted for the others that were asked for at the same time.
        p_equivalent: Of the two one-sided tests, adjusted likewise.
        margin: Within which a difference counts as none, as a fraction.
    """

    estimate: Estimate
    p: float
    p_equivalent: float
    margin: float

    @property
    def word(self) -> Word:
        """A difference that is there comes first, however small."""
        if self.refusal:
            return "no verdict"
        if self.p < ALPHA:
            return "better" if self.estimate.difference > 0 else "worse"
        return "equivalent" if self.within else "not significant"

    @property
    def significant(self) -> bool:
        """Whether the difference is."""
        return self.word in ("better", "worse")

    @property
    def within(self) -> bool:
        """Whether the difference is shown to lie within the margin."""
        return self.p_equivalent < ALPHA

    @property
    def refusal(self) -> str:
        """Why there is no verdict; empty where there is one."""
        estimate = self.estimate
        if estimate.refusal:
            return estimate.refusal
        if estimate.standard_error == 0 and not self.within:
            return "the two agree on every item, and these are too few to call them equivalent"
        return ""

    @property
    def p_text(self) -> str:
        """The p value; nothing where there is no verdict."""
        return "" if self.refusal else p_text(self.p)

    def text(self, *, interval: bool = False) -> str:
        """The word with what it rests on; with the interval where it does not stand beside."""
        estimate = self.estimate
        if self.word == "no verdict":
            return f"no verdict: {self.refusal}"
        if self.word == "not significant":
            low, high = estimate.interval()
            ends = f"95 % CI {signed(low)} to {signed(high)}; " if interval else ""
            return (
                f"not significant ({ends}minimum detectable difference "
                f"{points(estimate.resolves())} points at 80 % power)"
            )
        if self.word == "equivalent":
            return f"equivalent within ±{points(self.margin)} (TOST, α = .05)"
        return f"{self.word}, by less than {points(self.margin)}" if self.within else self.word


def points(fraction: float) -> str:
    """A fraction ×100.

    >>> points(0.003)
    '0.30'
    """
    return f"{100 * fraction:.2f}"


def signed(fraction: float, decimals: int = 2) -> str:
    """A fraction ×100 with its sign.

    >>> signed(-0.0009), signed(0.0131)
    ('−0.09', '+1.31')
    """
    return f"{100 * fraction:+.{decimals}f}".replace("-", "−")


def with_interval(estimate: Estimate) -> str:
    """A difference and its 95 % interval, where it has one."""
    if estimate.refusal:
        return ABSENT if math.isnan(estimate.difference) else signed(estimate.difference)
    low, high = estimate.interval()
    return f"{signed(estimate.difference)} [{signed(low)}, {signed(high)}]"


def p_text(p: float) -> str:
    """A p value to two digits, or three where it is small.

    >>> p_text(0.0004), p_text(0.634), p_text(0.0321), p_text(1)
    ('p < .001', 'p = .63', 'p = .032', 'p = 1')
    """
    if p < 0.001:
        return "p < .001"
    if p > 0.995:
        return "p = 1"
    return f"p = {p:.{2 if p >= 0.1 else 3}f}".replace("0.", ".", 1)
