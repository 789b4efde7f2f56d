"""From a difference and its standard error to intervals, p values and equivalence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from angle_bench.reporting.statistics.distributions import (
    binomial_below,
    normal_below,
    normal_quantile,
    student_below,
    student_quantile,
)

LEVEL = 0.95
ALPHA = 1 - LEVEL
POWER = 0.80


@dataclass(frozen=True)
class Estimate:
    """A difference with its standard error, or the reason why it has none.

    Attributes:
        difference: Candidate minus base.
        standard_error: Of the difference; NaN where there is a refusal.
        degrees_of_freedom: Infinite means the normal distribution.
        effective: The effective number of independent sentences.
        refusal: Why nothing can be said of the difference.
        units: Of few that differ: how many different items there are, and in how many of them
            the two sides differ.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: float = math.inf
    effective: float = math.inf
    refusal: str = ""
    units: tuple[int, int] | None = None

    @classmethod
    def refused(cls, difference: float, why: str, effective: float = math.nan) -> "Estimate":
        """A difference that nothing can be said of."""
        return cls(difference, math.nan, math.nan, effective, why)

    def with_p(self, p: float) -> "Estimate":
        """The same with the two-sided p value of an exact test.

        The standard error becomes that which gives this p value, so that the interval agrees with
        the test (Miettinen 1976, "Estimability and estimation in case-referent studies").
        """
        error = abs(self.difference) / -self._quantile(p / 2)
        return replace(self, standard_error=error)

    def over_units(self, count: int, differing: int) -> "Estimate":
        """The same, over so many different items of which so many differ."""
        return replace(self, units=(count, differing))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The confidence interval; NaN where there is a refusal."""
        half = self._quantile((1 + level) / 2) * self.standard_error
        return self.difference - half, self.difference + half

    @property
    def p(self) -> float:
        """Two-sided p value of no difference; 1 without a standard error above 0."""
        if self.refusal or self.standard_error == 0:
            return 1.0
        return 2 * self._below(-abs(self.difference))

    def p_equivalent(self, margin: float) -> float:
        """The larger p value of the two one-sided tests that the difference is within ±margin.

        Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power
        approach". Where few items differ, it is no smaller than the probability that as few do
        if a share of `margin` would: the rule of three.
        """
        if self.refusal or (self.standard_error == 0 and self.difference):
            return 1.0
        found = self._below(abs(self.difference) - margin) if self.standard_error > 0 else 0.0
        if self.units is None:
            return found
        count, differing = self.units
        return max(found, binomial_below(differing, count, min(margin, 1.0)))

    def resolves(self, alpha: float = ALPHA, power: float = POWER) -> float:
        """The difference that a test at `alpha` with this standard error finds with `power`."""
        return (self._quantile(1 - alpha / 2) + self._quantile(power)) * self.standard_error

    def _below(self, distance: float) -> float:
        """The probability of an estimate that is off by `distance` or less."""
        scaled = distance / self.standard_error
        if math.isinf(self.degrees_of_freedom):
            return normal_below(scaled)
        return student_below(self.degrees_of_freedom, scaled)

    def _quantile(self, probability: float) -> float:
        if math.isinf(self.degrees_of_freedom):
            return normal_quantile(probability)
        return student_quantile(self.degrees_of_freedom, probability)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given (Holm 1979).

    >>> [round(p, 4) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    count = len(p_values)
    adjusted, highest = [0.0] * count, 0.0
    for step, place in enumerate(sorted(range(count), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (count - step) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def welch(terms: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The sum of variances, and its degrees of freedom (Welch–Satterthwaite).

    Args:
        terms: Variances, each with its degrees of freedom; infinite where it is as good as known.
    """
    total = math.fsum(variance for variance, _ in terms)
    spread = math.fsum(
        variance**2 / degrees_of_freedom
        for variance, degrees_of_freedom in terms
        if not math.isinf(degrees_of_freedom)
    )
    return total, math.inf if spread == 0 else total**2 / spread
