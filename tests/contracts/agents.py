"""Strategies at work without a search: what tests tell them, and on what."""

from collections.abc import Mapping

from metaqnn.core import Context, Episode, Space, Strategy, Trajectory
from metaqnn.core.plugins import find, installed, read_options
from metaqnn.testing.strategy import accuracy_of  # noqa: F401 - used by many tests
from metaqnn.testing.strategy import history as told

STRATEGIES: Mapping[str, type] = {
    name: find("strategy", name, "test").load()
    for name, offers in installed("strategy").items()
    if offers[0].package == "metaqnn"
}
"""The package's own, by their names."""


def configured(name: str = "q_learning", preset: str | None = None, **changes):
    """The section of a strategy: one of its presets, with changes."""
    strategy = STRATEGIES[name]
    preset = preset or next(iter(strategy.PRESETS))
    settings = {"name": name, "preset": preset, **strategy.PRESETS[preset], **changes}
    return read_options(strategy, settings, "strategy", "test")


def make_strategy(options, space: Space, seed: int) -> Strategy:
    """The strategy of a section, knowing nothing yet."""
    return STRATEGIES[options.name](options, space, seed)


def ask(strategy: Strategy, number: int, epsilon: float) -> Trajectory:
    """What a strategy proposes as an episode that was recorded with an exploration rate."""
    return strategy.ask(Context(number, 2700, number - 1, 0), {"epsilon": epsilon})


def episode(number: int, architecture: str, reward: float, reused: bool = False, model: int | None = None) -> Episode:
    """A told episode; its model and evaluation bear its number unless told otherwise."""
    model = number if model is None else model
    return Episode(number, model, {"epsilon": 1.0}, model, architecture, model, reward, reward, reused)


def history(strategy: Strategy, length: int, epsilon: float = 0.7) -> list[Episode]:
    """Episodes as a search would record them, asked from a strategy that is told each."""
    return told(strategy, length, {"epsilon": epsilon})
