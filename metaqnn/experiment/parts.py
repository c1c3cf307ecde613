"""The parts that an experiment's sections name, put together over one data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Strategy
from metaqnn.experiment.files import Experiment, read_experiment
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.reward import Reward
from metaqnn.search.verify import Verification, verify
from metaqnn.space.base import Space
from metaqnn.space.layer_space import LayerSpace
from metaqnn.strategies import make_strategy
from metaqnn.strategies.schedule import Schedule


@dataclass(frozen=True)
class Parts:
    """What an experiment's sections stand for, over one data set."""

    space: Space
    schedule: Schedule
    reward: Reward
    make_strategy: Callable[[], Strategy]


def make_space(experiment: Experiment, input_shape: tuple[int, ...], classes: int) -> LayerSpace:
    """The space of an experiment over images of a shape.

    Raises:
        ConfigError: a limit that no network keeps.
    """
    return LayerSpace(experiment.space, tuple(input_shape), classes)


def put_together(experiment: Experiment, input_shape: tuple[int, ...], classes: int, schedule: Schedule) -> Parts:
    """Make the parts.

    Raises:
        ConfigError: the sections do not fit the data, for example a limit that no network keeps.
    """
    space = make_space(experiment, input_shape, classes)
    return Parts(
        space,
        schedule,
        Reward(experiment.reward, classes),
        lambda: make_strategy(experiment.strategy, space, experiment.seed),
    )


def stored_experiment(reader: ReplayReader) -> Experiment:
    """The experiment that a database was started with."""
    return read_experiment(reader.config()["experiment"], str(reader.path))


def stored_schedule(config: Mapping[str, Any]) -> Schedule:
    """The scaled schedule that a database was started with."""
    schedule = config["schedule"]
    return Schedule(tuple((epsilon, models) for epsilon, models in schedule["stages"]), schedule["max_repeats"])


def stored_space(reader: ReplayReader) -> LayerSpace:
    """The space of a recorded search or table."""
    experiment, data = stored_experiment(reader), reader.config()["data"]
    return make_space(experiment, data["input_shape"], data["classes"])


def stored_parts(reader: ReplayReader) -> Parts:
    """The parts of a recorded search or import, for looking at it: no data set is read."""
    if not reader.is_import():
        reader.require_search()
    config = reader.config()
    experiment = stored_experiment(reader)
    data = config["data"]
    return put_together(experiment, data["input_shape"], data["classes"], stored_schedule(config))


def verify_database(reader: ReplayReader, on_episode: Callable[[int], None] = lambda number: None) -> Verification:
    """Rebuild every proposal and the Q-table of a database and compare; see `metaqnn.search.verify`."""
    experiment, parts = stored_experiment(reader), stored_parts(reader)
    return verify(
        reader,
        parts.space,
        parts.make_strategy,
        parts.schedule,
        parts.reward,
        experiment.search.lookahead,
        experiment.seed,
        experiment.training,
        on_episode,
    )
