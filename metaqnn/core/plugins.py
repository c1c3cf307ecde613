"""The one registry of parts: what installed packages offer through entry points, and `module:Name` where none is.

The package's own parts come in through the same entry points (setup.cfg). Nothing is imported before it is asked for,
and one that cannot be imported is only told when it is.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from typing import Any

from metaqnn.config import nearest, read_section
from metaqnn.core.dataset import Dataset
from metaqnn.core.evaluator import Evaluator
from metaqnn.core.options import NoOptions
from metaqnn.core.reward import Reward
from metaqnn.core.search_observer import SearchObserver
from metaqnn.core.space import Space
from metaqnn.core.strategy import Strategy
from metaqnn.errors import ConfigError, PluginError, brief, shown

KINDS: Mapping[str, type[Any]] = {
    "space": Space,
    "strategy": Strategy,
    "evaluator": Evaluator,
    "dataset": Dataset,
    "reward": Reward,
    "observer": SearchObserver,
}
"""Section of an experiment -> the contract of what it names; its list `observers` has any number of one kind.

The entry points of a kind are in `metaqnn.KINDs`."""

OWN = "metaqnn"
"""The distribution whose parts are the built-in ones."""


def group_of(kind: str) -> str:
    """The group of entry points of a kind."""
    return "metaqnn.strategies" if kind == "strategy" else f"metaqnn.{kind}s"


@dataclass(frozen=True)
class Plugin:
    """A part that can be named.

    Attributes:
        kind: one of `KINDS`.
        name: what a section says.
        target: `module:Name`, what is loaded.
        package: the distribution that offers it; empty where it is named by its target.
        version: of that distribution.
    """

    kind: str
    name: str
    target: str
    package: str = ""
    version: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether a package offers it under its name."""
        return bool(self.package)

    def recorded(self) -> dict[str, str]:
        """What a database keeps of it, beside its options."""
        return {"name": self.name, "package": self.package, "version": self.version}

    def load(self) -> type[Any]:
        """Import it, and see that it keeps its contract.

        Raises:
            PluginError: it cannot be imported, or is no class of its kind, or one that lacks methods.
        """
        return _load(self.kind, self.name, self.target, self.package)


@cache
def _load(kind: str, name: str, target: str, package: str) -> type[Any]:
    contract, place = KINDS[kind], f"{kind} {shown(name)}{f' of package {package}' if package else ''}"
    module, _, path = target.partition(":")
    try:
        found: Any = import_module(module)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except Exception as error:  # a plug-in may raise anything while it is imported
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise PluginError(f"{place}: expected {brief(target)} to be importable, but {problem}") from error
    if not (isinstance(found, type) and issubclass(found, contract)):
        raise PluginError(
            f"{place}: expected a subclass of metaqnn.core.{contract.__name__} at {brief(target)}, got {found!r:.200}"
        )
    part: type[Any] = found
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        asked = f"which metaqnn.core.{contract.__name__} asks for"
        raise PluginError(f"{place}: {target} lacks {', '.join(missing)}, {asked}")
    if not dataclasses.is_dataclass(part.Options):
        raise PluginError(
            f"{place}: expected {brief(target)}.Options to be a frozen dataclass, got {part.Options!r:.200}"
        )
    return part


@cache
def _distributions() -> Mapping[str, metadata.Distribution]:
    """The distributions that offer anything, by name: the installed one, whatever a build left in the working folder.

    Raises:
        PluginError: this package is not among them.
    """
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions():
        if any(point.group.startswith("metaqnn.") for point in distribution.entry_points):
            first = found.setdefault(distribution.name, distribution)
            # The first on the path counts, as for Python, but for an .egg-info, which has no METADATA: it may be old.
            if first.read_text("METADATA") is None:
                found[distribution.name] = distribution
    if OWN not in found:
        raise PluginError(
            "the parts of metaqnn are not registered; install it again: `make setup`, or `pip install -e .`"
        )
    return found


def distribution_versions() -> dict[str, str]:
    """The installed packages that offer anything, this one among them, with their versions."""
    return {name: found.version for name, found in sorted(_distributions().items())}


