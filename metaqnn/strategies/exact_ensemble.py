"""An ensemble of small neural networks whose every digit is the same on every machine.

Matrix products differ in their last digits, as libraries add in different orders. Here all that is multiplied is
rounded to whole multiples of 2**-20 below 16 in magnitude and sums have at most 32 such products: every partial sum is
a whole multiple of 2**-40 below 2**13, which a double holds exactly, so that no order and no fused operation can make a
difference. The rest is elementwise and rounded by IEEE 754.
"""

import math

import numpy as np

from metaqnn.seeding import Stream

_WIDTH, _BATCH = 32, 32
"""Units of each hidden layer and examples of each step; more would break the rule above."""

_SCALE, _BOUND = 2.0**20, 16.0

_STEPS, _LEARNING_RATE = 200, 0.01
_DECAY_MEAN, _DECAY_SQUARE, _TINY = 0.9, 0.99, 1e-8
"""Of Adam (Kingma and Ba, 2015)."""


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(np.clip(values, -_BOUND, _BOUND) * _SCALE) * (1.0 / _SCALE))


class ExactEnsemble:
    """Networks of two hidden layers of rectified units, trained on squared errors by Adam at a falling learning rate.

    They differ in where they begin and in the examples of each step.

    Args:
        inputs: ones and zeros, at most 500 ones in a row, float64 of shape (examples, features).
        targets: standardised, shape (examples,).
        members: networks.
        stream: of all that is random.
    """

    def __init__(self, inputs: np.ndarray, targets: np.ndarray, members: int, stream: Stream):
        self._members = members
        features, active = inputs.shape[1], max(1.0, float(inputs.sum(axis=1).max()))
        shapes = [(features, _WIDTH), (1, _WIDTH), (_WIDTH, _WIDTH), (1, _WIDTH), (_WIDTH, 1), (1, 1)]
        limits = [math.sqrt(6.0 / active), 0.0, math.sqrt(6.0 / _WIDTH), 0.0, math.sqrt(3.0 / _WIDTH), 0.0]
        sizes = [members * rows * columns for rows, columns in shapes]
        drawn = np.concatenate([_uniform(stream, size) * limit for size, limit in zip(sizes, limits, strict=True)])
        self._flat, gradients = _rounded(drawn), np.zeros(sum(sizes))
        ends = np.cumsum(sizes).tolist()

        def views(flat: np.ndarray) -> list[np.ndarray]:
            parts = zip(ends, sizes, shapes, strict=True)
            return [flat[end - size : end].reshape(members, *shape) for end, size, shape in parts]

        self._weights = views(self._flat)
        self._train(inputs, targets, views(gradients), gradients, stream)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """What each network expects, shape (members, examples)."""
        return self._layers(np.broadcast_to(inputs, (self._members, *inputs.shape)))[-1][:, :, 0]

    def _layers(self, inputs: np.ndarray) -> list[np.ndarray]:
        first, first_bias, second, second_bias, last, last_bias = self._weights
        hidden = _rounded(np.maximum(np.matmul(inputs, first) + first_bias, 0.0))
        deeper = _rounded(np.maximum(np.matmul(hidden, second) + second_bias, 0.0))
        return [hidden, deeper, np.matmul(deeper, last) + last_bias]

    def _train(
        self, inputs: np.ndarray, targets: np.ndarray, parts: list[np.ndarray], gradients: np.ndarray, stream: Stream
    ) -> None:
        mean, square = np.zeros(len(self._flat)), np.zeros(len(self._flat))
        mean_left = square_left = 1.0
        second, last = self._weights[2], self._weights[4]
        for step in range(_STEPS):
            drawn = _uniform(stream, self._members * _BATCH) * 0.5 + 0.5
            chosen = np.minimum((drawn * len(inputs)).astype(np.int64), len(inputs) - 1).reshape(self._members, _BATCH)
            examples = inputs[chosen]
            hidden, deeper, predicted = self._layers(examples)
            error = _rounded(predicted - targets[chosen][:, :, None])
            to_deeper = _rounded(np.where(deeper > 0.0, np.matmul(error, last.transpose(0, 2, 1)), 0.0))
            to_hidden = _rounded(np.where(hidden > 0.0, np.matmul(to_deeper, second.transpose(0, 2, 1)), 0.0))
            layers = ((examples, to_hidden), (hidden, to_deeper), (deeper, error))
            for place, (below, above) in enumerate(layers):
                np.matmul(below.transpose(0, 2, 1), above, out=parts[2 * place])
                np.sum(above, axis=1, keepdims=True, out=parts[2 * place + 1])
            mean = _DECAY_MEAN * mean + (1.0 - _DECAY_MEAN) * gradients
            square = _DECAY_SQUARE * square + (1.0 - _DECAY_SQUARE) * (gradients * gradients)
            mean_left, square_left = mean_left * _DECAY_MEAN, square_left * _DECAY_SQUARE
            rate = _LEARNING_RATE * (1.0 - step / _STEPS) * math.sqrt(1.0 - square_left) / (1.0 - mean_left)
            self._flat[:] = _rounded(self._flat - rate * mean / (np.sqrt(square) + _TINY))


def _uniform(stream: Stream, count: int) -> np.ndarray:
    """In [-1, 1), shape (count,)."""
    return (stream.raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
