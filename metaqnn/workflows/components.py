"""The components of a search: what the sections of an experiment name, made; or made anew from a database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metaqnn.core import Dataset, EarlyStopping, Evaluator, Reward, Score, Setting, Space, Strategy
from metaqnn.core.plugins import Plugin, find, find_recorded, is_target, require_allowed
from metaqnn.errors import DamageError, ReplayError, shown
from metaqnn.networks.training.backend import recorded_backend
from metaqnn.replay.checks import as_damage
from metaqnn.replay.reader import ReplayReader
from metaqnn.strategies.schedule import Schedule, ScheduleConfig
from metaqnn.workflows.experiment import Experiment, Finder, read_experiment
from metaqnn.workflows.old_names import as_recorded, renamed

_NO_DATA = {"dataset": {"name": "digits"}}
"""Stands for any data in an experiment of which only what proposes is asked."""

_PROPOSING = ("space", "strategy", "reward")
"""The kinds of parts that propose and learn; what evaluates is not among them."""


@dataclass(frozen=True)
class Components:
    """What proposes and what rewards, over one data set.

    Attributes:
        space, reward: as the sections say.
        make_strategy: makes the strategy, knowing nothing yet.
        make_early_stopping: makes what candidates may be stopped by; it makes None where they never are.
    """

    space: Space
    reward: Reward
    make_strategy: Callable[[], Strategy]
    make_early_stopping: Callable[[], EarlyStopping | None]


def build_evaluator(experiment: Experiment) -> Evaluator:
    """The evaluator of an experiment, with its data.

    Raises:
        MetaqnnError: its data cannot be used, or it cannot be made.
    """
    source: Dataset | None = None
    if experiment.source is not None:
        part: Any = experiment.source.plugin.load()
        source = part(experiment.source.options)
    section: Any = (
        experiment.dataset if experiment.is_of_networks else (experiment.dataset and experiment.dataset.as_mapping())
    )
    make: Any = experiment.evaluator.plugin.load()
    evaluator: Evaluator = make(experiment.evaluator.options, Setting(experiment.seed, source, section or {}))
    return evaluator


def build_space(experiment: Experiment, facts: Mapping[str, Any]) -> Space:
    """The space of an experiment over data of which an evaluator says these facts.

    Raises:
        ConfigError: a limit that no architecture keeps.
    """
    make: Any = experiment.space.plugin.load()
    space: Space = make(experiment.space.options, facts)
    return space


def build_components(experiment: Experiment, facts: Mapping[str, Any], score: Score) -> Components:
    """Make the components.

    Raises:
        ConfigError: the sections do not fit the data, for example a limit that no network keeps.
    """
    space = build_space(experiment, facts)
    make_reward: Any = experiment.reward.plugin.load()
    reward: Reward = make_reward(experiment.reward.options, score)
    strategy: Any = experiment.strategy.plugin.load()

    def make_early_stopping() -> EarlyStopping | None:
        if not experiment.is_of_networks or experiment.training.early_stopping is None:
            return None
        from metaqnn.networks.early_stopping import NetworkEarlyStopping

        return NetworkEarlyStopping(experiment.training, reward, experiment.search.lookahead, experiment.seed)

    return Components(
        space,
        reward,
        lambda: strategy(experiment.strategy.options, space, experiment.seed),
        make_early_stopping,
    )


def stored_finder(plugins: Mapping[str, Mapping[str, str]], allowed: Sequence[str], path: object) -> Finder:
    """Finds the parts of a database: those that it records, installed or named again by the user.

    Args:
        plugins: from `config.plugins`; what is not among them is built in.
        allowed: each `module:Name` that the user allows.
        path: of the database, for messages.
    """
    return lambda kind, name, place: find_recorded(kind, dict(plugins.get(kind, {})) | {"name": name}, allowed, path)


def named_again(plugins: Mapping[str, Plugin]) -> Finder:
    """Finds the parts of a database among those that the user names now, else among what is installed.

    So nothing runs because a database says so.
    """

    def finder(kind: str, name: str, place: str) -> Plugin:
        plugin = plugins.get(kind)
        if plugin is not None and plugin.name == name:
            return plugin
        if is_target(name):
            raise ReplayError(f"{place}: this was started with {name}; name it again to go on with it")
        return find(kind, name, place)

    return finder


def recorded_experiment(reader: ReplayReader, file: str, finder: Finder, evaluates: bool = True) -> Experiment:
    """The experiment of a database as this version reads it: keys that are new since then say what was done.

    Args:
        reader: the database.
        file, finder, evaluates: as of `read_experiment`.
    """
    experiment = read_experiment(as_recorded(reader.config()["experiment"]), file, finder=finder, evaluates=evaluates)
    return experiment.with_backend(lambda: recorded_backend(reader))


def recorded_again(reader: ReplayReader, experiment: Experiment) -> Experiment:
    """The experiment of a database, whose parts are those that the user names again with `experiment`."""
    return recorded_experiment(reader, str(reader.path), named_again(experiment.plugins))


def stored_experiment(reader: ReplayReader, allowed: Sequence[str] = (), evaluates: bool = True) -> Experiment:
    """The experiment that a database was started with.

    Args:
        reader: the database.
        allowed: each `module:Name` that may be run although a database says so.
        evaluates: whether evaluator and data set are needed.

    Raises:
        PluginError: a part of it is not installed, or not allowed.
    """
    require_plugins(reader, allowed, evaluates)  # what is missing is said before anything is loaded
    config = reader.config()
    finder = stored_finder(config.get("plugins", {}), allowed, reader.path)
    with as_damage(reader.path, "table config, row 'experiment', column value"):
        return recorded_experiment(reader, "as an experiment", finder, evaluates)


def require_plugins(reader: ReplayReader, allowed: Sequence[str] = (), evaluates: bool = True) -> None:
    """See that everything a database names is installed, or allowed; nothing is loaded.

    Raises:
        PluginError: something is not.
    """
    plugins = reader.config().get("plugins", {})
    needed = {kind: part for kind, part in plugins.items() if evaluates or kind in _PROPOSING}
    require_allowed(needed, allowed, reader.path)
    for kind, plugin in needed.items():
        find_recorded(kind, plugin, allowed, reader.path)


def stored_sections(reader: ReplayReader) -> dict[str, Any]:
    """The experiment of a database as plain values, with the names of today; nothing is loaded.

    Raises:
        DamageError: what every experiment has is not there.
    """
    sections = renamed(as_recorded(reader.config()["experiment"]), lambda line: None)
    strategy = sections.get("strategy")
    named = strategy.get("name") if isinstance(strategy, Mapping) else None
    for key, value, kind, words in (
        ("name", sections.get("name"), str, "a text"),
        ("strategy.name", named, str, "a text"),
        ("seed", sections.get("seed"), int, "a whole number"),
    ):
        if type(value) is not kind:
            place = "table config, row 'experiment', column value"
            raise DamageError(reader.path, f"{place}: expected {words} as {key}, got {shown(value)}")
    return sections


def subject_of(sections: Mapping[str, Any]) -> str:
    """What a search is about, for people: its data set, or else its evaluator."""
    section = sections.get("dataset") or sections.get("evaluator") or {"name": "nothing"}
    return str(section["name"])


def stored_budget(config: Mapping[str, Any]) -> int:
    """The distinct architectures that a search began with; older databases have a schedule that is scaled to them."""
    budget: int = config["budget"] if "budget" in config else sum(models for _, models in config["schedule"]["stages"])
    return budget


def stored_schedule(reader: ReplayReader) -> Schedule | None:
    """The schedule of a recorded search, scaled to the budget that it began with; None where there is none.

    Where the strategy is not installed there is none to know of, either.
    """
    config = reader.config()
    if ("budget" not in config and "schedule" not in config) or not _is_built_in(config, "strategy"):
        return None
    section = {key: config["experiment"].get(key) for key in ("name", "strategy")}
    with as_damage(reader.path, "table config, row 'experiment', column value"):
        strategy = read_experiment(section | _NO_DATA, "as an experiment").strategy.options
    if not isinstance(strategy, ScheduleConfig):
        return None
    return Schedule(strategy.schedule, strategy.max_repeats).scaled(stored_budget(config))


def _is_built_in(config: Mapping[str, Any], kind: str) -> bool:
    plugin = config.get("plugins", {}).get(kind)
    return plugin is None or plugin["package"] == "metaqnn"


def is_of_networks(reader: ReplayReader) -> bool:
    """Whether a database holds networks of a built-in space, over images or signals; loads nothing."""
    config = reader.config()
    name = config["experiment"].get("space", {}).get("name", "layers")
    return _is_built_in(config, "space") and name in ("layers", "blocks")


def stored_space(reader: ReplayReader, allowed: Sequence[str] = ()) -> Space:
    """The space of a recorded search or table."""
    experiment = stored_experiment(reader, allowed, evaluates=False)
    with as_damage(reader.path, "table config, rows 'data' and 'experiment'"):
        return build_space(experiment, reader.config()["data"])


def stored_components(reader: ReplayReader, allowed: Sequence[str] = ()) -> Components:
    """The components of a recorded search or import: no data set is read, no evaluator loaded."""
    if not reader.is_import():
        reader.require_search()
    experiment = stored_experiment(reader, allowed, evaluates=False)
    with as_damage(reader.path, "table config, rows 'data' and 'experiment'"):
        return build_components(experiment, reader.config()["data"], reader.score())
