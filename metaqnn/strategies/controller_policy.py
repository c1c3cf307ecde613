"""The policy of a recurrent controller: the odds of every decision, and the gradient of what was decided.

Source: Zoph and Le (ICLR 2017), sections 3.1 to 3.3. An LSTM reads the action before and gives the odds of the next by
a softmax; whether a part joins an earlier one is decided by attention to what the LSTM said there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from metaqnn.seeding import Stream
from metaqnn.strategies.decisions import Decision
from metaqnn.strategies.exact_arrays import (
    add_rows,
    exponentials,
    hyperbolic_tangents,
    logarithms,
    matrix_product,
    total,
)
from metaqnn.strategies.exact_math import exponential
from metaqnn.strategies.lstm import Activation, Backward, Layer, forward, initial_states
from metaqnn.strategies.script import Anchor, Script


class Weights(NamedTuple):
    """All weights, or their gradients, as views of one array.

    Attributes:
        embeddings: of each action, and of the start, (actions + 1, u).
        output, output_bias: of the softmax, (u, actions) and (1, actions).
        earlier, current: of the attention, from the outputs at the step that is joined and at the last, (u, u).
        attention: what makes a number of both, (u, 1).
        layers: of the LSTM, from the lowest.
    """

    embeddings: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray
    earlier: np.ndarray
    current: np.ndarray
    attention: np.ndarray
    layers: list[Layer]


class Policy:
    """The weights, and what follows from them.

    Args:
        actions: how many there are.
        units: of each layer of the LSTM, u.
        layers: of the LSTM.
        weight_range: weights begin uniform from minus this to this.
        stream: of the first weights.

    Attributes:
        flat: all weights in one array, which may be changed in place.
    """

    def __init__(self, actions: int, units: int, layers: int, weight_range: float, stream: Stream):
        shapes = [(actions + 1, units), (units, actions), (1, actions), (units, units), (units, units), (units, 1)]
        for _ in range(layers):
            shapes += [(2 * units, 4 * units), (1, 4 * units)]
        self.actions, self.units, self._shapes = actions, units, shapes
        words = stream.raw(sum(rows * columns for rows, columns in shapes))
        self.flat = ((words >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0) * weight_range
        self.weights = self.views(self.flat)

    def views(self, flat: np.ndarray) -> Weights:
        """The parts of an array as long as all weights."""
        parts, end = [], 0
        for rows, columns in self._shapes:
            parts.append(flat[end : end + rows * columns].reshape(rows, columns))
            end += rows * columns
        layers = [Layer(parts[at], parts[at + 1][0]) for at in range(6, len(parts), 2)]
        embeddings, output, output_bias, earlier, current, attention = parts[:6]
        return Weights(embeddings, output, output_bias, earlier, current, attention, layers)

    def gradient(self, scripts: Sequence[Script], advantages: Sequence[float], entropy_weight: float) -> np.ndarray:
        """The gradient of the mean over scripts of: advantage * log p(script) + entropy_weight * entropies.

        The entropies are those of the script's decisions, added.

        Args:
            scripts: at least one.
            advantages: of each.
            entropy_weight: at least 0.

        Returns:
            shape of `flat`.
        """
        flat = np.zeros_like(self.flat)
        gradient, batch = self.views(flat), len(scripts)
        scaled = np.array(advantages) / batch
        tape = _Tape(self.weights, scripts)
        by_outputs = np.zeros_like(tape.outputs)
        tape.through_choices(gradient, by_outputs, scaled, entropy_weight / batch)
        tape.through_anchors(gradient, by_outputs, scaled, entropy_weight / batch)
        tape.through_time(gradient, by_outputs)
        return flat


class Sampler:
    """Writes one network: the odds of each decision given those before.

    Args:
        policy: as it is now.
        stream: what is drawn comes from it.
    """

    def __init__(self, policy: Policy, stream: Stream):
        self._weights, self._stream = policy.weights, stream
        self.script = Script(policy.actions)
        self._states = initial_states(self._weights.layers)
        self._outputs = [np.zeros(policy.units)]
        self._keys = np.zeros((0, policy.units))  # of outputs, as the attention sees them
        self._attended: list[float] | None = None  # odds of joining each row, against 1, as long as no step is made

    def choose(self, decision: Decision) -> int:
        """Draw the place among the choices of a decision."""
        reached = list(accumulate(self.odds(decision)))  # Python's sum compensates in some versions, and so differs
        threshold = self._stream.uniform() * reached[-1]
        drawn = min(bisect_right(reached, threshold), len(reached) - 1)
        place = decision.allowed[drawn]
        self.script.add(decision, place)
        return place

    def odds(self, decision: Decision) -> list[float]:
        """Of the allowed choices, up to a factor; makes the step of the LSTM where one is due."""
        if self.script.needs_step(decision):
            self._step()
        if decision.is_anchor:
            attended = self._attention()
            return [1.0 if row is None else attended[row] for row in self.script.joined_rows(decision)]
        weights, actions = self._weights, list(decision.actions)
        logits = total(weights.output[:, actions] * self._outputs[-1][:, None]) + weights.output_bias[0, actions]
        top = float(logits.max())
        return [exponential(logit - top) for logit in logits.tolist()]  # of few numbers, which arrays are slow for

    def _step(self) -> None:
        weights, reading = self._weights, self.script.reading()
        inputs = weights.embeddings[reading.previous]
        if reading.joined:
            joined = np.array([self._outputs[row] for row in reading.joined])
            inputs = inputs + total(joined) / len(reading.joined)
        activations = forward(weights.layers, self._states, inputs)
        self._states, self._attended = [one.state for one in activations], None
        self._outputs.append(self._states[-1].output)

    def _attention(self) -> list[float]:
        if self._attended is None:
            weights = self._weights
            if rows := self._outputs[len(self._keys) :]:
                keys = total(np.array(rows)[:, :, None] * weights.earlier)
                self._keys = np.concatenate((self._keys, keys))
            query = total(self._outputs[-1][:, None] * weights.current)
            attended = hyperbolic_tangents(self._keys + query)
            scores = total((attended * weights.attention[:, 0]).T.copy())
            self._attended = exponentials(np.minimum(scores, 700.0)).tolist()
        return self._attended


class _Tape:
    """A batch of scripts read again: what every step computed. Shorter scripts go on with steps that decide nothing."""

    def __init__(self, weights: Weights, scripts: Sequence[Script]):
        self._weights, self._scripts = weights, scripts
        batch, steps = len(scripts), max(1, *(len(script.readings) for script in scripts))
        units = weights.output.shape[0]
        self._previous = np.zeros((batch, steps), dtype=np.int64)
        self._joins: dict[int, np.ndarray] = {}  # by step: shares of earlier rows in its input, (batch, step + 1)
        for place, script in enumerate(scripts):
            for step, reading in enumerate(script.readings):
                self._previous[place, step] = reading.previous
                for row in reading.joined:
                    shares = self._joins.setdefault(step, np.zeros((batch, step + 1)))
                    shares[place, row] += 1.0 / len(reading.joined)
        self.outputs = np.zeros((batch, steps + 1, units))
        self._activations: list[list[Activation]] = []
        states = initial_states(weights.layers, batch)
        for step in range(steps):
            inputs = weights.embeddings[self._previous[:, step]]
            if step in self._joins:
                inputs = inputs + total(self._joins[step][:, :, None] * self.outputs[:, : step + 1])
            self._activations.append(forward(weights.layers, states, inputs))
            states = [one.state for one in self._activations[-1]]
            self.outputs[:, step + 1] = states[-1].output

    def through_choices(
        self, gradient: Weights, by_outputs: np.ndarray, advantages: np.ndarray, entropy_weight: float
    ) -> None:
        weights, (batch, rows, units) = self._weights, self.outputs.shape
        steps, actions = rows - 1, weights.output.shape[1]
        allowed, taken = np.zeros((actions, batch * steps), dtype=bool), np.zeros(batch * steps, dtype=np.int64)
        for place, script in enumerate(self._scripts):
            for choice in script.choices:
                at = place * steps + choice.row - 1
                allowed[list(choice.actions), at] = True
                taken[at] = choice.actions[choice.taken]
        outputs = self.outputs[:, 1:].reshape(-1, units)
        logits = matrix_product(weights.output.T, outputs.T) + weights.output_bias.T
        by_logits = _softmax_gradient(logits, allowed, taken, np.repeat(advantages, steps), entropy_weight)
        gradient.output[:] = matrix_product(by_logits, outputs).T
        gradient.output_bias[:] = total(by_logits.T.copy())
        by_outputs[:, 1:] += matrix_product(by_logits.T, weights.output.T).reshape(batch, steps, units)

    def through_anchors(
        self, gradient: Weights, by_outputs: np.ndarray, advantages: np.ndarray, entropy_weight: float
    ) -> None:
        anchors = [(place, one) for place, script in enumerate(self._scripts) for one in script.anchors]
        if not anchors:
            return
        weights, (batch, rows, units) = self._weights, self.outputs.shape
        allowed, joining, earlier, current = _attended(anchors, rows)
        outputs = self.outputs.reshape(-1, units)
        keys, queries = matrix_product(outputs, weights.earlier), matrix_product(outputs, weights.current)
        attended = hyperbolic_tangents(keys[earlier] + queries[current])
        logits = np.zeros(allowed.shape)
        logits[joining] = total((attended * weights.attention[:, 0]).T.copy())
        taken = np.array([anchor.taken for _, anchor in anchors])
        of_scripts = advantages[[place for place, _ in anchors]]
        by_scores = _softmax_gradient(logits, allowed, taken, of_scripts, entropy_weight)[joining][:, None]
        gradient.attention[:, 0] = total(by_scores * attended)
        by_sums = by_scores * weights.attention[:, 0] * (1.0 - attended * attended)
        by_keys, by_queries = np.zeros_like(outputs), np.zeros_like(outputs)
        add_rows(by_keys, earlier, by_sums)
        add_rows(by_queries, current, by_sums)
        gradient.earlier[:] = matrix_product(outputs.T, by_keys)
        gradient.current[:] = matrix_product(outputs.T, by_queries)
        by_rows = matrix_product(by_keys, weights.earlier.T) + matrix_product(by_queries, weights.current.T)
        by_outputs += by_rows.reshape(batch, rows, units)

    def through_time(self, gradient: Weights, by_outputs: np.ndarray) -> None:
        backward = Backward(self._weights.layers, len(self._scripts))
        for step in range(len(self._activations) - 1, -1, -1):
            by_inputs = backward.step(self._activations[step], by_outputs[:, step + 1])
            add_rows(gradient.embeddings, self._previous[:, step], by_inputs)
            if step in self._joins:
                by_outputs[:, : step + 1] += self._joins[step][:, :, None] * by_inputs[:, None, :]
        for place, found in zip(gradient.layers, backward.gradients(), strict=True):
            place.weights[:], place.bias[:] = found


def _attended(
    anchors: Sequence[tuple[int, Anchor]], rows: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Where the choices of anchors stand: which there are, (choices, anchors); of those that join, place and rows."""
    allowed = np.zeros((max(len(anchor.joined) for _, anchor in anchors), len(anchors)), dtype=bool)
    found = []
    for at, (place, anchor) in enumerate(anchors):
        allowed[: len(anchor.joined), at] = True
        for choice, row in enumerate(anchor.joined):
            if row is not None:
                found.append((choice, at, place * rows + row, place * rows + anchor.row))
    choices, places, earlier, current = np.array(found, dtype=np.int64).reshape(-1, 4).T
    return allowed, (choices, places), earlier, current


def _softmax_gradient(
    logits: np.ndarray, allowed: np.ndarray, taken: np.ndarray, advantages: np.ndarray, entropy_weight: float
) -> np.ndarray:
    """The gradient of advantage * log p(taken) + entropy_weight * entropy by the logits, a column for each decision.

    Args:
        logits: shape (choices, decisions).
        allowed: which of them there are, bool of the same shape; a column without any is no decision.
        taken: the row that was taken, shape (decisions,).
        advantages: shape (decisions,).
        entropy_weight: at least 0.
    """
    is_decision = allowed.any(axis=0)
    top = np.where(is_decision, np.where(allowed, logits, -np.inf).max(axis=0), 0.0)
    shifted = np.where(allowed, logits - top, 0.0)
    odds = np.where(allowed, exponentials(shifted), 0.0)
    sums = np.where(is_decision, total(odds.copy()), 1.0)
    odds /= sums
    by_logits = -advantages * odds
    by_logits[taken, np.arange(len(taken))] += np.where(is_decision, advantages, 0.0)
    if entropy_weight > 0.0:
        logs = np.where(allowed, shifted - logarithms(sums), 0.0)
        entropies = -total(odds * logs)
        by_logits -= entropy_weight * odds * (logs + entropies)
    return by_logits
