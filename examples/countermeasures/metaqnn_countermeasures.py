"""Countermeasures against power analysis: which, and how strong, within a budget; simulated attacks judge them."""

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np

from metaqnn.core import Evaluation, Evaluator, Reward, Score, Space, Status
from metaqnn.errors import NotationError
from metaqnn.seeding import Stream

POWERS = list(accumulate(range(254), lambda power, _: power ^ power << 1 ^ (power >> 7) * 0x11B, initial=1))
INVERSE = np.array([0, *(POWERS[-POWERS.index(value) % 255] for value in range(1, 256))])
SBOX = np.bitwise_xor.reduce([(INVERSE << s | INVERSE >> (8 - s)) & 255 for s in range(5)]) ^ 0x63  # of AES
PRICES = {"noise": 2, "desync": 1, "jitter": 2, "delays": 1, "shuffle": 3}
"""What one level of each countermeasure costs, in the order in which they are chosen."""


@dataclass(frozen=True)
class Budget:
    """What countermeasures may cost together, and the levels of each."""

    budget: int = 10
    levels: tuple[int, ...] = (1, 2, 3, 4)


class Countermeasures(Space):
    """Sets of countermeasures such as `noise2+desync4`, each at one level, that keep within a budget."""

    Options = Budget
    all_actions: ClassVar = ()
    max_steps = len(PRICES) + 1

    def __init__(self, options, facts=None):
        super().__init__(options, facts)
        self.all_actions = (*(f"{kind}{level}" for kind in PRICES for level in options.levels), "stop")

    def initial_state(self):
        """Nothing is protected; a state is what was chosen."""
        return ()

    def is_terminal(self, state):
        """Whether the choice is made."""
        return state[-1:] == ("stop",)

    def actions(self, state):
        """What stands after the last choice in the list of prices and can be paid."""
        kinds, left = list(PRICES), self.options.budget - sum(map(price_of, state))
        later = kinds[kinds.index(state[-1][:-1]) + 1 :] if state else kinds
        legal = (a for a in self.all_actions[:-1] if a[:-1] in later and price_of(a) <= left)
        return (*legal, "stop")

    def step(self, state, action):
        """One choice more."""
        return (*state, action)

    def key(self, state):
        """What is spent, and the last choice."""
        return f"{sum(map(price_of, state))}:{''.join(state[-1:])}"

    def parse(self, text):
        """The choices, which plus signs join; `none` is no countermeasure."""
        chosen = tuple(action for action in text.split("+") if action != "none")
        if not set(chosen) < set(self.all_actions) or "stop" in chosen:
            raise NotationError(f"expected countermeasures such as noise2+desync4, got {text!r}")
        return (*chosen, "stop")

    def format(self, actions):
        """The choices, which plus signs join."""
        return "+".join(actions[:-1]) or "none"

    def costs(self, actions):
        """The price of all together, and how many they are."""
        return {"price": sum(map(price_of, actions)), "countermeasures": len(actions) - 1}


def price_of(action):
    """What a choice costs."""
    return 0 if action == "stop" else PRICES[action[:-1]] * int(action[-1])


@dataclass(frozen=True)
class Attacks:
    """How many attacks, and with how many traces each."""

    attacks: int = 20
    traces: int = 500


class CorrelationAttack(Evaluator):
    """The mean rank of the key in correlation power analyses of a simulated device: more protects better."""

    Options = Attacks
    score = Score("guessing_entropy", "maximize", 0, 255, failure=0)

    def evaluate(self, candidate, report):
        """Attack again and again, each time with another key and other traces."""
        levels = {action[:-1]: int(action[-1]) for action in candidate.actions if action != "stop"}
        ranks = [self._rank(levels, Stream(candidate.seed, "attack", number)) for number in range(self.options.attacks)]
        return Evaluation(Status.OK, float(np.mean(ranks)), figures={"keys_found": ranks.count(0) / len(ranks)})

    def _rank(self, levels, stream):
        """The rank of the key in one attack; all sums are of whole numbers, so exact on every machine."""
        count, key = self.options.traces, stream.integer(256)

        def draws(bound, size):
            return (stream.raw(count * size) % np.uint64(bound)).astype(np.int64).reshape(count, size)

        def delays(kind, most, times=1):
            return draws(most * levels.get(kind, 0) + 1, times).sum(1)

        weights = np.bitwise_count(SBOX[draws(256, 1) ^ np.arange(256)]).astype(float)
        traces = draws(256, 128 * 8).reshape(count, 128, 8).sum(2) + draws(400 * levels.get("noise", 0) + 1, 128)
        place = delays("desync", 4) + delays("jitter", 1, times=16) + delays("delays", 1, times=4)
        place += 8 * delays("shuffle", 1)
        traces = traces.astype(float)
        traces[np.arange(count), place] += 100 * weights[:, key]
        # The attacker also adds up neighbouring samples, which undoes some of what moves the leakage.
        total = np.pad(traces, ((0, 0), (1, 0))).cumsum(1)
        seen = np.hstack([total[:, size:] - total[:, :-size] for size in (1, 4, 16)])
        covariance = count * weights.T @ seen - np.outer(weights.sum(0), seen.sum(0))
        spread = count * (weights**2).sum(0) - weights.sum(0) ** 2
        noise = count * (seen**2).sum(0) - seen.sum(0) ** 2
        best = (covariance**2 / noise).max(1) / spread
        return int((best > best[key]).sum())


@dataclass(frozen=True)
class Thrift:
    """What a unit of price takes off."""

    per_price: float = 3.0


class ThriftyProtection(Reward):
    """The rank of the key, less what the protection costs."""

    Options = Thrift

    def __call__(self, score, costs):
        """The reward."""
        return self.counted(score) - self.options.per_price * costs["price"]

    def score_for(self, reward, costs):
        """The score that earns a reward."""
        return min(self.score.high, max(self.score.low, reward + self.options.per_price * costs["price"]))
