"""A section of an experiment that names a part: read, checked, and written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any

from metaqnn.config import as_mapping, nearest, override
from metaqnn.core.plugins import Plugin, Unread, find, installed, read_options
from metaqnn.errors import ConfigError, shown

NETWORK = "network"
"""The built-in evaluator, whose options stand in the section `training` and whose data in `dataset`."""

_DEFAULTS = {"space": "layers", "strategy": "q_learning", "evaluator": NETWORK, "reward": "score"}


Finder = Callable[[str, str, str], Plugin]
"""From a kind, a name and its place in a file to the part that it names."""


@dataclass(frozen=True)
class Section:
    """A section that names a part.

    Attributes:
        plugin: what it names.
        options: its other keys, checked, as the part's `Options`.
    """

    plugin: Plugin
    options: Any

    @property
    def name(self) -> str:
        """What it names, as it is written."""
        return self.plugin.name

    def as_mapping(self) -> dict[str, Any]:
        """The section as plain values."""
        return {"name": self.name} | (as_mapping(self.options) or {})


class _Unread(Plugin):
    """A part that is not needed: its keys stay as they are written."""

    def load(self) -> type:
        return Unread


def proposing(finder: Finder) -> Finder:
    """Finds what proposes and rewards, and nothing else."""

    def found(kind: str, name: str, place: str) -> Plugin:
        return _Unread(kind, name, name) if kind in ("evaluator", "dataset") else finder(kind, name, place)

    return found


def section_keys(kind: str, content: Any, file: str) -> Mapping[str, Any]:
    """The keys of a section, which may be left out."""
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: {kind}: expected keys and values such as 'name: NAME', got {shown(content)}")
    return content


def read_part(kind: str, content: Any, file: str, finder: Finder) -> Section:
    """A section that names a part: its name, a preset where the part has some, and keys that win over the preset."""
    content = section_keys(kind, content, file)
    name = content.get("name", _DEFAULTS[kind])
    if not isinstance(name, str):
        raise ConfigError(f"{file}: {kind}.name: expected the name of a {kind}, got {shown(name)}")
    plugin = finder(kind, name, f"{file}: {kind}.name")
    part: Any = plugin.load()
    presets, filled = getattr(part, "PRESETS", {}), dict(content) | {"name": name}
    if presets:
        preset = content.get("preset", next(iter(presets)))
        if not isinstance(preset, str) or preset not in presets:
            raise ConfigError(f"{file}: {kind}.preset: there is no preset {shown(preset)}; {nearest(preset, presets)}")
        filled = {**presets[preset], "preset": preset, **filled}
    _refuse_keys_of_others(kind, plugin, part, content, file)
    return Section(plugin, read_options(part, filled, kind, file))


def _refuse_keys_of_others(kind: str, plugin: Plugin, part: Any, content: Mapping[str, Any], file: str) -> None:
    """A key that another part of the same kind has is a part forgotten, not a key misspelt."""
    for key in content:
        if key == "name" or part is Unread or key in option_names(part.Options):
            continue
        others = [
            f"'{kind}.name: {name}'"
            for name, offers in installed(kind).items()
            if offers[0].package == plugin.package and key in option_names(offers[0].load().Options)
        ]
        if others:
            raise ConfigError(
                f"{file}: {kind}.{key}: {plugin.name!r} has no such key, which is one of {' or '.join(others)}; "
                f"name that {kind}, or leave the key out"
            )


def read_dataset(content: Mapping[str, Any], file: str, finder: Finder) -> Section:
    """A data set that is named, with its own keys."""
    name = content.get("name")
    if not isinstance(name, str):
        raise ConfigError(f"{file}: dataset.name: expected the name of a data set, got {shown(name)}")
    plugin = finder("dataset", name, f"{file}: dataset.name")
    others = {key: value for key, value in content.items() if key != "name"}
    return Section(plugin, read_options(plugin.load(), others, "dataset", file))


def read_observer(content: Any, place: str) -> Section:
    """An observer by its name or its section.

    Args:
        content: the name, or `name` with the observer's own keys.
        place: where it stands, for messages.

    Raises:
        ConfigError: there is no such observer, a key cannot be used, or a package that it needs is not installed.
        PluginError: it cannot be loaded.
    """
    section = {"name": content} if isinstance(content, str) else content
    if not isinstance(section, Mapping) or not isinstance(section.get("name"), str):
        raise ConfigError(
            f"{place}: expected the name of an observer, or its keys with 'name: NAME', got {shown(content)}"
        )
    plugin = find("observer", section["name"], place)
    part: Any = plugin.load()
    for module, package in part.needs.items():
        if find_spec(module) is None:
            raise ConfigError(
                f"{place}: the observer {plugin.name} needs {module}, which is not installed; pip install {package!r}"
            )
    return Section(plugin, read_options(part, section, "", place))


def read_observer_words(words: str) -> Section:
    """An observer as the command line names it: `NAME`, or `NAME,KEY=VALUE,...`.

    Raises:
        ConfigError, PluginError: as `read_observer`.
    """
    name, *assignments = words.split(",")
    section: dict[str, Any] = {"name": name}
    for assignment in assignments:
        section = override(section, assignment)
    return read_observer(section, f"--observe {words}")


def option_names(section: Any) -> list[str]:
    """The keys that a section takes."""
    return [field.name for field in fields(section)]
