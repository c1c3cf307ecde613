"""A recurrent controller that writes networks, trained by REINFORCE with a moving-average baseline.

Source: Zoph & Le, Neural Architecture Search with Reinforcement Learning (ICLR 2017), section 3; Williams (1992).
One LSTM reads the action before and gives the odds of the next; it is small enough that NumPy trains it on a CPU.
Products of matrices may differ in their last bits between machines, so its proposals repeat on one machine.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
"""Adam's, Kingma & Ba (2015)."""

_State = tuple[np.ndarray, np.ndarray]
"""Output and cell of the LSTM."""


@dataclass(frozen=True)
class ReinforceConfig(ScheduleConfig):
    """The section `strategy` for `name: reinforce`.

    Attributes:
        hidden_units: of the LSTM, and of the embedding of an action.
        learning_rate: Adam's.
        baseline_decay: of the moving average of rewards, which is subtracted from each; in [0, 1).
        entropy_weight: of the policy's entropy beside the reward, in units of the rewards' standard deviation.
    """

    name: Literal["reinforce"]
    preset: Literal["default"] = "default"
    hidden_units: int = 32
    learning_rate: float = 0.01
    baseline_decay: float = 0.9
    entropy_weight: float = 0.25

    def __post_init__(self) -> None:
        require(1 <= self.hidden_units <= 4096, "hidden_units", "from 1 to 4096", self.hidden_units)
        require(0.0 < self.learning_rate < 1.0, "learning_rate", "above 0 and below 1", self.learning_rate)
        require(0.0 <= self.baseline_decay < 1.0, "baseline_decay", "from 0 to below 1", self.baseline_decay)
        require(0.0 <= self.entropy_weight < 10.0, "entropy_weight", "from 0 to below 10", self.entropy_weight)
        super().__post_init__()


