"""A verdict on a difference, and its numbers as text in points (×100)."""

from dataclasses import dataclass
from typing import Literal

from angle_bench.reporting.statistics.inference import ALPHA, Estimate

Word = Literal["better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True)
class Verdict:
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
        if self.p < ALPHA:
            return "better" if self.estimate.difference > 0 else "worse"
        return "equivalent" if self.within else "undecided"

    @property
    def within(self) -> bool:
        """Whether the difference is shown to lie within the margin."""
        return self.p_equivalent < ALPHA

    def text(self) -> str:
        """The word with what it rests on."""
        if self.word == "undecided":
            return f"undecided; this comparison resolves ≥ {points(self.estimate.resolves())}"
        if self.word == "equivalent":
            return f"equivalent within ±{points(self.margin)}"
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
    """A difference and its 95 % interval."""
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
