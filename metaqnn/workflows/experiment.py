"""An experiment file: read, checked section by section, and found by name."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from metaqnn.config import load_yaml, nearest, override, read_section
from metaqnn.errors import ConfigError
from metaqnn.networks.data import DatasetConfig
from metaqnn.networks.layer_space import SpaceConfig
from metaqnn.networks.retraining.config import FinalConfig, read_final
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.search.config import SearchConfig
from metaqnn.search.reward import RewardConfig
from metaqnn.strategies import STRATEGIES
from metaqnn.strategies.names import renamed


@dataclass(frozen=True)
class Experiment:
    """A checked experiment.

    Attributes:
        name: names the database.
        seed: all randomness derives from it; at least 0.
        dataset, space, strategy, reward, training, search, final: the sections, each owned by its package.
        warm_start: path of a database, a search's or an imported one, whose episodes a new search is told before it
            proposes anything; None begins with nothing.
    """

    name: str
    seed: int
    dataset: DatasetConfig
    space: SpaceConfig
    strategy: Any
    reward: RewardConfig
    training: TrainingConfig
    search: SearchConfig
    final: FinalConfig
    warm_start: str | None = None


@dataclass(frozen=True)
class _Header:
    """What an experiment holds beside its sections."""

    name: str
    seed: int = 0
    warm_start: str | None = None


_SECTIONS: Mapping[str, type] = {
    "dataset": DatasetConfig,
    "space": SpaceConfig,
    "reward": RewardConfig,
    "training": TrainingConfig,
    "search": SearchConfig,
}


def read_experiment(
    content: Mapping[str, Any], file: str, announce: Callable[[str], None] = lambda line: None
) -> Experiment:
    """Check the content of an experiment file, or of a stored experiment, whose names may be older ones.

    Args:
        content: sections by name.
        file: its name, for messages.
        announce: called with a line for the user for each name that has changed.

    Raises:
        ConfigError: something in it cannot be used; the message names the key.
    """
    names = [field.name for field in fields(Experiment)]
    for key in content:
        if key not in names:
            raise ConfigError(f"{file}: {key}: there is no such section; {nearest(key, names)}")
    header = read_section(_Header, {f.name: content[f.name] for f in fields(_Header) if f.name in content}, "", file)
    if not header.name or not all(c.isalnum() or c in "-_." for c in header.name) or header.name.startswith("."):
        raise ConfigError(f"{file}: name: expected letters, digits, '-', '_' and '.', got {header.name!r}")
    if not 0 <= header.seed < 2**63:  # what SQLite holds
        raise ConfigError(f"{file}: seed: expected a whole number from 0 to {2**63 - 1}, got {header.seed}")
    if header.warm_start is not None and not header.warm_start.strip():
        raise ConfigError(f"{file}: warm_start: expected the path of a replay database, or nothing, got an empty text")
    sections = {name: read_section(kind, content.get(name), name, file) for name, kind in _SECTIONS.items()}
    strategy, final = _read_strategy(content.get("strategy"), file, announce), read_final(content.get("final"), file)
    return Experiment(
        header.name, header.seed, strategy=strategy, final=final, warm_start=header.warm_start, **sections
    )


def _read_strategy(content: Any, file: str, announce: Callable[[str], None]) -> Any:
    """The section `strategy`: a registered name, a preset, and the keys that win over the preset."""
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: strategy: expected keys and values such as 'name: q_learning', got {content!r}")
    content, line = renamed(content)
    if line:
        announce(f"{file}: strategy: {line}.")
    name = content["name"]
    if not isinstance(name, str) or name not in STRATEGIES:
        raise ConfigError(f"{file}: strategy.name: there is no strategy {name!r}; {nearest(name, STRATEGIES)}")
    presets = STRATEGIES[name]
    preset = content.get("preset", next(iter(presets)))
    if not isinstance(preset, str) or preset not in presets:
        raise ConfigError(f"{file}: strategy.preset: there is no preset {preset!r}; {nearest(preset, presets)}")
    for key in content:
        others = [other for other, (first, *_) in STRATEGIES.items() if key in _keys(STRATEGIES[other][first].config)]
        if key not in _keys(presets[preset].config) and others:
            raise ConfigError(
                f"{file}: strategy.{key}: {name!r} has no such key, which is one of 'strategy.name: {others[0]}'; "
                "name that strategy, or leave the key out"
            )
    filled = {"name": name, "preset": preset, **presets[preset].values, **content}
    return read_section(presets[preset].config, filled, "strategy", file)


def _keys(section: type) -> list[str]:
    return [field.name for field in fields(section)]


def shipped_experiments() -> dict[str, Path]:
    """The experiments that come with the package: name -> file. In a checkout they stand at its top."""
    package = Path(__file__).parents[1]
    for folder in (package / "experiments", package.parent / "experiments"):
        found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def _warn(line: str) -> None:
    warnings.warn(line, FutureWarning, stacklevel=5)  # of who calls `load_experiment`


def load_experiment(
    where: str | Path, overrides: Sequence[str] = (), announce: Callable[[str], None] = _warn
) -> Experiment:
    """Read an experiment.

    Args:
        where: a YAML file, or the name of a shipped experiment.
        overrides: `key=value` with dotted keys, which win over the file.
        announce: called with a line for the user for each name that has changed.

    Raises:
        ConfigError: there is no such experiment, or something in it cannot be used.
    """
    text = str(where)
    if text.endswith((".yaml", ".yml")) or "/" in text:
        path = Path(where)
    else:
        shipped = shipped_experiments()
        if text not in shipped:
            raise ConfigError(f"there is no experiment {text!r} (a file would end in .yaml); {nearest(text, shipped)}")
        path = shipped[text]
    content = load_yaml(path)
    for assignment in overrides:
        content = override(content, assignment)
    return read_experiment(content, str(path), announce)
