"""The distributions that tests and intervals need: normal, Student's t, binomial.

They are written out because scipy, which has them, is the largest part of an installation that
only compares scores; the tests hold them to scipy's, relative to what they give.
"""

import math
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
Number = TypeVar("Number", float, Values)

_STEPS = 10_000  # of a continued fraction; some √df of them are needed
_MANY = 1000.0  # degrees of freedom
_FAR = 1e150  # whose square is a number
_EXACT = 1e-14  # a step of the fraction; rounding alone can keep it above 1e-15
_SETTLED = 1e-13  # relative, of a quantile: the step after it would be below rounding
_MOST_STEPS = 100  # of Newton
_LARGE = 60.0  # from here on the series of Γ(a + ½) / Γ(a) is exact to the last digit


def normal_below(z: float) -> float:
    """The probability of a standard normal value of z or less.

    >>> normal_below(0.0)
    0.5
    """
    return math.erfc(-z / math.sqrt(2)) / 2


def normal_quantile(probability: float) -> float:
    """The value that a standard normal one is below with a probability."""
    if not 0 < probability < 1:
        return math.copysign(math.inf, probability - 0.5)
    return NormalDist().inv_cdf(probability)


def student_below(degrees_of_freedom: float, t: float) -> float:
    """The probability of a value of Student's t distribution of t or less; NaN of no such one.

    The regularised incomplete beta function by its continued fraction, DLMF 8.17.22
    (https://dlmf.nist.gov/8.17); its factor by DLMF 8.17.20. Of many degrees of freedom the normal
    distribution of a transformed t: Hill 1970, "Algorithm 395: Student's t-distribution".

    >>> round(student_below(1.0, 1.0), 15)  # of Cauchy's
    0.75
    """
    if not degrees_of_freedom > 0 or math.isnan(t):
        return math.nan
    value, df = max(-_FAR, min(t, _FAR)), degrees_of_freedom
    if df > _MANY:
        return normal_below(math.copysign(float(_as_normal(df, value**2)), value))
    squares, half = value**2 / df, df / 2
    x, rest = 1 / (1 + squares), squares / (1 + squares)
    factor = math.exp(-half * math.log1p(squares)) * math.sqrt(rest / math.pi) * _gamma_ratio(half)
    tail = _far(half, factor, x) if _is_far(half, x) else _near(half, factor, rest)
    return tail if value <= 0 else 1 - tail


def each_student_below(degrees_of_freedom: float, t: ArrayLike) -> Values:
    """The same of each t, in their shape."""
    values, df = np.clip(np.asarray(t, dtype=float), -_FAR, _FAR), degrees_of_freedom
    if not df > 0:
        return np.full_like(values, math.nan)
    if df > _MANY:
        return np.asarray(_normal(np.sign(values) * _as_normal(df, values**2)))
    squares, half = values.ravel() ** 2 / df, df / 2
    x, rest = 1 / (1 + squares), squares / (1 + squares)
    factor = np.exp(-half * np.log1p(squares)) * np.sqrt(rest / math.pi) * _gamma_ratio(half)
    far, tail = _is_far(half, x), np.empty_like(x)
    tail[far] = _far(half, factor[far], x[far])
    tail[~far] = _near(half, factor[~far], rest[~far])
    tail = tail.reshape(values.shape)
    return np.asarray(np.where(values <= 0, tail, 1 - tail))


def student_quantile(degrees_of_freedom: float, probability: float) -> float:
    """The value that one of Student's t distribution is below with a probability.

    Newton's steps on the logarithm of the tail, kept within a bracket. NaN where there is no such
    distribution.
    """
    if not degrees_of_freedom > 0 or math.isnan(probability):
        return math.nan
    if not 0 < probability < 1:
        return math.copysign(math.inf, probability - 0.5)
    wanted = min(probability, 1 - probability)
    t = high = normal_quantile(wanted)  # whose tails are thinner
    low = 2 * t - 1
    while student_below(degrees_of_freedom, low) > wanted:
        if low < -_FAR:
            return math.copysign(math.inf, probability - 0.5)
        low, high = 2 * low, low
    for _ in range(_MOST_STEPS):
        tail = student_below(degrees_of_freedom, t)
        low, high = (t, high) if tail < wanted else (low, t)
        step = t - math.log(tail / wanted) * tail / _density(degrees_of_freedom, t)
        last, t = t, step if low <= step <= high else (low + high) / 2
        if abs(t - last) <= _SETTLED * abs(t):
            break
    return t if probability < 0.5 else -t


def binomial_below(most: int, count: int, share: float) -> float:
    """The probability that at most so many of `count` independent items have a property.

    >>> binomial_below(1, 3, 0.5)
    0.5
    """
    if share <= 0 or most >= count:
        return 1.0
    if share >= 1:
        return 0.0
    at = np.arange(most)
    steps = np.log((count - at) / (at + 1)) + math.log(share) - math.log1p(-share)
    terms = count * math.log1p(-share) + np.concatenate([[0.0], np.cumsum(steps)])
    return min(1.0, math.fsum(np.exp(terms)))


_normal = np.vectorize(normal_below, otypes=[float])


def _as_normal(df: float, squares: Any) -> Values:
    a = df - 0.5
    b = 48 * a**2
    w = np.sqrt(a * np.log1p(squares / df))
    series = ((4 * w**2 + 33) * w**2 + 240) * w**2 + 855
    return np.asarray(w + w * (w**2 + 3 - series / (10 * (b + 0.8 * w**4 + 100))) / b)


def _density(df: float, t: float) -> float:
    spread = math.exp(-(df + 1) / 2 * math.log1p(t * t / df))
    return _gamma_ratio(df / 2) / math.sqrt(df * math.pi) * spread


def _gamma_ratio(a: float) -> float:
    """Γ(a + ½) / Γ(a), of large a by its series, since its logarithms cancel (DLMF 5.11.13)."""
    if a < _LARGE:
        return math.exp(math.lgamma(a + 0.5) - math.lgamma(a))
    series = 1 - 1 / (8 * a) + 1 / (128 * a**2) + 5 / (1024 * a**3) - 21 / (32768 * a**4)
    return math.sqrt(a) * (series - 399 / (262144 * a**5) + 869 / (4194304 * a**6))


def _is_far(half: float, x: Number) -> Any:
    """Where the fraction of the tail needs fewer steps than that of its rest."""
    return x < (half + 1) / (half + 2.5)


def _far(half: float, factor: Number, x: Number) -> Number:
    return factor / half * _fraction(half, 0.5, x) / 2


def _near(half: float, factor: Number, rest: Number) -> Number:
    return 0.5 - factor * _fraction(0.5, half, rest)


def _fraction(a: float, b: float, x: Number) -> Number:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    above: Any = 1.0
    below: Any = 1 / (1 - (a + b) * x / (a + 1))
    value = below
    for m in range(1, _STEPS):
        even = m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m)) * x
        odd = -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1)) * x
        below, above = 1 / (1 + even * below), 1 + even / above
        value = value * (above * below)
        below, above = 1 / (1 + odd * below), 1 + odd / above
        change = above * below
        value = value * change
        off = abs(change - 1)
        if (off if isinstance(off, float) else off.max(initial=0.0)) <= _EXACT:
            break
    settled: Number = value
    return settled
