"""The model of returns against linear algebra by a library, and small cases by hand."""

import math

import numpy as np
import pytest

from metaqnn.seeding import Stream
from metaqnn.strategies.return_model import (
    ACTION_FACTORS,
    NOISES,
    NUMBER_WEIGHTS,
    Points,
    ReturnModel,
    Weights,
    covariance,
    fitted,
    log_evidence,
)
from metaqnn.strategies.triangular import cholesky, solve_lower, solve_upper


def points(*rows: str, numbers: list[float] | None = None) -> Points:
    groups = () if numbers is None else (np.array(numbers)[:, None],)
    return Points(np.array([[int(digit) for digit in row] for row in rows]), groups)


def drawn(count: int, steps: int = 5, options: int = 3, seed: int = 0) -> Points:
    values = Stream(seed, "points").integers(options, count * steps)
    return Points(np.array(values).reshape(count, steps), ())


def test_a_covariance_by_hand():
    weights = Weights((6, 0, 9), (4,))
    assert (ACTION_FACTORS[6], ACTION_FACTORS[9], NUMBER_WEIGHTS[4]) == (0.76, 0.4, 1 / 64)
    found = covariance(points("000", numbers=[0.0]), points("000", "100", "010", "111", numbers=[0, 0, 8, 4]), weights)
    assert found.tolist() == [[1.0, 0.76, 1 / (1 + 64 / 64), 0.76 * 0.4 * (1 / (1 + 16 / 64))]]


def test_linear_algebra():
    matrix = covariance(drawn(40), drawn(40), Weights.prior(5, 0)) + 0.03 * np.eye(40)
    lower, right = cholesky(matrix), np.arange(40.0)
    assert np.allclose(lower, np.linalg.cholesky(matrix), atol=1e-12)
    assert np.allclose(solve_lower(lower, right), np.linalg.solve(lower, right), atol=1e-9)
    assert np.allclose(solve_upper(lower, right), np.linalg.solve(lower.T, right), atol=1e-9)
    two = np.stack([right, right[::-1]], axis=1)
    assert (solve_lower(lower, two)[:, 0] == solve_lower(lower, right)).all()
    assert cholesky(np.array([[1.0, 2.0], [2.0, 1.0]])) is None


def test_the_evidence():
    # Rasmussen and Williams (2006), equation 5.8, with the variance v = y^T K^-1 y / n in it; the constant left out.
    some, weights = drawn(12), Weights((5, 6, 7, 6, 6), (), noise=3)
    returns = np.array(Stream(1, "returns").integers(100, 12)) / 50 - 1
    matrix = covariance(some, some, weights)
    whole = matrix + NOISES[3] * np.eye(12)
    variance = returns @ np.linalg.solve(whole, returns) / 12
    expected = -6 * math.log(variance) - 0.5 * np.linalg.slogdet(whole)[1] - (1 + 1) / (2 * 9)
    assert log_evidence(matrix, returns, weights) == pytest.approx(expected, abs=1e-9)


def test_a_posterior():
    observed, asked = drawn(30), drawn(20, seed=5)
    returns = np.array(Stream(2, "returns").integers(100, 30)) / 50 - 1
    weights = Weights((6, 5, 4, 8, 0), (), noise=5)
    model = ReturnModel(observed, weights)
    model.condition(returns)
    means, with_observed = model.means(asked)
    cross, whole = covariance(observed, asked, weights), covariance(observed, observed, weights) + 0.1 * np.eye(30)
    variance = returns @ np.linalg.solve(whole, returns) / 30
    assert np.allclose(means, cross.T @ np.linalg.solve(whole, returns), atol=1e-10)
    left = 1 - np.einsum("ij,ij->j", cross, np.linalg.solve(whole, cross))
    assert np.allclose(model.deviations(with_observed), np.sqrt(left * variance), atol=1e-10)


def test_extended_by_one_or_by_many_it_is_the_same_to_the_bit():
    everything = drawn(25)
    returns = np.array(Stream(3, "returns").integers(100, 25)) / 50 - 1
    at_once = ReturnModel(everything[:10], Weights.prior(5, 0)).extended(everything[10:])
    step_by_step = ReturnModel(everything[:10], Weights.prior(5, 0))
    for place in range(10, 25):
        step_by_step = step_by_step.extended(everything[place : place + 1])
    whole = ReturnModel(everything, Weights.prior(5, 0))
    asked, found = drawn(9, seed=7), []
    for model in (at_once, step_by_step, whole):
        model.condition(returns)
        means, with_observed = model.means(asked)
        found.append((means.tolist(), model.deviations(with_observed).tolist()))
    assert found[0] == found[1]
    assert np.allclose(found[0], found[2], atol=1e-9)


def test_what_is_in_flight_makes_it_surer_and_changes_no_expectation():
    observed, flying, asked = drawn(20), drawn(3, seed=9), drawn(9, seed=11)
    model = ReturnModel(observed, Weights.prior(5, 0))
    model.condition(np.array(Stream(4, "returns").integers(100, 20)) / 50 - 1)
    believing = model.extended(flying)
    before, after = model.means(asked), believing.means(asked)
    assert before[0].tolist() == after[0].tolist()
    assert (believing.deviations(after[1]) <= model.deviations(before[1]) + 1e-12).all()
    assert believing.deviations(believing.means(flying)[1]).max() < model.deviations(model.means(flying)[1]).min()


def test_a_bound_counts_as_what_is_expected_or_as_the_bound_where_that_is_less():
    observed, stopped, later, asked = drawn(20), drawn(1, seed=9), drawn(5, seed=3), drawn(9, seed=11)
    returns = np.array(Stream(4, "returns").integers(100, 25)) / 50 - 1
    before = ReturnModel(observed, Weights.prior(5, 0))
    before.condition(returns[:20])
    expected = float(before.means(stopped)[0][0])

    def means(place_20: float, bounds: list[int]) -> list[float]:
        model = ReturnModel(observed, Weights.prior(5, 0)).extended(stopped).extended(later)
        model.condition(np.array([*returns[:20], place_20, *returns[20:]]), bounds)
        return model.means(asked)[0].tolist()

    assert means(expected + 0.5, [20]) == pytest.approx(means(expected, []), abs=1e-12)
    assert means(expected - 0.5, [20]) == means(expected - 0.5, [])


def test_what_matters_is_learned():
    # The return is the first action alone, with some noise: the others do not matter.
    some = drawn(80)
    noise = np.array(Stream(5, "noise").integers(100, 80)) / 500 - 0.1
    returns = (some.actions[:, 0] == 1) * 2.0 - 1.0 + noise
    weights = Weights.prior(5, 0)
    for _ in range(2):
        weights = fitted(some, returns - returns.mean(), weights)
    assert weights.steps[0] >= 6
    assert max(weights.steps[1:]) <= 2
    assert NOISES[weights.noise] <= 0.1
