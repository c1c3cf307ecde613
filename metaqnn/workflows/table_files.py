"""A table file: which networks are known, in what space, and by what a choice among them is measured."""

import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from metaqnn.config import as_mapping, load_yaml, read_section, require
from metaqnn.core import Space
from metaqnn.core.plugins import find, read_options
from metaqnn.errors import ConfigError, brief
from metaqnn.replay.places import new_place, require_new
from metaqnn.replay.reader import ReplayReader
from metaqnn.tables.listed import ListedSpace
from metaqnn.tables.table import EvaluationTable, read_csv, read_database
from metaqnn.workflows.components import stored_space
from metaqnn.workflows.old_names import renamed_table


@dataclass(frozen=True)
class TableSection:
    """The section `table`.

    Attributes:
        file: a CSV, or one packed as `.csv.gz`, beside the table file or with a path of its own.
        key: the column that names the network.
        reward: the column that a search sees.
        target: the column by which what a search chose is measured.
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
    """A table with its space, under a name for titles; `path` is the file that says so."""

    name: str
    space: Space
    table: EvaluationTable
    path: Path = Path()


def load_benchmark(
    path: Path, announce: Callable[[str], None] = lambda line: None, allowed: Sequence[str] = ()
) -> Benchmark:
    """Read a table file, or a replay database, whose networks are then the table.

    Args:
        path: the file.
        announce: called with a line for the user for each name that has changed.
        allowed: each `module:Name` that may be run although a database says so.

    Raises:
        ConfigError: something in it cannot be used; the message names the key.
        ReplayError: the database cannot be read.
    """
    if path.suffix in (".sqlite", ".db"):
        with ReplayReader(path) as reader:
            table = read_database(reader)
            return Benchmark(path.stem, ListedSpace(stored_space(reader, allowed), table.entries), table, path)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(
            f"{path}: expected a replay database (.sqlite), or a YAML file that describes a table; a CSV needs such a "
            "file beside it, with its space and the names of its columns"
        )
    content, file = load_yaml(path), str(path)
    for key in content:
        if key not in ("name", "space", "table"):
            raise ConfigError(f"{file}: {brief(key)}: there is no such section; a table file has name, space and table")
    table = renamed_table(content.get("table"), lambda line: announce(f"{file}: {line}."))
    section = read_section(TableSection, table, "table", file)
    space = _space(content.get("space"), section, file)
    table = read_csv(path.parent / section.file, space, section.key, section.reward, section.target, section.percent)
    if section.unlisted == "exclude":
        space = ListedSpace(space, table.entries)
    return Benchmark(str(content.get("name", path.stem)), space, table, path)


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


def packed_file(description: Path) -> Path:
    """The CSV that a table's YAML file describes, beside it."""
    return description.with_name(f"{description.stem}.csv.gz")


def write_table(database: Path, description: Path, name: str) -> EvaluationTable:
    """Write an enumerated table as a CSV, packed, with the YAML file that describes it.

    Args:
        database: from `metaqnn.workflows.enumerate.run_enumeration`.
        description: the YAML file; the CSV stands beside it with the ending `.csv.gz`.
        name: of the table.

    Raises:
        ReplayError: one of the files exists or cannot be written, or the database cannot be read.
    """
    import yaml

    require_new(description)

    with ReplayReader(database) as reader:
        table, config = read_database(reader), reader.config()
        costs = {model.architecture: model.costs for model in reader.models()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    trainings = max(len(entry.scores) for entry in table.entries.values())
    names = [*next(iter(costs.values()))][:2]
    writer.writerow(
        ("architecture", "reward", "target", *(f"{table.score.name}_{n + 1}" for n in range(trainings)), *names)
    )
    for architecture, entry in table.entries.items():
        scores = (f"{score:.6g}" for score in entry.scores)
        of_it = (costs[architecture][name] for name in names)
        writer.writerow((architecture, f"{entry.reward:.6g}", f"{entry.target:.6g}", *scores, *of_it))
    packed = packed_file(description)
    with new_place(packed) as part:
        part.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))  # the same table, the same bytes
    data = config["data"]
    content = {
        "name": name,
        "space": as_mapping(config["experiment"]["space"]),
        "table": {
            "file": packed.name,
            "key": "architecture",
            "reward": "reward",
            "target": "target",
            "input_shape": data["input_shape"],
            "classes": data["classes"],
        },
    }
    with new_place(description) as part:
        part.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
    return table