class Reinforce(ScheduledStrategy[ReinforceConfig]):
    """The controller, whose first weights derive from the search's seed."""

    Options = ReinforceConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: ReinforceConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        self._index = {str(action): index for index, action in enumerate(space.all_actions)}
        self._controller = _Controller(len(self._index), options.hidden_units, Stream(seed, "controller"))
        self._baseline: float | None = None
        self._variance = 0.0

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Sample a network from the controller."""
        stream = Stream(self.seed, "reinforce", context.number)
        state, previous = self._controller.initial_state(), len(self._index)

        def choose(_: str, choices: tuple[str, ...]) -> int:
            nonlocal state, previous
            state, logits = self._controller.step(state, previous)
            legal = [self._index[action] for action in choices]
            odds = np.exp(logits[legal] - logits[legal].max())
            reached = np.cumsum(odds)
            index = min(int(np.searchsorted(reached, stream.uniform() * reached[-1], "right")), len(legal) - 1)
            previous = legal[index]
            return index

        return self.space.walk(choose)

    def tell(self, episode: Episode) -> None:
        """One step up the policy gradient."""
        super().tell(episode)
        if self._baseline is None:
            self._baseline = episode.reward
        advantage, decay = episode.reward - self._baseline, self.config.baseline_decay
        self._baseline += (1.0 - decay) * advantage
        self._variance = decay * self._variance + (1.0 - decay) * advantage**2
        steps = self.space.trajectory(episode.architecture).steps
        legal = [[self._index[action] for action in step.choices] for step in steps]
        taken = [self._index[step.action] for step in steps]
        scaled = advantage / (self._variance**0.5 + 1e-6)
        self._controller.learn(taken, legal, scaled, self.config.entropy_weight, self.config.learning_rate)


class _Controller:
    """An LSTM over actions with a linear layer of logits, and Adam's moments for all of it.

    Args:
        actions: how many there are; one more stands for the start.
        hidden: units.
        stream: the initial weights, uniform in [-0.1, 0.1], are drawn from it.
    """

    def __init__(self, actions: int, hidden: int, stream: Stream):
        def uniform(*shape: int) -> np.ndarray:
            words = stream.raw(int(np.prod(shape)))
            return ((words >> np.uint64(11)) * 2.0**-53 * 0.2 - 0.1).reshape(shape)

        self.hidden = hidden
        self.weights = {
            "embedding": uniform(actions + 1, hidden),
            "gates": uniform(4 * hidden, 2 * hidden),
            "gates_bias": np.zeros(4 * hidden),
            "output": uniform(actions, hidden),
            "output_bias": np.zeros(actions),
        }
        self.weights["gates_bias"][hidden : 2 * hidden] = 1.0  # an open forget gate
        self._means = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        self._squares = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        self._steps = 0

    def initial_state(self) -> _State:
        """Output and cell before the first step."""
        return np.zeros(self.hidden), np.zeros(self.hidden)

    def step(self, state: _State, previous: int) -> tuple[_State, np.ndarray]:
        """The next state, and the logits of all actions."""
        _, _, cell, _, output = self._cell(state, previous)
        return (output, cell), self.weights["output"] @ output + self.weights["output_bias"]

    def _cell(self, state: _State, previous: int) -> tuple[np.ndarray, ...]:
        size = self.hidden
        inputs = np.concatenate((self.weights["embedding"][previous], state[0]))
        gates = self.weights["gates"] @ inputs + self.weights["gates_bias"]
        gates[: 3 * size] = 1.0 / (1.0 + np.exp(-gates[: 3 * size]))  # input, forget, output
        gates[3 * size :] = np.tanh(gates[3 * size :])
        cell = gates[size : 2 * size] * state[1] + gates[:size] * gates[3 * size :]
        squashed = np.tanh(cell)
        return inputs, gates, cell, squashed, gates[2 * size : 3 * size] * squashed

    def learn(
        self, taken: list[int], legal: list[list[int]], advantage: float, entropy_weight: float, learning_rate: float
    ) -> None:
        """One Adam step up advantage * log p(taken) + entropy_weight * entropy, by backpropagation through time."""
        weights, size = self.weights, self.hidden
        states, tape = [self.initial_state()], []
        for previous in [weights["embedding"].shape[0] - 1, *taken[:-1]]:
            tape.append(self._cell(states[-1], previous))
            states.append((tape[-1][4], tape[-1][2]))
        gradients = {name: np.zeros_like(weight) for name, weight in weights.items()}
        into_output, into_cell = np.zeros(size), np.zeros(size)
        for at in range(len(taken) - 1, -1, -1):
            inputs, gates, _, squashed, output = tape[at]
            choices = legal[at]
            logits = weights["output"][choices] @ output + weights["output_bias"][choices]
            odds = np.exp(logits - logits.max())
            odds /= odds.sum()
            logs = np.log(odds + 1e-12)
            into_logits = -advantage * odds - entropy_weight * odds * (logs - float(odds @ logs))
            into_logits[choices.index(taken[at])] += advantage
            gradients["output"][choices] += np.outer(into_logits, output)
            gradients["output_bias"][choices] += into_logits
            into_output = into_output + weights["output"][choices].T @ into_logits
            opened, kept, shown, new = (gates[part * size : (part + 1) * size] for part in range(4))
            into_cell = into_cell + into_output * shown * (1.0 - squashed**2)
            into_gates = np.concatenate(
                (
                    into_cell * new * opened * (1.0 - opened),
                    into_cell * states[at][1] * kept * (1.0 - kept),
                    into_output * squashed * shown * (1.0 - shown),
                    into_cell * opened * (1.0 - new**2),
                )
            )
            gradients["gates"] += np.outer(into_gates, inputs)
            gradients["gates_bias"] += into_gates
            into_inputs = weights["gates"].T @ into_gates
            previous = taken[at - 1] if at else weights["embedding"].shape[0] - 1
            gradients["embedding"][previous] += into_inputs[:size]
            into_output, into_cell = into_inputs[size:], into_cell * kept
        self._steps += 1
        scale = learning_rate * (1.0 - _BETA_2**self._steps) ** 0.5 / (1.0 - _BETA_1**self._steps)
        for name, gradient in gradients.items():
            mean, square = self._means[name], self._squares[name]
            mean += (1.0 - _BETA_1) * (gradient - mean)
            square += (1.0 - _BETA_2) * (gradient**2 - square)
            weights[name] += scale * mean / (np.sqrt(square) + _EPSILON)
