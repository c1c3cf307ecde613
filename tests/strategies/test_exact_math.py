"""Mathematics of the same digits on every machine: right, and made of exactly rounded operations."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metaqnn.strategies.exact_math import exponential, log_expected_excess, logarithm, normal_cdf


@given(st.floats(-699.0, 700.0))
def test_the_exponential(x):
    assert exponential(x) == pytest.approx(math.exp(x), rel=1e-14)


@given(st.floats(1e-300, 1e300))
def test_the_logarithm(x):
    assert logarithm(x) == pytest.approx(math.log(x), rel=1e-14, abs=1e-16)


def test_what_is_known_of_them():
    assert (exponential(0.0), exponential(-1e6), logarithm(1.0)) == (1.0, 0.0, 0.0)
    # To the bit, whatever a mathematics library would say of it; e is 2.718281828459045.
    assert (exponential(1.0), logarithm(2.0)) == (2.7182818284590455, 0.6931471805599453)


@given(st.floats(-40.0, 40.0))
@example(7.938859916687619)  # here the series of Phi says 1.0000000000000009
@example(-7.938859916687619)
def test_the_normal_distribution(z):
    assert normal_cdf(z) == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2.0)), abs=1e-15)
    assert 0.0 <= normal_cdf(z) <= 1.0


def test_what_is_known_of_the_normal_distribution():
    # The quantile of 97.5 % is 1.959963984540054.
    assert (normal_cdf(0.0), normal_cdf(1e9), normal_cdf(-1e9)) == (0.5, 1.0, 0.0)
    assert normal_cdf(1.959963984540054) == pytest.approx(0.975, abs=1e-15)


def excess(z: float) -> Decimal:
    """phi(z) + z Phi(z) to 60 digits: the series of Phi, with digits enough for what cancels."""
    with localcontext() as context:
        context.prec = 120
        z, pi = Decimal(z), Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620")
        density = (-z * z / 2).exp() / (2 * pi).sqrt()
        term = total = z
        n = 1
        while abs(term) > Decimal("1e-110"):
            n += 2
            term *= z * z / n
            total += term
        return density + z * (Decimal("0.5") + density * total)


@pytest.mark.parametrize("z", [-9.0, -6.25, -4.0, -2.500001, -2.5, -2.25, -1.0, -0.125, 0.0, 0.5, 1.0, 3.0, 7.75, 12.0])
def test_the_expected_excess(z):
    assert log_expected_excess(z) == pytest.approx(float(excess(z).ln()), abs=1e-12)


def test_what_is_hopeless_keeps_its_order():
    values = [log_expected_excess(z) for z in range(-1000, 40, 10)]
    assert values == sorted(set(values))
    assert all(math.isfinite(value) for value in values)
    assert log_expected_excess(0.0) == pytest.approx(-0.5 * math.log(2 * math.pi), abs=1e-15)


def test_the_two_ways_meet():
    below, above = log_expected_excess(math.nextafter(-2.5, -3.0)), log_expected_excess(-2.5)
    assert below == pytest.approx(above, abs=1e-12)
