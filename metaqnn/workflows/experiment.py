"""An experiment file: read, checked section by section, and found by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from metaqnn.config import as_mapping, nearest, read_section
from metaqnn.core.plugins import Plugin, Unread, find, installed, is_target
from metaqnn.errors import ConfigError, brief, shown
from metaqnn.networks.data.config import (
    ARRAY_KEYS,
    FOLDER_KEYS,
    NEWEST_DECODING,
    TARGET_KEYS,
    DatasetConfig,
    FileOptions,
)
from metaqnn.networks.retraining.config import RetrainingConfig, read_recipe
from metaqnn.networks.training.backend import Backend
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.checks import as_damage
from metaqnn.search.config import SearchConfig
from metaqnn.workflows.old_names import as_recorded, renamed
from metaqnn.workflows.section import (
    NETWORK,
    Finder,
    Section,
    option_names,
    proposing,
    read_dataset,
    read_observer,
    read_part,
    section_keys,
)


@dataclass(frozen=True)
class Experiment:
    """A checked experiment.

    Attributes:
        name: names the database.
        seed: all randomness derives from it; at least 0.
        dataset: what is evaluated on, of a search over networks with how it is split and prepared; None where the
            evaluator needs no data.
        space, strategy, evaluator, reward: the parts.
        source: the data set that packages offer under the name of `dataset`; None where that is a path.
        search, final: the sections.
        warm_start: path of a database, a search's or an imported one, whose episodes a new search is told before it
            proposes anything; None begins with nothing.
        observers: what each run tells of the search; no part of it, so neither stored nor compared.
        names_strategy: whether the strategy was said, and is not the one that is meant where none is.
    """

    name: str
    seed: int
    dataset: DatasetConfig | Section | None
    space: Section
    strategy: Section
    evaluator: Section
    reward: Section
    search: SearchConfig
    source: Section | None = None
    final: RetrainingConfig | None = None
    warm_start: str | None = None
    observers: tuple[Section, ...] = ()
    names_strategy: bool = field(default=True, compare=False)

    @property
    def is_of_networks(self) -> bool:
        """Whether networks are trained by the built-in evaluator."""
        return self.evaluator.name == NETWORK

    @property
    def training(self) -> TrainingConfig:
        """The recipe of candidates, of a search over networks."""
        options: TrainingConfig = self.evaluator.options
        return options

    def with_backend(self, find: Callable[[], Backend]) -> "Experiment":
        """The same with a backend of Keras, which `find` says where the experiment trains networks and names none."""
        options = self.evaluator.options
        if not isinstance(options, TrainingConfig) or options.backend is not None:
            return self
        return replace(self, evaluator=replace(self.evaluator, options=replace(options, backend=find())))

    @property
    def network_dataset(self) -> DatasetConfig:
        """The section `dataset` of a search over networks.

        Raises:
            ConfigError: the search is over something else.
        """
        if not isinstance(self.dataset, DatasetConfig):
            raise ConfigError(f"{self.name}: expected 'evaluator.name: {NETWORK}', got {self.evaluator.name!r}")
        return self.dataset

    @property
    def plugins(self) -> dict[str, Plugin]:
        """The parts by the section that names them."""
        sections = {kind: getattr(self, kind) for kind in ("space", "strategy", "evaluator", "reward")}
        sections |= {"dataset": self.source}
        return {kind: section.plugin for kind, section in sections.items() if section is not None}

    @property
    def data_words(self) -> str:
        """What is evaluated on, for people."""
        return self.dataset.name if self.dataset is not None else self.evaluator.name

    def begun(self, stored: Mapping[str, Any], database: Path) -> "Experiment":
        """With the strategy, the decoding of images and the target that the search began with, where none is said.

        Args:
            stored: what the database holds of the search; empty where it begins now.
            database: the file, for messages.

        Raises:
            DamageError: that strategy cannot be.
        """
        recorded, begun = as_recorded(stored["experiment"]) if stored.get("experiment") else {}, self
        section = recorded.get("strategy")
        if isinstance(section, Mapping) and not self.names_strategy and section.get("name") in installed("strategy"):
            with as_damage(database, "table config, row 'experiment', column value"):
                begun = replace(begun, strategy=read_part("strategy", section, "as an experiment", find))
        dataset = self.dataset
        if isinstance(dataset, DatasetConfig) and dataset.target is None and stored:
            kind = (recorded.get("dataset") or {}).get("target", "classes")
            dataset = replace(dataset, target=kind)
            begun = replace(begun, dataset=dataset)
        if not isinstance(dataset, DatasetConfig) or dataset.decoding is not None:
            return begun
        decoding = (recorded.get("dataset") or {}).get("decoding", 1) if stored else NEWEST_DECODING
        return replace(begun, dataset=replace(dataset, decoding=decoding))

    def understood(self, facts: Mapping[str, Any]) -> "Experiment":
        """With the target that an evaluator found in the data, where none is said.

        Args:
            facts: the evaluator's.
        """
        if not isinstance(self.dataset, DatasetConfig) or self.dataset.target is not None:
            return self
        kind = facts.get("target", {}).get("kind", "classes")
        return replace(self, dataset=replace(self.dataset, target=kind))

    def as_mapping(self) -> dict[str, Any]:
        """The experiment as plain values, every default spelled out, without observers and cluster."""
        content: dict[str, Any] = {"name": self.name, "seed": self.seed}
        if isinstance(self.dataset, DatasetConfig):
            section = self.dataset.as_mapping()
            options = section.pop("options", {})
            content["dataset"] = section | {"decoding": section.get("decoding", 1)} | options
        elif self.dataset is not None:
            content["dataset"] = self.dataset.as_mapping()
        content |= {kind: getattr(self, kind).as_mapping() for kind in ("space", "strategy", "reward")}
        if self.is_of_networks:
            content |= {"training": as_mapping(self.evaluator.options), "final": as_mapping(self.final)}
        else:
            content["evaluator"] = self.evaluator.as_mapping()
        search = {key: value for key, value in as_mapping(self.search).items() if key != "cluster"}
        return content | {"search": search, "warm_start": self.warm_start}


@dataclass(frozen=True)
class _Header:
    """What an experiment holds beside its sections."""

    name: str
    seed: int = 0
    warm_start: str | None = None


_SECTIONS = ("dataset", "space", "strategy", "evaluator", "reward", "training", "search", "final", "observers")


def read_experiment(
    content: Mapping[str, Any],
    file: str,
    announce: Callable[[str], None] = lambda line: None,
    finder: Finder = find,
    evaluates: bool = True,
) -> Experiment:
    """Check the content of an experiment file, or of a stored experiment, whose names may be older ones.

    Args:
        content: sections by name.
        file: its name, for messages.
        announce: called with a line for the user for each name that has changed.
        finder: finds parts; of a stored experiment only what is installed or allowed.
        evaluates: whether evaluator and data set are needed; else they are neither looked for nor checked.

    Raises:
        ConfigError: something in it cannot be used; the message names the key.
        PluginError: a part that it names cannot be used.
    """
    content = renamed(content, lambda line: announce(f"{file}: {line}."))
    names = [field.name for field in fields(_Header)] + list(_SECTIONS)
    for key in content:
        if key not in names:
            raise ConfigError(f"{file}: {brief(key)}: there is no such section; {nearest(key, names)}")
    header = read_section(_Header, {f.name: content[f.name] for f in fields(_Header) if f.name in content}, "", file)
    if not header.name or not all(c.isalnum() or c in "-_." for c in header.name) or header.name.startswith("."):
        raise ConfigError(f"{file}: name: expected letters, digits, '-', '_' and '.', got {shown(header.name)}")
    if not 0 <= header.seed < 2**63:  # what SQLite holds
        raise ConfigError(f"{file}: seed: expected a whole number from 0 to {2**63 - 1}, got {shown(header.seed)}")
    if header.warm_start is not None and not header.warm_start.strip():
        raise ConfigError(f"{file}: warm_start: expected the path of a replay database, or nothing, got an empty text")
    if not evaluates:
        finder = proposing(finder)
    evaluator = _evaluator(content, file, finder)
    is_of_networks = evaluator.name == NETWORK
    dataset, source = read_data(content.get("dataset"), file, finder, is_of_networks)
    return Experiment(
        header.name,
        header.seed,
        dataset,
        read_part("space", content.get("space"), file, finder),
        read_part("strategy", content.get("strategy"), file, finder),
        evaluator,
        read_part("reward", content.get("reward"), file, finder),
        read_section(SearchConfig, content.get("search"), "search", file),
        source,
        read_recipe(content.get("final"), file) if is_of_networks else None,
        header.warm_start,
        _observers(content.get("observers"), file),
        bool(content.get("strategy")),
    )


def _observers(content: Any, file: str) -> tuple[Section, ...]:
    if not isinstance(content, list | None):
        raise ConfigError(
            f"{file}: observers: expected a list of names or sections such as [csv], got {shown(content)}"
        )
    return tuple(read_observer(one, f"{file}: observers[{index}]") for index, one in enumerate(content or ()))


def _evaluator(content: Mapping[str, Any], file: str, finder: Finder) -> Section:
    section = section_keys("evaluator", content.get("evaluator"), file)
    name = section.get("name", NETWORK)
    if name != NETWORK:
        for key in ("training", "final"):
            if content.get(key) is not None:
                raise ConfigError(
                    f"{file}: {key}: this section is of 'evaluator.name: {NETWORK}'; the keys of {shown(name)} "
                    "stand in 'evaluator'"
                )
        return read_part("evaluator", section, file, finder)
    if len(section) > ("name" in section):
        raise ConfigError(f"{file}: evaluator: the keys of {NETWORK!r} stand in the section 'training'")
    options = read_section(TrainingConfig, content.get("training"), "training", file)
    return Section(finder("evaluator", NETWORK, f"{file}: evaluator.name"), options)


def _plugin_keys(name: Any, finder: Finder, file: str) -> tuple[str, ...]:
    """Those of the keys of targets that a data set of a plug-in has for itself."""
    part: Any = finder("dataset", name, f"{file}: dataset.name").load()
    return TARGET_KEYS if part is Unread else tuple(key for key in TARGET_KEYS if key in option_names(part.Options))


def read_data(
    content: Any, file: str, finder: Finder, is_of_networks: bool
) -> tuple[DatasetConfig | Section | None, Section | None]:
    """The section `dataset`, and the data set that packages offer under its name.

    Raises:
        ConfigError: something in it cannot be used.
        PluginError: the data set cannot be used.
    """
    if content is None and not is_of_networks:
        return None, None
    content = section_keys("dataset", content, file)
    name, own = content.get("name"), option_names(DatasetConfig) if is_of_networks else ["name"]
    is_part = not is_of_networks or (isinstance(name, str) and (name in installed("dataset") or is_target(name)))
    if is_part:
        theirs = _plugin_keys(name, finder, file) if is_of_networks else ()
        own = [key for key in own if key not in (*ARRAY_KEYS, *FOLDER_KEYS, *theirs)]
    source, others = None, {key: value for key, value in content.items() if key not in own}
    if is_part:
        source = read_dataset({"name": name} | others, file, finder)
    if not is_of_networks:
        return source, source
    of_files = [] if source else option_names(FileOptions)
    kept = {key: value for key, value in content.items() if key in own or not (source or key in of_files)}
    section = read_section(DatasetConfig, kept, "dataset", file)
    if source:
        return replace(section, options=as_mapping(source.options)), source
    said = {key: value for key, value in others.items() if key in of_files}
    return replace(section, options=read_section(FileOptions, said, "dataset", file).as_mapping()), None
