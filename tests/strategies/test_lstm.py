"""The LSTM against the textbook's formulas; its gradients are held to differences by those of the policy."""

import numpy as np
import pytest

from metaqnn.strategies.lstm import Layer, State, forward, initial_states

UNITS = 4


def layers(count: int) -> list[Layer]:
    random = np.random.default_rng(count)
    return [Layer(random.normal(size=(2 * UNITS, 4 * UNITS)), random.normal(size=4 * UNITS)) for _ in range(count)]


def by_the_book(layer: Layer, state: State, inputs: np.ndarray) -> State:
    gates = np.concatenate((inputs, state.output)) @ layer.weights + layer.bias
    opened, kept, shown = (1 / (1 + np.exp(-part)) for part in np.split(gates, 4)[:3])
    cell = kept * state.cell + opened * np.tanh(gates[3 * UNITS :])
    return State(shown * np.tanh(cell), cell)


def test_it_is_the_textbook_s():
    random, stack = np.random.default_rng(0), layers(2)
    states = expected = initial_states(stack)
    for _ in range(5):
        inputs = random.normal(size=UNITS)
        states = [one.state for one in forward(stack, states, inputs)]
        below = by_the_book(stack[0], expected[0], inputs)
        expected = [below, by_the_book(stack[1], expected[1], below.output)]
        for state, other in zip(states, expected, strict=True):
            assert state.output == pytest.approx(other.output, abs=1e-13)
            assert state.cell == pytest.approx(other.cell, abs=1e-13)


def test_a_batch_is_its_sequences_to_the_bit():
    stack, inputs = layers(2), np.random.default_rng(1).normal(size=(3, UNITS))
    together = forward(stack, initial_states(stack, 3), inputs)
    for place in range(3):
        alone = forward(stack, initial_states(stack), inputs[place])
        for one, other in zip(together, alone, strict=True):
            assert one.state.output[place].tolist() == other.state.output.tolist()
            assert one.state.cell[place].tolist() == other.state.cell.tolist()


def test_nothing_changes_what_it_is_given():
    stack = layers(1)
    inputs, states = np.ones(UNITS), initial_states(stack)
    forward(stack, states, inputs)
    assert inputs.tolist() == [1.0] * UNITS
    assert not states[0].output.any()
    assert not states[0].cell.any()