@cache
def installed(kind: str) -> Mapping[str, tuple[Plugin, ...]]:
    """What packages offer under each name; more than one for a name is a conflict that `find` refuses."""
    found: dict[str, dict[tuple[str, str], Plugin]] = {}
    for package, distribution in _distributions().items():
        for point in distribution.entry_points.select(group=group_of(kind)):
            plugin = Plugin(kind, point.name, point.value, package, distribution.version)
            found.setdefault(point.name, {})[package, point.value] = plugin
    return {name: tuple(offers.values()) for name, offers in sorted(found.items())}


def is_target(name: str) -> bool:
    """Whether a name is `module:Name`."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def find(kind: str, name: str, place: str) -> Plugin:
    """What a name stands for; loads nothing.

    Args:
        kind: one of `KINDS`.
        name: a registered name, or `module:Name`.
        place: of the name, for messages, such as `my.yaml: space.name`.

    Raises:
        ConfigError: nothing has that name, or two packages do.
    """
    if is_target(name):
        return Plugin(kind, name, name)
    offers = installed(kind).get(name, ())
    if not offers:
        raise ConfigError(f"{place}: there is no {kind} {shown(name)}; {nearest(name, installed(kind))}")
    if len(offers) > 1:
        packages = " and ".join(sorted(plugin.package for plugin in offers))
        raise ConfigError(f"{place}: {packages} both offer a {kind} {name!r}; uninstall one, or name it as module:Name")
    return offers[0]


def find_recorded(kind: str, recorded: Mapping[str, str], allowed: Sequence[str], path: object) -> Plugin:
    """The part that a database names: an installed one, or one that the user names again.

    Args:
        kind: one of `KINDS`.
        recorded: from `Plugin.recorded`.
        allowed: each `module:Name` that the user allows.
        path: of the database, for messages.

    Raises:
        PluginError: it is not installed, or not allowed: a database executes nothing by itself.
    """
    name, package = recorded["name"], recorded.get("package", "")
    if is_target(name):
        require_allowed({kind: recorded}, allowed, path)
        return Plugin(kind, name, name)
    for plugin in installed(kind).get(name, ()):
        if plugin.package == (package or OWN):
            return plugin
    raise PluginError(
        f"{path}: its {kind} {name!r} comes from the package {package} {recorded.get('version', '')}, which is not "
        f"installed; install it: pip install {package}=={recorded.get('version', '')}"
    )


def require_allowed(recorded: Mapping[str, Mapping[str, str]], allowed: Sequence[str], path: object) -> None:
    """See that the user names again each `module:Name` among the parts that a database names, by kind.

    Raises:
        PluginError: some are not; it names all of them.
    """
    names = {kind: part["name"] for kind, part in recorded.items()}
    others = {kind: name for kind, name in names.items() if is_target(name) and name not in allowed}
    if others:
        parts = " and ".join(f"its {kind} is {name}" for kind, name in others.items())
        options = " ".join(f"--allow {name}" for name in dict.fromkeys(others.values()))
        raise PluginError(
            f"{path}: {parts}, which is not run because a database says so; if you trust that code, add {options}"
        )


def read_options(part: type[Any], content: Mapping[str, Any], path: str, file: str) -> Any:
    """The options of a part from its section, checked; `name` is left out where they have no such field.

    Raises:
        ConfigError: a key or value that cannot be used.
    """
    if part is Unread:
        return {key: value for key, value in content.items() if key != "name"}
    fields = {f.name for f in dataclasses.fields(part.Options)}
    return read_section(
        part.Options,
        {key: value for key, value in content.items() if key != "name" or "name" in fields},
        path,
        file,
    )


class Unread:
    """In the place of a part that is not needed; its options are plain values."""

    Options = NoOptions


@dataclass(frozen=True)
class Listed:
    """A part as `metaqnn plugins` shows it: what it is, and why it cannot be used, if it cannot."""

    plugin: Plugin
    problem: str = ""
    summary: str = field(default="")


def listed() -> list[Listed]:
    """Every installed part, each loaded to see whether it can be."""
    rows = []
    for kind in KINDS:
        for offers in installed(kind).values():
            for plugin in offers:
                try:
                    part = find(kind, plugin.name, plugin.name) and plugin.load()
                    rows.append(Listed(plugin, "", (part.__doc__ or "").strip().split("\n")[0]))
                except (ConfigError, PluginError) as error:
                    rows.append(Listed(plugin, str(error)))
    return rows
