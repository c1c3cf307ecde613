"""Strategies at work without a search: what tests tell them, and on what."""

from zlib import crc32

from metaqnn.config import read_section
from metaqnn.core import Context, Episode, Strategy, Trajectory
from metaqnn.strategies import STRATEGIES


def configured(name: str = "q_learning", preset: str | None = None, **changes):
    """The section of a strategy: one of its presets, with changes."""
    presets = STRATEGIES[name]
    preset = preset or next(iter(presets))
    settings = {"name": name, "preset": preset, **presets[preset].values, **changes}
    return read_section(presets[preset].config, settings, "strategy", "test")


def ask(strategy: Strategy, number: int, epsilon: float) -> Trajectory:
    """What a strategy proposes as an episode that was recorded with an exploration rate."""
    return strategy.ask(Context(number, 2700, number - 1, 0), {"epsilon": epsilon})


def accuracy_of(architecture: str) -> float:
    """An accuracy in [0, 1) that follows from the network alone: k / 1024, so that no machine rounds it."""
    return crc32(architecture.encode()) % 1024 / 1024


def episode(number: int, architecture: str, reward: float, reused: bool = False, model: int | None = None) -> Episode:
    """A told episode; its model and evaluation bear its number unless told otherwise."""
    model = number if model is None else model
    return Episode(number, model, 1.0, model, architecture, model, reward, reward, reused)


def history(strategy: Strategy, length: int, epsilon: float = 0.7) -> list[Episode]:
    """Episodes as a search would record them, asked from a strategy that is told each."""
    episodes: list[Episode] = []
    known: dict[str, int] = {}
    for number in range(1, length + 1):
        architecture = ask(strategy, number, epsilon).architecture
        reused = architecture in known
        model = known.setdefault(architecture, len(known) + 1)
        episodes.append(episode(number, architecture, accuracy_of(architecture), reused, model))
        strategy.tell(episodes[-1])
    return episodes
