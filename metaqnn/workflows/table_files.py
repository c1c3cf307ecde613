"""A table file: which networks are known, in what space, and what judges them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from metaqnn.config import load_yaml, read_section, require
from metaqnn.core import Space
from metaqnn.core.plugins import find, read_options
from metaqnn.errors import ConfigError
from metaqnn.replay.reader import ReplayReader
from metaqnn.tables.listed import ListedSpace
from metaqnn.tables.table import EvaluationTable, read_csv, read_database
from metaqnn.workflows.components import stored_space


@dataclass(frozen=True)
class TableSection:
    """The section `table`.

    Attributes:
        file: a CSV, or one packed as `.csv.gz`, beside the table file or with a path of its own.
        key: the column that names the network.
        reward: the column that a search sees.
        target: the column by which what a search chose is judged.
        percent: whether accuracies are in percent.
        unlisted: of a network that is not in the table: `error` ends the comparison, `exclude` has it never proposed.
        input_shape: (height, width, channels) of the images, where the space is of layers.
        classes: number of classes, likewise.
    """

    file: str
    key: str = "architecture"
    reward: str = "reward"
    target: str = "target"
    percent: bool = False
    unlisted: Literal["error", "exclude"] = "error"
    input_shape: tuple[int, int, int] | None = None
    classes: int | None = None

    def __post_init__(self):
        require(self.classes is None or self.classes >= 2, "classes", "at least 2, or nothing", self.classes)


@dataclass(frozen=True)
class Benchmark:
    """A table with its space.

    Attributes:
        name: for titles.
        space: what strategies walk in.
        table: what they find.
    """

    name: str
    space: Space
    table: EvaluationTable


def load_benchmark(path: Path) -> Benchmark:
    """Read a table file, or a replay database, whose networks are then the table.

    Raises:
        ConfigError: something in it cannot be used; the message names the key.
        ReplayError: the database cannot be read.
    """
    if path.suffix in (".sqlite", ".db"):
        with ReplayReader(path) as reader:
            table = read_database(reader)
            return Benchmark(path.stem, ListedSpace(stored_space(reader), table.entries), table)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(
            f"{path}: expected a replay database (.sqlite), or a YAML file that describes a table; a CSV needs such a "
            "file beside it, with its space and the names of its columns"
        )
    content, file = load_yaml(path), str(path)
    for key in content:
        if key not in ("name", "space", "table"):
            raise ConfigError(f"{file}: {key}: there is no such section; a table file has name, space and table")
    section = read_section(TableSection, _renamed(content.get("table")), "table", file)
    space = _space(content.get("space"), section, file)
    table = read_csv(path.parent / section.file, space, section.key, section.reward, section.target, section.percent)
    if section.unlisted == "exclude":
        space = ListedSpace(space, table.entries)
    return Benchmark(str(content.get("name", path.stem)), space, table)


_OLD_KEYS = {"judge": "target", "outside": "unlisted"}


def _renamed(section: Any) -> Any:
    """The keys and values that the section had go on working for this release."""
    if not isinstance(section, Mapping):
        return section
    renamed = {_OLD_KEYS.get(key, key): value for key, value in section.items()}
    if renamed.get("unlisted") == "masked":
        renamed["unlisted"] = "exclude"
    return renamed


def _space(content: Any, section: TableSection, file: str) -> Space:
    content = content if isinstance(content, Mapping) else {"name": "layers"}
    plugin = find("space", str(content.get("name", "layers")), f"{file}: space.name")
    part: Any = plugin.load()
    options = read_options(part, {"name": plugin.name} | dict(content), "space", file)
    facts = {"input_shape": section.input_shape, "classes": section.classes}
    if plugin.name == "layers" and None in facts.values():
        raise ConfigError(f"{file}: table.input_shape and table.classes: a space of layers needs them; give both")
    space: Space = part(options, {name: value for name, value in facts.items() if value is not None})
    return space
