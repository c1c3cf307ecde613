"""A stack of LSTM layers, forward and backward, in operations that every machine rounds alike.

Source: Hochreiter and Schmidhuber (1997), with forget gates (Gers, Schmidhuber and Cummins, 2000). See
`metaqnn.strategies.exact_arrays` for why nothing here is a matrix product of a library.
"""

from typing import NamedTuple

import numpy as np

from metaqnn.strategies.exact_arrays import hyperbolic_tangents, matrix_product, sigmoids, total


class Layer(NamedTuple):
    """The weights of a layer of u units, or their gradients.

    Attributes:
        weights: from input and output before (2 u) to the four gates: input, forget, output, new; shape (2 u, 4 u).
        bias: shape (4 u,).
    """

    weights: np.ndarray
    bias: np.ndarray


class State(NamedTuple):
    """What a layer remembers: output and cell, each of shape (..., u)."""

    output: np.ndarray
    cell: np.ndarray


class Activation(NamedTuple):
    """What a layer computed at one step; the leading axes are those of its input.

    Attributes:
        read: input and output before, (..., 2 u).
        before: the cell before, (..., u).
        gates: after their activations, (..., 4 u).
        squashed: tanh of the cell, (..., u).
        state: after the step.
    """

    read: np.ndarray
    before: np.ndarray
    gates: np.ndarray
    squashed: np.ndarray
    state: State


def initial_states(layers: list[Layer], *leading: int) -> list[State]:
    """Zeros for each layer, of some leading axes."""
    shape = (*leading, layers[0].bias.shape[0] // 4)
    return [State(np.zeros(shape), np.zeros(shape)) for _ in layers]


def forward(layers: list[Layer], states: list[State], inputs: np.ndarray) -> list[Activation]:
    """One step of every layer, each reading the output of the one below.

    Args:
        layers: from the lowest.
        states: of each before the step.
        inputs: of the lowest, shape (..., u).
    """
    activations = []
    for layer, state in zip(layers, states, strict=True):
        units = inputs.shape[-1]
        read = np.concatenate((inputs, state.output), axis=-1)
        sums = total(read[..., None] * layer.weights)
        sums += layer.bias
        new = sums[..., 3 * units :]
        new += new  # tanh x = 2 sigmoid(2 x) - 1: one sigmoid does for all gates
        gates = sigmoids(sums)
        new = gates[..., 3 * units :]
        new += new
        new -= 1.0
        cell = gates[..., units : 2 * units] * state.cell + gates[..., :units] * new
        squashed = hyperbolic_tangents(cell)
        output = gates[..., 2 * units : 3 * units] * squashed
        activations.append(Activation(read, state.cell, gates, squashed, State(output, cell)))
        inputs = output
    return activations


class Backward:
    """Goes back through the steps of a batch, from the last to the first, and keeps what the weights' gradients need.

    Args:
        layers: as in `forward`.
        batch: sequences side by side: the only leading axis.
    """

    def __init__(self, layers: list[Layer], batch: int):
        self._transposed = [np.ascontiguousarray(layer.weights.T) for layer in layers]
        self._into = initial_states(layers, batch)  # gradients by the states after the step that comes next
        self._reads: list[list[np.ndarray]] = [[] for _ in layers]
        self._slopes: list[list[np.ndarray]] = [[] for _ in layers]

    def step(self, activations: list[Activation], into_output: np.ndarray) -> np.ndarray:
        """Go back through one step.

        Args:
            activations: of `forward`.
            into_output: gradient by the topmost output at this step, (batch, u), but for what later steps add.

        Returns:
            gradient by the inputs of the lowest layer, (batch, u).
        """
        units = into_output.shape[1]
        for place in range(len(activations) - 1, -1, -1):
            one, later = activations[place], self._into[place]
            opened, kept, shown, new = (one.gates[:, part * units : (part + 1) * units] for part in range(4))
            by_output = into_output + later.output
            by_cell = later.cell + by_output * shown * (1.0 - one.squashed * one.squashed)
            gates = np.concatenate((by_cell * new, by_cell * one.before, by_output * one.squashed, by_cell * opened), 1)
            gates[:, : 3 * units] *= one.gates[:, : 3 * units] * (1.0 - one.gates[:, : 3 * units])
            gates[:, 3 * units :] *= 1.0 - new * new
            self._reads[place].append(one.read)
            self._slopes[place].append(gates)
            by_read = total(gates[:, :, None] * self._transposed[place])
            self._into[place] = State(by_read[:, units:], by_cell * kept)
            into_output = by_read[:, :units]
        return into_output

    def gradients(self) -> list[Layer]:
        """By the weights of every layer, added over all steps."""
        found = []
        for reads, slopes in zip(self._reads, self._slopes, strict=True):
            gates = np.concatenate(slopes)
            found.append(Layer(matrix_product(np.concatenate(reads).T, gates), total(gates).copy()))
        return found
