"""Metrics as pure functions over arrays."""

import numpy as np


def exact_match(predicted: np.ndarray, wanted: np.ndarray) -> float:
    """The share of rows that are right in every label, in [0, 1]: the subset accuracy.

    Args:
        predicted, wanted: of shape (N, labels), true where a label holds.
    """
    return float(np.count_nonzero((predicted.astype(bool) == wanted.astype(bool)).all(axis=1)) / len(wanted))


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    """The average precision of one label, in [0, 1]: the sum over thresholds of (R_n - R_{n-1}) P_n.

    Precision and recall are taken after each distinct score, the highest first, without interpolation (Zhu 2004, as
    scikit-learn has it).

    Args:
        scores: of shape (N,).
        wanted: of shape (N,), true where the label holds, which is somewhere.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(wanted[order].astype(np.int64))
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def mean_average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    """The mean of the average precision over the labels that occur, in [0, 1]; NaN where none does.

    Args:
        scores: of shape (N, labels).
        wanted: likewise, true where a label holds.
    """
    occurring = np.flatnonzero(wanted.any(axis=0))
    if not len(occurring):
        return float("nan")
    return float(np.mean([average_precision(scores[:, label], wanted[:, label]) for label in occurring]))


def squared_errors(predicted: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The mean squared error of each column, of shape (numbers,), in doubles."""
    return np.square(predicted.astype(np.float64) - wanted).mean(axis=0)


def r2(predicted: np.ndarray, wanted: np.ndarray) -> float:
    """The coefficient of determination, at most 1, as the mean over the columns.

    A column that does not vary counts 1 where it is predicted to the bit, else 0, as scikit-learn has it.

    Args:
        predicted, wanted: of shape (N, numbers).
    """
    errors, variances = squared_errors(predicted, wanted), wanted.var(axis=0)
    varies = variances > 0
    shares = np.where(errors == 0, 1.0, 0.0)
    shares[varies] = 1.0 - errors[varies] / variances[varies]
    return float(shares.mean())


def root_mean_squared_error(predicted: np.ndarray, wanted: np.ndarray) -> float:
    """The root of the mean squared error, in the unit of the numbers, as the mean over the columns."""
    return float(np.sqrt(squared_errors(predicted, wanted)).mean())


def mean_absolute_error(predicted: np.ndarray, wanted: np.ndarray) -> float:
    """The mean of the absolute errors, in the unit of the numbers, over rows and columns."""
    return float(np.abs(predicted.astype(np.float64) - wanted).mean())
