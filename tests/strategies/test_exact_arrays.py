"""Arrays of the same digits on every machine: right, and made of exactly rounded operations in a fixed order."""

import ast
import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metaqnn.networks import curve_extrapolation, rungs, successive_halving
from metaqnn.strategies import adam, controller, controller_policy, exact_arrays, lstm
from metaqnn.strategies.exact_arrays import (
    add_rows,
    exponentials,
    hyperbolic_tangents,
    logarithms,
    matrix_product,
    sigmoids,
    total,
)
from metaqnn.strategies.exact_math import logarithm


def numbers(low: float, high: float):
    return arrays(np.float64, st.integers(1, 9), elements=st.floats(low, high))


@given(numbers(-700.0, 700.0))
def test_the_exponential(x):
    assert exponentials(x) == pytest.approx([math.exp(one) for one in x], rel=1e-14 + 3e-16 * float(np.abs(x).max()))


@given(numbers(1e-300, 1e300))
def test_the_logarithm(x):
    assert logarithms(x) == pytest.approx([math.log(one) for one in x], rel=1e-14, abs=1e-16)
    assert logarithms(x).tolist() == [logarithm(one) for one in x.tolist()]


@given(numbers(-40.0, 40.0))
def test_the_sigmoid(x):
    assert sigmoids(x) == pytest.approx([1.0 / (1.0 + math.exp(-one)) for one in x], rel=3e-14)


@given(numbers(-1e3, 1e3))
def test_the_hyperbolic_tangent(x):
    assert hyperbolic_tangents(x) == pytest.approx([math.tanh(one) for one in x], abs=1e-14)


def test_what_is_known_of_them():
    assert exponentials(np.array([0.0])).tolist() == [1.0]
    assert exponentials(np.array([-1e6, -700.0])) == pytest.approx([math.exp(-700.0)] * 2, rel=3e-13)
    assert sigmoids(np.array([0.0, -1e300])) == pytest.approx([0.5, 0.0], abs=1e-17)
    assert hyperbolic_tangents(np.array([0.0, 1e300, -1e300])).tolist() == [0.0, 1.0, -1.0]
    assert logarithms(np.array([1.0])).tolist() == [0.0]


EXPONENTIALS = ["0x1.5bf0a8b145762p+1", "0x1.7b4c869c37bfcp-1", "0x1.060c52565ba60p+18"]
TANGENTS = ["0x1.85efab514f394p-1", "-0x1.2a4dda7d914fap-2", "0x1.ffffffffc2ebap-1"]
LOGARITHMS = ["0x0.0p+0", "-0x1.34378fcbda721p+0", "0x1.434b1382efeb8p+1"]
"""Of 1, -0.3 and 12.5 (of the logarithm, 0.3), as recorded once."""


def test_they_are_the_same_to_the_bit_everywhere():
    x = np.array([1.0, -0.3, 12.5])
    assert [one.hex() for one in exponentials(x)] == EXPONENTIALS
    assert [one.hex() for one in hyperbolic_tangents(x)] == TANGENTS
    assert [one.hex() for one in logarithms(np.abs(x))] == LOGARITHMS


@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3), (2, 3, 4)])
def test_every_shape_is_kept_and_every_place_computed_alone(shape):
    x = np.linspace(-3.0, 3.0, math.prod(shape)).reshape(shape)
    for function in (exponentials, sigmoids, hyperbolic_tangents):
        result = function(x)
        assert result.shape == shape
        for place in np.ndindex(shape):
            assert result[place] == function(np.array([x[place]]))[0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 35, 70])
def test_a_total_adds_by_halves(count):
    terms = np.random.default_rng(count).normal(size=(count, 6))

    def by_halves(values: list[float]) -> float:
        while len(values) > 1:
            half = (len(values) + 1) // 2
            added = [a + b for a, b in zip(values, values[half:], strict=False)]
            values = added + values[len(added) : half]
        return values[0]

    expected = [by_halves(column) for column in terms.T.tolist()]
    assert total(terms.copy()).tolist() == expected
    assert total(np.stack((terms, terms))).tolist() == [expected, expected]
    assert expected == pytest.approx([float(sum(map(Fraction, column))) for column in terms.T.tolist()], abs=1e-13)


def test_a_product_adds_from_the_first_to_the_last():
    random = np.random.default_rng(0)
    left, right = random.normal(size=(3, 40)), random.normal(size=(40, 5))
    result = matrix_product(left, right)
    for row in range(3):
        for column in range(5):
            reached = 0.0
            for k in range(40):
                reached += float(left[row, k]) * float(right[k, column])
            assert result[row, column] == reached
    assert matrix_product(right.T, left.T).tolist() == result.T.tolist()


def test_rows_are_added_where_they_belong():
    result = np.ones((3, 2))
    add_rows(result, np.array([2, 0, 2]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert result.tolist() == [[4.0, 5.0], [1.0, 1.0], [7.0, 9.0]]


FORBIDDEN = {
    *("dot", "matmul", "einsum", "inner", "vdot", "tensordot", "sum", "mean", "cumsum", "prod", "var", "std"),
    *("exp", "log", "tanh", "sinh", "expm1", "log1p", "power", "exp2", "log2", "logaddexp", "pow"),
}


MODULES = [adam, controller, controller_policy, exact_arrays, lstm]
MODULES += [curve_extrapolation, rungs, successive_halving]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_nothing_is_used_whose_last_digit_differs_between_machines(module):
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in FORBIDDEN, f"line {node.lineno}"
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.MatMult), f"line {node.lineno}"
            is_constant = isinstance(node.left, ast.Constant)  # a power of two
            assert not isinstance(node.op, ast.Pow) or is_constant, f"line {node.lineno}"
