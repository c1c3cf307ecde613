"""Exponential, logarithm and the normal distribution, of the same digits on every machine.

Mathematics libraries differ in their last digit; what a strategy decides by must not. Everything here is made of
operations that IEEE 754 rounds exactly (+, -, *, / and scaling by powers of two), in a fixed order. The results are
right to about 1e-14, relatively.
"""

import math

LOG2_E = 1.4426950408889634
LN_2_HIGH = 0.6931471803691238  # its low 32 bits are zero, so that multiples by exponents are exact
LN_2_LOW = 1.9082149292705877e-10
_LOG_SQRT_2_PI = 0.9189385332046728
SQRT_HALF = 0.7071067811865476

_EXPONENTIAL = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
_AREA_TANGENT = tuple(1.0 / n for n in range(21, 0, -2))
_TAIL = 2.5
"""From there on tails are computed by the continued fraction, which converges fast there."""

_FRACTIONS = 60


def exponential(x: float) -> float:
    """The number e to the power x; 0 below -700.

    By a Taylor polynomial of degree 13 after the nearest multiple of log 2 is taken off.

    Args:
        x: at most 700.
    """
    if x < -700.0:
        return 0.0
    power = math.floor(x * LOG2_E + 0.5)
    rest = (x - power * LN_2_HIGH) - power * LN_2_LOW
    total = 0.0
    for coefficient in _EXPONENTIAL:
        total = total * rest + coefficient
    return math.ldexp(total, power)


def logarithm(x: float) -> float:
    """The natural logarithm of a positive number, by log(m) = 2 artanh((m - 1) / (m + 1)) of its mantissa."""
    mantissa, power = math.frexp(x)
    if mantissa < SQRT_HALF:
        mantissa, power = 2.0 * mantissa, power - 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = ratio * ratio, 0.0
    for coefficient in _AREA_TANGENT:
        total = total * square + coefficient
    return power * LN_2_HIGH + (2.0 * ratio * total + power * LN_2_LOW)


def log_expected_excess(z: float) -> float:
    """The logarithm of E[max(0, z + N)] = phi(z) + z * Phi(z) for a standard normal N.

    Below -2.5 by the continued fraction of the Mills ratio (Laplace, 1805; Abramowitz and Stegun, 26.2.14), which has
    no cancellation, so that improbable gains keep their order; above by the series of Phi (26.2.11).
    """
    log_density = -0.5 * z * z - _LOG_SQRT_2_PI
    if z < -_TAIL:
        fraction = _mills_fraction(-z)
        return log_density + logarithm(fraction / (fraction - z))
    density = exponential(log_density)
    return logarithm(density + z * _normal_distribution(z, density))


def normal_cdf(z: float) -> float:
    """The probability that a standard normal variable is below z, right to 1e-15, absolutely, and from 0 to 1."""
    if z < 0.0:
        return 1.0 - normal_cdf(-z)
    density = exponential(-0.5 * z * z - _LOG_SQRT_2_PI)
    if z > _TAIL:  # the sum of the series rounds too often there, and may exceed 1
        return 1.0 - density / (z + _mills_fraction(z))
    return _normal_distribution(z, density)


def _mills_fraction(z: float) -> float:
    """The f in the Mills ratio 1 / (z + f) of a z in the tail: 1 / (z + 2 / (z + 3 / (z + ...)))."""
    fraction = 0.0
    for n in range(_FRACTIONS, 0, -1):
        fraction = n / (z + fraction)
    return fraction


def _normal_distribution(z: float, density: float) -> float:
    """Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3 5) + ...)."""
    if z > 8.0:
        return 1.0
    square, term, total, n = z * z, z, z, 1
    while abs(term) > 1e-17 * abs(total):
        n += 2
        term = term * square / n
        total += term
    return 0.5 + density * total
