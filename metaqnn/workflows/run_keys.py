"""What the figures of a compared run follow from, as texts: the table, the strategy's settings, and its code."""

import json
import sys
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

from metaqnn.config import as_mapping
from metaqnn.replay.canonical import encode
from metaqnn.version import __version__
from metaqnn.workflows.section import Section
from metaqnn.workflows.table_files import Benchmark

_BYTES = 16
_LIBRARIES = ("numpy", "optuna", "smac")
"""Whose version may change what a strategy proposes."""


def contents_of(benchmark: Benchmark) -> str:
    """A hash of a table: its space, and the rewards and targets of its networks; not its name."""
    space, table = benchmark.space, benchmark.table
    figures = {text: [float(entry.reward), float(entry.target)] for text, entry in table.entries.items()}
    about = [type(space).__qualname__, as_mapping(space.options), as_mapping(dict(space.facts)), table.score.recorded()]
    return blake2b(encode([json.dumps(about, sort_keys=True, default=str), figures]), digest_size=_BYTES).hexdigest()


def settings_of(part: Section) -> str:
    """A strategy with all its options, as JSON."""
    return json.dumps(part.as_mapping(), sort_keys=True, default=str)


def code_of(part: Section) -> str:
    """A hash of what proposes: the modules of its own package that a strategy is made of, and versions of others."""
    cls = part.plugin.load()
    package = cls.__module__.rpartition(".")[0]
    todo, sources = [cls.__module__], dict[str, bytes]()
    while todo:
        name = todo.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if name in sources or file is None or name.rpartition(".")[0] != package:
            continue
        sources[name] = Path(file).read_bytes()
        todo += [str(getattr(value, "__module__", "")) for value in vars(sys.modules[name]).values()]
    versions = {name: metadata.version(name) for name in _LIBRARIES if _is_installed(name)}
    about = [__version__, part.plugin.version, versions, sources]
    return blake2b(encode(about), digest_size=_BYTES).hexdigest()


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
