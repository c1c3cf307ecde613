"""The parts that an experiment's sections name, put together over one data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Space, Strategy
from metaqnn.networks.layer_space import LayerSpace
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.rewards import Reward
from metaqnn.search.verify import Verification, verify
from metaqnn.strategies import make_strategy
from metaqnn.strategies.schedule import Schedule, ScheduleConfig
from metaqnn.workflows.experiment import Experiment, read_experiment


@dataclass(frozen=True)
class Parts:
    """What an experiment's sections stand for, over one data set."""

    space: Space
    reward: Reward
    make_strategy: Callable[[], Strategy]


def make_space(experiment: Experiment, input_shape: tuple[int, ...], classes: int) -> LayerSpace:
    """The space of an experiment over images of a shape.

    Raises:
        ConfigError: a limit that no network keeps.
    """
    return LayerSpace(experiment.space, tuple(input_shape), classes)


def put_together(experiment: Experiment, input_shape: tuple[int, ...], classes: int) -> Parts:
    """Make the parts.

    Raises:
        ConfigError: the sections do not fit the data, for example a limit that no network keeps.
    """
    space = make_space(experiment, input_shape, classes)
    return Parts(
        space,
        Reward(experiment.reward, classes),
        lambda: make_strategy(experiment.strategy, space, experiment.seed),
    )


def stored_experiment(reader: ReplayReader) -> Experiment:
    """The experiment that a database was started with."""
    return read_experiment(reader.config()["experiment"], str(reader.path))


def stored_budget(config: Mapping[str, Any]) -> int:
    """The distinct architectures that a search began with; older databases have a schedule that is scaled to them."""
    return config["budget"] if "budget" in config else sum(models for _, models in config["schedule"]["stages"])


def stored_schedule(config: Mapping[str, Any]) -> Schedule | None:
    """The schedule of a recorded search, scaled to the budget that it began with; None where there is none."""
    if "budget" not in config and "schedule" not in config:  # a table
        return None
    strategy = read_experiment(config["experiment"], "the database").strategy
    if not isinstance(strategy, ScheduleConfig):
        return None
    return Schedule(strategy.schedule, strategy.max_repeats).scaled(stored_budget(config))


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
    return put_together(experiment, data["input_shape"], data["classes"])


def verify_database(reader: ReplayReader, on_episode: Callable[[int], None] = lambda number: None) -> Verification:
    """Rebuild every proposal and the Q-table of a database and compare; see `metaqnn.search.verify`."""
    experiment, parts = stored_experiment(reader), stored_parts(reader)
    return verify(
        reader,
        parts.space,
        parts.make_strategy,
        stored_budget(reader.config()),
        parts.reward,
        experiment.search.lookahead,
        experiment.seed,
        experiment.training,
        on_episode,
    )
