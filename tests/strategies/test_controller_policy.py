"""The policy of the controller: its gradient against differences, and the odds that it samples by."""

import math

import numpy as np
import pytest
from contracts.anchors import Skips

from metaqnn.seeding import Stream
from metaqnn.strategies.controller_policy import Policy, Sampler
from metaqnn.strategies.decisions import DecisionWalker
from metaqnn.strategies.script import Script

WALKER = DecisionWalker(Skips(4))

NETWORKS = ("a1;b2;a3@0;b1@0@2", "b3", "a2;a2@0;b1@1", "b1;a1@0;a1@0@1;a1@0@1@2")
"""Of different lengths; what is joined is nothing, one layer or several."""


def policy(units: int = 3, layers: int = 2, scale: float = 9.0, seed: int = 0) -> Policy:
    """A small one, with weights far enough from zero for every path to matter."""
    made = Policy(WALKER.actions, units, layers, 0.08, Stream(seed, "weights"))
    made.flat *= scale
    return made


def script_of(architecture: str, walker: DecisionWalker = WALKER) -> Script:
    script = Script(walker.actions)
    for decision, place in walker.decisions(architecture, 1):
        script.add(decision, place)
    return script


def odds_along(made: Policy, architecture: str):
    """The probabilities of each decision on the way, and which was taken: as a proposal is sampled."""
    sampler = Sampler(made, Stream(0, "unused"))
    for decision, place in WALKER.decisions(architecture, 1):
        odds = np.array(sampler.odds(decision))
        yield odds / odds.sum(), decision.allowed.index(place)
        sampler.script.add(decision, place)


def objective(made: Policy, architectures, advantages, entropy_weight: float) -> float:
    total = 0.0
    for architecture, advantage in zip(architectures, advantages, strict=True):
        for odds, taken in odds_along(made, architecture):
            total += advantage * math.log(odds[taken]) - entropy_weight * float((odds * np.log(odds)).sum())
    return total / len(architectures)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("advantages", "entropy_weight"),
    [((1.5, -0.7, 0.4, 1.0), 0.0), ((0.0, 0.0, 0.0, 0.0), 1.0), ((2.0, 1.0, -1.0, 0.5), 0.3)],
)
def test_the_gradient_is_that_of_differences(layers, advantages, entropy_weight):
    """Of the sampler's probabilities, which are computed another way than the gradient's."""
    made = policy(layers=layers)
    gradient = made.gradient([script_of(text) for text in NETWORKS], advantages, entropy_weight)
    parts = made.views(gradient)
    for part in (*parts[:6], *(each for layer in parts.layers for each in layer)):
        assert np.abs(part).max() > 1e-3  # or the comparison would say little of it
    difference = 1e-5
    for place in range(len(made.flat)):
        old = made.flat[place]
        made.flat[place] = old + difference
        above = objective(made, NETWORKS, advantages, entropy_weight)
        made.flat[place] = old - difference
        below = objective(made, NETWORKS, advantages, entropy_weight)
        made.flat[place] = old
        assert gradient[place] == pytest.approx((above - below) / (2 * difference), abs=2e-8)


def test_a_batch_is_the_mean_of_its_episodes():
    made, advantages = policy(units=5), (1.5, -0.7, 0.4, 1.0)
    alone = [made.gradient([script_of(text)], [one], 0.2) for text, one in zip(NETWORKS, advantages, strict=True)]
    together = made.gradient([script_of(text) for text in NETWORKS], advantages, 0.2)
    assert together == pytest.approx(sum(alone) / 4, abs=1e-13)
