"""Adam, whose steps are the same to the bit on every machine: operations on single numbers in a fixed order."""

import numpy as np

_DECAY_MEAN, _DECAY_SQUARE, _TINY = 0.9, 0.999, 1e-8
"""Kingma and Ba (ICLR 2015), Algorithm 1."""


class Adam:
    """Climbs along gradients.

    Args:
        weights: what is changed in place, shape (n,).
        learning_rate: above 0.
    """

    def __init__(self, weights: np.ndarray, learning_rate: float):
        self._weights, self._learning_rate = weights, learning_rate
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)
        self._mean_left = self._square_left = 1.0  # powers of the decays, by multiplication: libraries' powers differ

    def climb(self, gradient: np.ndarray) -> None:
        """One step upwards.

        Args:
            gradient: shape (n,).
        """
        self._mean = _DECAY_MEAN * self._mean + (1.0 - _DECAY_MEAN) * gradient
        self._square = _DECAY_SQUARE * self._square + (1.0 - _DECAY_SQUARE) * (gradient * gradient)
        self._mean_left, self._square_left = self._mean_left * _DECAY_MEAN, self._square_left * _DECAY_SQUARE
        mean, square = self._mean / (1.0 - self._mean_left), self._square / (1.0 - self._square_left)
        self._weights += self._learning_rate * mean / (np.sqrt(square) + _TINY)
